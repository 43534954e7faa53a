"""What a change of each key of the configuration runs again, and nothing besides."""

import copy
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from chain import CONFIG, REPOSITORY, Chain, copy_workflow
from conftest import save_pictures
from pydantic import BaseModel

from sjft.data_state import NOT_FOR_THE_LIST
from sjft.settings.arm import ARMS
from sjft.settings.config import read_configuration
from sjft.settings.experiment import TrainingSettings
from sjft.settings.known_part import known_part
from sjft.settings.retrieval import RetrievalSettings
from sjft.stage_settings import ORIGIN, only_told

REASONS = Path(__file__).with_name("rerun_reasons.py")
WORKFLOW = REPOSITORY / "workflow"
_PICTURES = {
    "reader": "image_folder",
    "root": "pictures",
    "random_split": {"train": 2, "val": 1},
}
_CNN = {
    "type": "cnn",
    "network": "squeezenet1_1",
    "weights": {"source": "file", "path": "weights/store.pth"},
    "layers": ["features.0"],
    "resize": 64,
    "crop": 64,
}
_EXPERIMENT = CONFIG["experiments"]["twice"]
BASE: dict[str, Any] = {
    "data_root": "data",
    "datasets": {
        "pictures": _PICTURES,
        "store": CONFIG["datasets"]["store"],
        "other": {**_PICTURES, "root": "pictures again"},
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
            "target": "pictures",
            "retrieval": "plain",
            "training": {**_EXPERIMENT["training"], "schedule": "steps"},
            "publish": {"compare": list(ARMS)},
            "ablation": {"seeds": [0], "gabor_retrieval": "gabor"},
        }
    },
}
TARGETS = ["results/all/model.pt", "results/all/ablation.csv"]


def leaves(model: BaseModel, path: str = "") -> Iterator[str]:
    """Dotted names of all keys of a section; those that choose its kind are no keys of it."""
    for name, field in type(model).model_fields.items():
        value, here = getattr(model, name), f"{path}.{name}".strip(".")
        if isinstance(value, BaseModel):
            yield from leaves(value, here)
        elif len(get_args(field.annotation)) != 1 or get_args(field.annotation)[0] != value:
            yield here


def all_keys() -> list[str]:
    configuration = read_configuration(BASE)
    used = {"datasets": ["pictures", "store"], "banks": ["cnn", "small"],
            "retrievals": ["plain", "gabor"], "experiments": ["all"]}  # fmt: skip
    keys = [key for key in leaves(configuration) if key not in used]
    for section, names in used.items():
        for name in names:
            keys += leaves(getattr(configuration, section)[name], f"{section}.{name}")
    return keys


def changed(change: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration with other values of some keys."""
    configuration = copy.deepcopy(BASE)
    for key, value in change.items():
        *folders, name = key.split(".")
        place = configuration
        for folder in folders:
            place = place.setdefault(folder, {})
        place[name] = value
    return configuration


# Which jobs of a rule a row is about, where these are not all: by arm and round.
GROUPS: dict[str, Callable[[str, int], bool]] = {
    "using sources": lambda arm, _: ARMS[arm].sources != "none",
    "selecting": lambda arm, _: ARMS[arm].selects,
    "growing": lambda arm, number: ARMS[arm].grows and number > 0,
    "pre-trained": lambda arm, _: not ARMS[arm].scratch,
    "pre-trained, using sources": lambda arm, _: (
        not ARMS[arm].scratch and ARMS[arm].sources != "none"
    ),
    "from scratch": lambda arm, _: ARMS[arm].scratch,
    "gabor": lambda arm, _: ARMS[arm].gabor,
    "not gabor, using sources": lambda arm, _: not ARMS[arm].gabor and ARMS[arm].sources != "none",
    "not gabor, selecting": lambda arm, _: not ARMS[arm].gabor and ARMS[arm].selects,
}
NOTHING = ""
# The lists of the target's pictures, and all that goes by their numbers.
TARGET = (
    "list_images; hash_images; extract_descriptors; find_leakage; merge_leakage; find_duplicates; "
    "evaluate; publish"
)
TARGET_TRAINING = f"{TARGET}; merge_neighbours; select_subset"
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
    "datasets.pictures.shards": (
        2,
        f"{TARGET_TRAINING}; equalise_bins; fit_projection; search_shard; summarise",
    ),
    # No extraction has left any out yet.
    "datasets.pictures.on_bad_image": ("skip", "evaluate; select_subset; publish"),
    "datasets.pictures.root": (
        "pictures again",
        "list_images; hash_images; extract_descriptors; finetune; score_difficulty; evaluate; "
        "publish",
    ),
    "datasets.pictures.how_to_get": ("Ask.", NOTHING),
    "datasets.pictures.watch": ("folders", NOTHING),
    "datasets.pictures.content_digest": (True, TARGET_TRAINING),
    "datasets.pictures.downloads": ([{"url": "http://mirror.example/a.tar"}], NOTHING),
    "datasets.pictures.train_per_class": (1, TARGET_TRAINING),
    "datasets.pictures.train_seed": (9, "list_images; publish"),
    "datasets.pictures.splits": (
        {
            "datasets.pictures.splits": {"train": "."},
            "datasets.pictures.random_split": None,
        },
        TARGET_TRAINING,
    ),
    "datasets.pictures.random_split.train": (1, TARGET_TRAINING),
    "datasets.pictures.random_split.val": (0, TARGET),
    "datasets.pictures.random_split.seed": (9, TARGET_TRAINING),
    "datasets.pictures.exclude_classes": (["c"], TARGET_TRAINING),
    "datasets.store.shards": (
        3,
        "list_images; search_shard; merge_neighbours; merge_leakage; summarise; publish",
    ),
    # Here one has (see `chain`): with `fail`, that shard's job has to fail.
    "datasets.store.on_bad_image": (
        "skip",
        "extract_descriptors; select_subset (using sources); publish",
    ),
    **{
        f"datasets.store.{key}": (value, "generate_images; list_images; publish")
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
    "banks.cnn.network": ("squeezenet1_0", DESCRIPTORS),
    "banks.cnn.weights.path": ("weights/other.pth", DESCRIPTORS),
    "banks.cnn.layers": (["features.3.squeeze"], DESCRIPTORS),
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
    "retrievals.plain.bank": ("other", "equalise_bins; build_histograms; summarise; publish"),
    "retrievals.plain.epsilon": (
        1e-3,
        f"fit_projection; {SEARCH}; merge_neighbours; rank_sources; find_duplicates",
    ),
    "retrievals.plain.layer_weights": ({"features.0": 2}, "equalise_bins; publish"),
    "retrievals.plain.backend": ("flat", f"{SEARCH}; merge_neighbours; summarise"),
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
    "retrievals.gabor.bank": ("other", "equalise_bins; build_histograms; summarise; publish"),
    "retrievals.gabor.epsilon": (1e-3, f"{SEARCH}; merge_neighbours; rank_sources"),
    "retrievals.gabor.layer_weights": ({"gabor": 2}, "equalise_bins; publish"),
    "retrievals.gabor.backend": ("annoy", f"{SEARCH}; merge_neighbours; summarise"),
    "retrievals.gabor.annoy.trees": (9, NOTHING),
    "retrievals.gabor.annoy.search_k": (9, NOTHING),
    "retrievals.gabor.annoy.candidates_factor": (9, NOTHING),
    "retrievals.gabor.leakage.check": (
        False,
        "rank_sources; select_subset (gabor); summarise; publish",
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
        }.items()
    },
    "experiments.all.training.updates": (9, f"{TRAINING}; ablate"),
    "experiments.all.training.input_size": (16, SEEN),
    "experiments.all.training.mean": ([0, 0, 0], SEEN),
    "experiments.all.training.std": ([1, 1, 1], SEEN),
    "experiments.all.training.weights.path": (
        "weights/other.pth",
        "finetune (pre-trained); publish",
    ),
    "experiments.all.training.head_learning_rate_factor": (9, "finetune (pre-trained); publish"),
    "experiments.all.training.freeze_batch_norm": (True, "finetune (pre-trained); publish"),
    **{
        f"experiments.all.training.{key}": (value, "finetune (pre-trained, using sources); publish")
        for key, value in {
            "source_head": "new",
            "source_head_classes": "classes.txt",
            "source_head_learning_rate_factor": 9,
        }.items()
    },
    "experiments.all.training.source_loss_weight": (9, "finetune (using sources); publish"),
    "experiments.all.training.device": ("auto", NOTHING),
    "experiments.all.training.threads": (9, NOTHING),
    "experiments.all.training.compile": (True, NOTHING),
    "experiments.all.training.log_every": (9, NOTHING),
    "experiments.all.evaluation.split": ("val", "evaluate; publish; ablate"),
    "experiments.all.evaluation.scales": ([40], "score_difficulty; evaluate; publish"),
    "experiments.all.evaluation.crops": ("five", "evaluate; publish"),
    "experiments.all.evaluation.mirror": (True, "evaluate; publish"),
    "experiments.all.evaluation.batch": (9, NOTHING),
    "experiments.all.publish.arm": ("fine-tune", "publish"),
    "experiments.all.publish.seed": (
        {"experiments.all.publish.seed": 1, "experiments.all.seeds": [0, 1]},
        "summarise; publish",
    ),
    "experiments.all.publish.compare": (["selective"], "summarise; publish"),
    "experiments.all.ablation.arms": (["selective"], "ablate"),
    "experiments.all.ablation.seeds": ([0, 1], "ablate"),
    "experiments.all.ablation.fusion": (["selective"], "ablate"),
    "experiments.all.ablation.gabor_retrieval": (
        {
            "experiments.all.ablation.gabor_retrieval": "third",
            "retrievals.third": {"bank": "small", "neighbours_on_file": 20},
        },
        "select_subset (gabor); finetune (gabor); summarise; publish",
    ),
    "experiments.all.ablation.scratch_learning_rate": (0.9, "finetune (from scratch); publish"),
}
# What a key's value, or another key's, makes of it.
MORE: dict[str, tuple[dict[str, Any], str]] = {
    "further scales": ({"experiments.all.evaluation.scales": [32, 40, 48]}, "evaluate; publish"),
    "another experiment": (
        {"experiments.more": {**BASE["experiments"]["all"], "target": "other"}},
        NOTHING,
    ),
    "unused entries": (
        {"datasets.more": _PICTURES, "banks.more": {"type": "gabor"}, "banks.other.crop": 9},
        NOTHING,
    ),
    # The published arm and those beside it are none of Gabor filters.
    "gabor in the ablation alone": (
        {"experiments.all.publish.compare": ["selective"], "retrievals.gabor.bins": 9},
        "equalise_bins; summarise; publish",
    ),
}


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Chain:
    made = copy_workflow(tmp_path_factory.mktemp("reruns") / "run")
    data = made.root / "data"
    save_pictures(data / "pictures", [f"{c}/{number}.png" for c in "abc" for number in range(6)])
    shutil.copytree(data / "pictures", data / "pictures again")
    shutil.copy2(data / "weights/store.pth", data / "weights/other.pth")
    (data / "classes.txt").write_text("square\narrow\n", encoding="utf-8")
    (made.root / "linked").symlink_to("data")
    for bank, rows in (("cnn", "a.jpg,truncated\n"), ("small", "")):
        skipped = made.results / f"descriptors/{bank}/store/train/0000.skipped.csv"
        skipped.parent.mkdir(parents=True)
        skipped.write_text(f"path,reason\n{rows}", encoding="utf-8")
    text = yaml.safe_dump(BASE, sort_keys=False)
    (made.root / "config/config.yaml").write_text(text, encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def answers(chain: Chain) -> dict[str, Any]:
    """All jobs, and for each change those that have a reason of their own to run again."""
    changes = {
        key: value if _is_change(key, value) else {key: value} for key, (value, _) in TABLE.items()
    }
    changes |= {name: change for name, (change, _) in MORE.items()}
    asked = {
        "base": BASE,
        "changed": {name: changed(change) for name, change in changes.items()},
        "targets": TARGETS,
    }
    (chain.root / "asked.json").write_text(json.dumps(asked), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(REASONS), "Snakefile", "asked.json", "answers.json"],
        cwd=chain.root,
        env=chain.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads((chain.root / "answers.json").read_text(encoding="utf-8"))
    return found


def _is_change(key: str, value: Any) -> bool:
    return isinstance(value, dict) and key in value


def expected(row: str, jobs: list[str]) -> set[str]:
    """The jobs that a row speaks of."""
    found = set()
    for part in filter(None, row.split("; ")):
        rule, _, group = part.removesuffix(")").partition(" (")
        of_rule = [job for job in jobs if job.split()[0] == rule]
        if group:
            of_rule = [job for job in of_rule if GROUPS[group](job.split()[1], int(job.split()[2]))]
        assert of_rule, part
        found |= set(of_rule)
    return found


def test_every_key_has_a_row() -> None:
    assert set(TABLE) == set(all_keys())


@pytest.mark.parametrize("name", [*TABLE, *MORE])
def test_a_changed_key_reruns_what_the_table_says(answers: dict[str, Any], name: str) -> None:
    _, row = {**TABLE, **MORE}[name]
    assert set(answers["changes"][name]) == expected(row, answers["jobs"])


def test_the_jobs_of_all_stages_are_looked_at(answers: dict[str, Any]) -> None:
    rules = {job.split()[0] for job in answers["jobs"]}
    written = "".join(path.read_text("utf-8") for path in (WORKFLOW / "rules").glob("*.smk"))
    named = set(re.findall(r"^rule (\w+):", written, re.M))
    assert named - rules == {"fetch_weights", "fetch_all_weights"}


def test_each_reader_lists_by_all_of_its_keys_but_those_of_its_files_origin() -> None:
    assert ORIGIN | {"on_bad_image"} == NOT_FOR_THE_LIST


# What a job is told of, and nothing else, can be read.


def test_a_key_that_a_job_does_not_go_by_cannot_be_read() -> None:
    plain = {"epsilon": 1e-4, "annoy": {"trees": 3}}
    part = known_part(RetrievalSettings, plain)
    assert (part.epsilon, part.annoy.trees) == (1e-4, 3)
    assert part.model_dump(mode="json") == plain
    for wrong in (lambda: part.seed, lambda: part.annoy.search_k, lambda: part.leakage):
        with pytest.raises(AttributeError):
            wrong()


def test_a_part_of_the_settings_is_the_same_settings() -> None:
    settings = TrainingSettings(resize=(230, 240), weights={"source": "random", "seed": 3})  # type: ignore[arg-type]
    plain = json.loads(json.dumps(settings.model_dump(mode="json")))
    assert known_part(TrainingSettings, plain) == settings


def test_jobs_are_told_how_they_compute() -> None:
    told = only_told(read_configuration(BASE))
    assert told["training"]["all"] == {
        "device": "cpu",
        "threads": 1,
        "compile": False,
        "log_every": 50,
    }
    assert told["evaluation"]["all"] == {"batch": 64}
    assert told["retrievals"]["plain"]["device"] == "cpu"
    assert told["datasets"]["store"] == {"on_bad_image": "fail"}
