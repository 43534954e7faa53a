"""What runs again for a reason of its own when a key of the configuration changes: the table."""

from collections.abc import Callable
from typing import Any

from chain import CONFIG

from sjft.settings.arm import PRESETS

_IMAGES = {
    "reader": "image_folder",
    "root": "images",
    "random_split": {"train": 2, "val": 1},
}
_CNN = {
    "type": "cnn",
    "network": "shufflenet_v2_x0_5",
    "weights": {"source": "file", "path": "weights/store.pth"},
    "layers": ["conv1"],
    "resize": 64,
    "crop": 64,
}
_EXPERIMENT = CONFIG["experiments"]["twice"]
BASE: dict[str, Any] = {
    "data_root": "data",
    "datasets": {
        "images": _IMAGES,
        "store": CONFIG["datasets"]["store"],
        "other": {**_IMAGES, "root": "images again"},
    },
    "banks": {"small": CONFIG["banks"]["small"], "cnn": _CNN, "other": {"type": "gabor"}},
    "retrievals": {
        "plain": {"bank": "cnn", "neighbours_on_file": 20},
        "gabor": {"bank": "small", "neighbours_on_file": 20, "backend": "exact"},
        "other": {"bank": "other", "neighbours_on_file": 20},
    },
    "experiments": {
        "all": {
            **_EXPERIMENT,
            "target": "images",
            "retrieval": "plain",
            "training": {**_EXPERIMENT["training"], "schedule": "steps"},
            "arms": {"gabor": {"retrieval": "gabor"}},
            "publish": {"compare": list(PRESETS)},
            "ablation": {"seeds": [0]},
        }
    },
}

_ALONE = {name for name, arm in PRESETS.items() if arm.sources == "none"}
_SELECTING = {name for name, arm in PRESETS.items() if arm.sources == "neighbours"}
_GROWING = {name for name in _SELECTING if PRESETS[name].iterate}
_SCRATCH = {"scratch", "selective-scratch"}
# Which jobs of a rule a row is about, where these are not all: by arm and round.
GROUPS: dict[str, Callable[[str, int], bool]] = {
    "using sources": lambda arm, _: arm not in _ALONE,
    "selecting": lambda arm, _: arm in _SELECTING,
    "growing": lambda arm, number: arm in _GROWING and number > 0,
    "pre-trained": lambda arm, _: arm not in _SCRATCH,
    "pre-trained, using sources": lambda arm, _: arm not in _SCRATCH | _ALONE,
    "from scratch": lambda arm, _: arm in _SCRATCH,
    "gabor": lambda arm, _: arm == "gabor",
    "not gabor, using sources": lambda arm, _: arm not in {"gabor"} | _ALONE,
    "not gabor, selecting": lambda arm, _: arm in _SELECTING - {"gabor"},
}
NOTHING = ""
# The lists of the target's images, and all that goes by their numbers.
TARGET = (
    "list_images; hash_images; extract_descriptors; find_leakage; merge_leakage; find_duplicates; "
    "evaluate; summarise; publish"
)
TARGET_TRAINING = f"{TARGET}; merge_neighbours; select_subset; finetune"
DESCRIPTORS = "extract_descriptors; publish"
SELECTION = "select_subset (selecting); publish"
GROWTH = "select_subset (growing); publish"
TRAINING = "finetune; publish"
SEEN = "finetune; score_difficulty; evaluate; publish"
SEARCH = "search_shard; find_leakage; publish"
BANK = {
    "resize": (80, DESCRIPTORS),
    "crop": (30, DESCRIPTORS),
    "grid.lowest_octave": (-9, DESCRIPTORS),
    "grid.highest_octave": (9, DESCRIPTORS),
    "grid.levels_per_octave": (8, DESCRIPTORS),
    "device": ("auto", NOTHING),
    "threads": (9, NOTHING),
}
MERGING = "merge_neighbours; publish"
RETRIEVAL = {
    "bins": (9, "equalise_bins; publish"),
    "neighbours_on_file": (19, "search_shard; merge_neighbours; rank_sources; publish"),
    "device": ("cuda", NOTHING),
    "recall_sample": (9, MERGING),
    "recall_floor": (0.9, MERGING),
}
# For each key another value (a mapping: of other keys too) and what runs again for a reason of its
# own; what reads the outcome follows by itself.
TABLE: dict[str, tuple[Any, str]] = {
    "data_root": ("linked", NOTHING),
    "weights_url": ("http://mirror.example/models", NOTHING),
    "checkpoints.seconds": (9, NOTHING),
    "checkpoints.updates": (9, NOTHING),
    "checkpoints.keep": (9, NOTHING),
    "training_jobs.cache_mb": (9, NOTHING),
    "training_jobs.tensorboard": (True, NOTHING),
    # No job of these pages is asked for here.
    **{f"explorer.{key}": (9, NOTHING) for key in ("targets", "neighbours", "explained")},
    "explorer.thumbnails": (900, NOTHING),
    "datasets.images.shards": (
        2,
        f"{TARGET_TRAINING}; equalise_bins; fit_projection; search_shard",
    ),
    # No extraction has left any out yet.
    "datasets.images.on_bad_image": ("skip", "evaluate; select_subset; summarise; publish"),
    "datasets.images.largest_file": (9, "list_images; evaluate; publish"),
    "datasets.images.largest_image": (9, "hash_images; evaluate; publish"),
    # The same files in another folder.
    "datasets.images.root": ("images again", "publish"),
    "datasets.images.how_to_get": ("Ask.", NOTHING),
    "datasets.images.watch": ("folders", NOTHING),
    "datasets.images.content_digest": (True, TARGET_TRAINING),
    "datasets.images.downloads": ([{"url": "http://mirror.example/a.tar"}], NOTHING),
    "datasets.images.train_per_class": (1, TARGET_TRAINING),
    "datasets.images.train_seed": (9, "list_images; publish"),
    "datasets.images.splits": (
        {
            "datasets.images.splits": {"train": "."},
            "datasets.images.random_split": None,
        },
        TARGET_TRAINING,
    ),
    "datasets.images.random_split.train": (3, TARGET_TRAINING),
    "datasets.images.random_split.val": (0, TARGET),
    "datasets.images.random_split.seed": (9, TARGET_TRAINING),
    "datasets.images.exclude_classes": (["c"], TARGET_TRAINING),
    # No image is read again for what its class is called.
    "datasets.images.names": (
        "../names.txt",
        "list_images; find_leakage; merge_leakage; find_duplicates; merge_neighbours; "
        "select_subset; finetune; evaluate; summarise; publish",
    ),
    "datasets.store.shards": (
        3,
        "list_images; search_shard; merge_neighbours; merge_leakage; summarise; publish",
    ),
    # Here one has (see `chain`): with `fail`, that shard's job has to fail.
    "datasets.store.on_bad_image": (
        "skip",
        "extract_descriptors; select_subset (using sources); summarise; publish",
    ),
    **{
        f"datasets.store.{key}": (
            value,
            "generate_images; list_images; finetune (using sources); publish",
        )
        for key, value in {
            "contents": ["square", "ell"],
            "styles": ["cells"],
            "per_class": {"train": 8},
            "size": 40,
            "quality": 80,
            "seed": 9,
        }.items()
    },
    **{f"banks.{bank}.{key}": row for bank in ("cnn", "small") for key, row in BANK.items()},
    "banks.cnn.network": ("shufflenet_v2_x1_0", DESCRIPTORS),
    "banks.cnn.weights.path": ("weights/other.pth", DESCRIPTORS),
    "banks.cnn.layers": (["stage2"], DESCRIPTORS),
    "banks.cnn.activation": ("before", DESCRIPTORS),
    "banks.cnn.mean": ([0, 0, 0], DESCRIPTORS),
    "banks.cnn.std": ([1, 1, 1], DESCRIPTORS),
    "banks.small.scales": (2, DESCRIPTORS),
    "banks.small.orientations": (3, DESCRIPTORS),
    "banks.small.shortest_wavelength": (5, DESCRIPTORS),
    "banks.small.wavelength_factor": (2, DESCRIPTORS),
    **{
        f"retrievals.{name}.{k}": row for name in ("plain", "gabor") for k, row in RETRIEVAL.items()
    },
    "retrievals.plain.bank": ("other", "equalise_bins; build_histograms; publish"),
    "retrievals.plain.epsilon": (
        1e-3,
        f"fit_projection; {SEARCH}; merge_neighbours; rank_sources; find_duplicates",
    ),
    "retrievals.plain.layer_weights": ({"conv1": 2}, "equalise_bins; publish"),
    # Its index would be another one, if anybody asked for it.
    "retrievals.plain.backend": ("flat", f"build_index; {SEARCH}; merge_neighbours; summarise"),
    "retrievals.plain.annoy.trees": (9, f"build_index; {SEARCH}"),
    "retrievals.plain.annoy.search_k": (9, SEARCH),
    "retrievals.plain.annoy.candidates_factor": (9, SEARCH),
    "retrievals.plain.leakage.check": (
        False,
        "rank_sources; select_subset (not gabor, using sources); summarise; publish",
    ),
    "retrievals.plain.leakage.exclude": (
        False,
        "rank_sources; select_subset (not gabor, using sources); publish",
    ),
    "retrievals.plain.leakage.hash_distance": (9, "find_leakage; find_duplicates; publish"),
    "retrievals.plain.leakage.divergence_share": (0.9, "merge_leakage; find_duplicates; publish"),
    "retrievals.plain.projection_dimensions": (9, f"fit_projection; {SEARCH}"),
    "retrievals.plain.projection_sample": (9, "fit_projection; publish"),
    "retrievals.plain.seed": (9, "fit_projection; build_index; merge_neighbours; publish"),
    # This one is exact: it has neither projection nor index. Its duplicates nobody asks for.
    "retrievals.gabor.bank": ("other", "equalise_bins; build_histograms; publish"),
    "retrievals.gabor.epsilon": (1e-3, f"{SEARCH}; merge_neighbours; rank_sources"),
    "retrievals.gabor.layer_weights": ({"gabor": 2}, "equalise_bins; publish"),
    "retrievals.gabor.backend": ("annoy", f"{SEARCH}; merge_neighbours"),
    "retrievals.gabor.annoy.trees": (9, NOTHING),
    "retrievals.gabor.annoy.search_k": (9, NOTHING),
    "retrievals.gabor.annoy.candidates_factor": (9, NOTHING),
    "retrievals.gabor.leakage.check": (
        False,
        "rank_sources; select_subset (gabor); publish",
    ),
    "retrievals.gabor.leakage.exclude": (False, "rank_sources; select_subset (gabor); publish"),
    "retrievals.gabor.leakage.hash_distance": (9, "find_leakage; publish"),
    "retrievals.gabor.leakage.divergence_share": (0.9, "merge_leakage; publish"),
    "retrievals.gabor.projection_dimensions": (9, NOTHING),
    "retrievals.gabor.projection_sample": (9, NOTHING),
    "retrievals.gabor.seed": (9, MERGING),
    "experiments.all.target": (
        "other",
        "select_subset; finetune; score_difficulty; evaluate; summarise; publish",
    ),
    "experiments.all.source": (
        ["store", "other"],
        "select_subset (using sources); finetune (using sources); summarise; publish",
    ),
    "experiments.all.retrieval": (
        "other",
        "select_subset (not gabor, using sources); finetune (not gabor, selecting); summarise; "
        "publish",
    ),
    "experiments.all.rounds": (3, "evaluate; summarise; publish; ablate"),
    "experiments.all.seeds": ([0, 1], "summarise; publish"),
    "experiments.all.selection.initial_neighbours": (3, SELECTION),
    "experiments.all.selection.least_images_per_class": (2, SELECTION),
    "experiments.all.selection.growth_misclassified": (9, GROWTH),
    "experiments.all.selection.growth_uncertain": (9, GROWTH),
    "experiments.all.selection.entropy_threshold": (9, GROWTH),
    "experiments.all.selection.highest_sampling_level": (9, GROWTH),
    "experiments.all.selection.draw_hard_images_more": (False, GROWTH),
    **{
        f"experiments.all.training.{key}": (value, TRAINING)
        for key, value in {
            "network": "resnet18",
            "resize": [32, 40],
            "target_batch": 6,
            "most_of_a_class": 3,
            "accumulate": 2,
            "learning_rate": 0.9,
            "schedule": "cosine",
            "learning_rate_steps": 9,
            "warm_up_updates": 1,
            "momentum": 0.8,
            "weight_decay": 0.1,
            "target_loss_weight": 9,
            "processes": 2,
            "precision": "float32",
            "optimiser": "adamw",
            "layer_wise_decay": 0.9,
            "label_smoothing": 0.1,
            "augment": "rand_augment",
            "mixup": 0.2,
            "ema": 0.9,
        }.items()
    },
    # With `augment: rand_augment` alone it decides anything.
    "experiments.all.training.rand_augment_magnitude": (5, "publish"),
    "experiments.all.training.keep": ("best_on_val", TRAINING),
    # With `keep: best_on_val` alone it decides anything.
    "experiments.all.training.validate_every": (5, "publish"),
    "experiments.all.training.updates": (9, f"{TRAINING}; ablate"),
    "experiments.all.training.input_size": (16, SEEN),
    "experiments.all.training.mean": ([0, 0, 0], SEEN),
    "experiments.all.training.std": ([1, 1, 1], SEEN),
    "experiments.all.training.weights.path": (
        "weights/other.pth",
        "finetune (pre-trained); publish",
    ),
    "experiments.all.training.head_learning_rate_factor": (9, "finetune (pre-trained); publish"),
    "experiments.all.training.batch_norm": ("frozen", "finetune (pre-trained); publish"),
    **{
        f"experiments.all.training.{key}": (value, "finetune (pre-trained, using sources); publish")
        for key, value in {
            "source_head": "new",
            "source_head_classes": "classes.txt",
            "source_head_learning_rate_factor": 9,
        }.items()
    },
    **{
        f"experiments.all.training.{key}": (value, "finetune (using sources); publish")
        for key, value in {
            "source_loss_weight": 9,
            "source_loss_weight_at_end": 0,
            "source_batch": 2,
        }.items()
    },
    # Arms without divergences refuse it, until they say that it is off.
    "experiments.all.training.source_loss_scale": (
        {
            "experiments.all.training.source_loss_scale": 9,
            "experiments.all.arms.random-source": {"training": {"source_loss_scale": None}},
            "experiments.all.arms.all-source": {"training": {"source_loss_scale": None}},
        },
        "finetune (selecting); publish",
    ),
    "experiments.all.training.device": ("auto", NOTHING),
    "experiments.all.training.threads": (9, NOTHING),
    "experiments.all.training.compile": (True, NOTHING),
    "experiments.all.training.log_every": (9, NOTHING),
    "experiments.all.evaluation.split": ("val", "evaluate; publish; ablate"),
    "experiments.all.evaluation.scales": ([40], "score_difficulty; evaluate; publish"),
    "experiments.all.evaluation.crops": ("five", "evaluate; publish"),
    "experiments.all.evaluation.mirror": (True, "evaluate; publish"),
    "experiments.all.evaluation.batch": (9, NOTHING),
    "experiments.all.publish.arm": ("fine-tune", "summarise; publish"),
    "experiments.all.publish.seed": (
        {"experiments.all.publish.seed": 1, "experiments.all.seeds": [0, 1]},
        "summarise; publish",
    ),
    "experiments.all.publish.compare": (["selective"], "summarise; publish"),
    "experiments.all.publish.leave_out_duplicates": (True, "summarise; ablate; publish"),
    "experiments.all.ablation.arms": (["selective"], "ablate"),
    "experiments.all.ablation.seeds": ([0, 1], "ablate"),
    "experiments.all.ablation.fusion": (["selective"], "ablate"),
    "experiments.all.arms": (
        {
            "experiments.all.arms": {"gabor": {"retrieval": "third"}},
            "retrievals.third": {"bank": "small", "neighbours_on_file": 20},
        },
        "select_subset (gabor); finetune (gabor); publish",
    ),
}
# What a key's value, or another key's, makes of it.
MORE: dict[str, tuple[dict[str, Any], str]] = {
    "arms from scratch": (
        {
            f"experiments.all.arms.{name}": {"training": {"learning_rate": 0.9}}
            for name in sorted(_SCRATCH)
        },
        "finetune (from scratch); publish",
    ),
    "an arm of one's own that nobody asks for": (
        {
            "experiments.all.arms.own": {"retrieval": "other"},
            "experiments.all.ablation.arms": list(PRESETS),
        },
        NOTHING,
    ),
    # Without source images there are no two halves.
    "statistics of each half": (
        {"experiments.all.training.batch_norm": "separate"},
        "finetune (using sources); publish",
    ),
    "titles and references": (
        {
            "experiments.all.arms.fine-tune": {"title": "no source", "against": "all-source"},
        },
        "publish; ablate",
    ),
    "further scales": ({"experiments.all.evaluation.scales": [32, 40, 48]}, "evaluate; publish"),
    "another experiment": (
        {"experiments.more": {**BASE["experiments"]["all"], "target": "other"}},
        NOTHING,
    ),
    "unused entries": (
        {"datasets.more": _IMAGES, "banks.more": {"type": "gabor"}, "banks.other.crop": 9},
        NOTHING,
    ),
    # The published arm and those beside it are none of Gabor filters.
    "gabor in the ablation alone": (
        {"experiments.all.publish.compare": ["selective"], "retrievals.gabor.bins": 9},
        "equalise_bins; summarise; publish",
    ),
}
