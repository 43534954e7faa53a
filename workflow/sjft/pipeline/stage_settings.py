"""Which settings each stage goes by: what it runs again for, and what it is only told.

A stage goes by the keys that decide its result, and by no others. How a job computes (device,
threads, images a pass, compilation, rows of the history) decides no more than its last digits: a
job is told these, and what is done stays done when they change. All are plain values.
"""

from typing import Any

from sjft.pipeline import runs
from sjft.retrieval.index import search_backend
from sjft.settings.arm import ArmSettings
from sjft.settings.config import Configuration
from sjft.settings.dataset import DatasetSettings, Synthetic
from sjft.settings.image_limits import ImageLimits
from sjft.settings.splits import VALIDATION_SPLIT
from sjft.settings.training import COMPUTING as COMPUTING_TRAINING

Values = dict[str, Any]

# How an evaluation and a search compute.
COMPUTING_EVALUATION = frozenset({"batch"})
COMPUTING_RETRIEVAL = frozenset({"device"})
# Where the images come from, and how changes of them are noticed.
ORIGIN = frozenset({"how_to_get", "downloads", "watch"})
# What an image is for a trained network.
SEEN = ("input_size", "mean", "std")


def only_told(configuration: Configuration) -> Values:
    """What jobs are told of every entry beside what they go by.

    `advice` is, of each retrieval, what the message about a low recall speaks of.
    """
    retrievals = configuration.retrievals.items()
    return {
        "banks": {name: {"device": bank.device} for name, bank in configuration.banks.items()},
        "datasets": {
            name: _of_opening(dataset) for name, dataset in configuration.datasets.items()
        },
        "retrievals": {
            name: retrieval.model_dump(mode="json", include=set(COMPUTING_RETRIEVAL))
            for name, retrieval in retrievals
        },
        "advice": {
            name: retrieval.model_dump(
                mode="json", include=dict(search_backend(retrieval.backend).searched_by)
            )
            for name, retrieval in retrievals
        },
        "experiments": {
            name: {
                "training": e.training.model_dump(mode="json", include=set(COMPUTING_TRAINING)),
                "evaluation": e.evaluation.model_dump(
                    mode="json", include=set(COMPUTING_EVALUATION)
                ),
            }
            for name, e in configuration.experiments.items()
        },
    }


##### data sets and banks #####


def _of_opening(dataset: DatasetSettings) -> Values:
    """Which images are bad for their size, and what becomes of bad ones."""
    keys = {"on_bad_image", *ImageLimits.model_fields} & set(type(dataset).model_fields)
    return dataset.model_dump(mode="json", include=keys)


def of_generated_images(configuration: Configuration, dataset: str) -> Values:
    """What the images are made from: not which of them are listed, nor in which shards."""
    settings = configuration.datasets[dataset]
    listing = {"shards", "content_digest", "train_per_class", "train_seed", "root"}
    if isinstance(settings, Synthetic):  # there is no bad image among those of a seed
        listing.add("on_bad_image")
    unused = (listing | ORIGIN) & set(type(settings).model_fields)
    return settings.model_dump(mode="json", exclude=unused)


def of_descriptors(configuration: Configuration, bank: str) -> Values:
    """What a bank responds to, and how that is counted."""
    return configuration.banks[bank].deciding


##### retrieval #####


def _of_retrieval(configuration: Configuration, retrieval: str, *keys: str) -> Values:
    return configuration.retrievals[retrieval].model_dump(mode="json", include=set(keys))


def of_bins(configuration: Configuration, retrieval: str) -> Values:
    """How many bins there are, and what each layer weighs."""
    return _of_retrieval(configuration, retrieval, "bins", "layer_weights")


def of_projection(configuration: Configuration, retrieval: str) -> Values:
    """What the principal components are of, and how many there are."""
    dimensions = ("projection_dimensions", "projection_sample")
    return _of_retrieval(configuration, retrieval, "epsilon", "seed", *dimensions)


def of_index(configuration: Configuration, retrieval: str) -> Values:
    """How an index is built: how it is searched decides nothing yet."""
    settings = configuration.retrievals[retrieval]
    built_by = search_backend(settings.backend).built_by
    return settings.model_dump(mode="json", include={"backend": True, **built_by})


def _of_backend(configuration: Configuration, retrieval: str) -> Values:
    """Where candidates come from, and how they are compared."""
    settings = configuration.retrievals[retrieval]
    searched_by = search_backend(settings.backend).searched_by
    decides = {"epsilon": True, "backend": True, **searched_by}
    return settings.model_dump(mode="json", include=decides)


def of_search(configuration: Configuration, retrieval: str) -> Values:
    """What decides a shard's neighbours, beside histograms, projection and index."""
    on_file = _of_retrieval(configuration, retrieval, "neighbours_on_file")
    return on_file | _of_backend(configuration, retrieval)


def of_merged_neighbours(configuration: Configuration, retrieval: str) -> Values:
    """How many neighbours are kept, and how the recall is measured and judged."""
    keys = ("neighbours_on_file", "epsilon", "backend", "recall_sample", "recall_floor", "seed")
    return _of_retrieval(configuration, retrieval, *keys)


def of_ranking(configuration: Configuration, retrieval: str) -> Values:
    """How many neighbours are kept, and what their divergences are."""
    return _of_retrieval(configuration, retrieval, "neighbours_on_file", "epsilon")


def of_leakage_in_shard(configuration: Configuration, retrieval: str) -> Values:
    """What decides which pairs are looked at; the share that counts is applied to all shards."""
    distance = configuration.retrievals[retrieval].leakage.hash_distance
    return _of_backend(configuration, retrieval) | {"leakage": {"hash_distance": distance}}


def of_merged_leakage(configuration: Configuration, retrieval: str) -> Values:
    """Below which share of the usual divergence two images are one."""
    return {"divergence_share": configuration.retrievals[retrieval].leakage.divergence_share}


def of_duplicates(configuration: Configuration, retrieval: str) -> Values:
    """Both ways of telling copies within the target."""
    leakage = configuration.retrievals[retrieval].leakage
    return {
        **_of_retrieval(configuration, retrieval, "epsilon"),
        "leakage": leakage.model_dump(include={"hash_distance", "divergence_share"}),
    }


##### runs #####


def of_selection(configuration: Configuration, experiment: str, arm: str, round: str) -> Values:
    """How many neighbours a target image brings, and from the second round on how that grows."""
    found = configuration.experiments[experiment].arm(arm)
    return found.selection.deciding(found.iterates and int(round) > 0) if found.selects else {}


def of_training(configuration: Configuration, experiment: str, arm: str) -> Values:
    """What decides an arm's weights, beside the images."""
    found = configuration.experiments[experiment].arm(arm)
    return found.training.deciding(found.with_sources)


def of_best_weights(configuration: Configuration, experiment: str, arm: str) -> Values:
    """Whether bad images of `val` are left out, where the best weights are chosen by that."""
    settings = configuration.experiments[experiment]
    if settings.arm(arm).training.keep == "last":
        return {}
    return {"on_bad_image": configuration.datasets[settings.target].on_bad_image}


def of_difficulty(configuration: Configuration, experiment: str, arm: str) -> Values:
    """How a training image is seen: in the first scale's central view alone."""
    settings = configuration.experiments[experiment]
    return {
        "training": settings.arm(arm).training.model_dump(mode="json", include=set(SEEN)),
        "evaluation": {"scales": list(settings.evaluation.scales[:1])},
    }


def of_evaluation(configuration: Configuration, experiment: str, arm: str) -> Values:
    """Which images are scored, in which views."""
    settings = configuration.experiments[experiment]
    return {
        "training": settings.arm(arm).training.model_dump(mode="json", include=set(SEEN)),
        "evaluation": settings.evaluation.model_dump(
            mode="json", exclude=set(COMPUTING_EVALUATION)
        ),
        "dataset": _of_opening(configuration.datasets[settings.target]),
    }


def of_validation(configuration: Configuration, experiment: str, arm: str) -> Values:
    """Likewise, on the split that the published arm is chosen by."""
    settings = of_evaluation(configuration, experiment, arm)
    return settings | {"evaluation": settings["evaluation"] | {"split": VALIDATION_SPLIT}}


def of_publication(configuration: Configuration, experiment: str) -> Values:
    """All that decides an experiment's model, as sections of a configuration.

    Of its arms, those that are published or compared, and what they start from: no other arm
    concerns a model, and no seed of the ablation. Where they start from what other experiments
    learn, with all that decides those.
    """
    sections = _of_own_publication(configuration, experiment)
    for other in runs.started_from(configuration, experiment):
        for section, entries in _of_own_publication(configuration, other).items():
            sections[section] |= entries
    return sections


def _of_own_publication(configuration: Configuration, experiment: str) -> Values:
    settings = configuration.experiments[experiment]
    arms = settings.publish.arms
    names = [settings.retrieval, *(settings.arm(arm).retrieval for arm in arms)]
    retrievals = {name: _of_whole_retrieval(configuration, name) for name in dict.fromkeys(names)}
    banks = dict.fromkeys(retrieval["bank"] for retrieval in retrievals.values())
    return {
        "datasets": {
            name: _of_dataset(configuration, name) for name in (settings.target, *settings.sources)
        },
        "banks": {name: of_descriptors(configuration, name) for name in banks},
        "retrievals": retrievals,
        "experiments": {
            experiment: settings.model_dump(
                mode="json",
                exclude={
                    "training": set(COMPUTING_TRAINING),
                    "evaluation": set(COMPUTING_EVALUATION),
                    "arms": True,
                    "ablation": True,
                },
            )
            | {
                "arms": {
                    name: _of_arm(settings.arms[name]) for name in settings.configured_behind(arms)
                }
            }
        },
    }


def _of_arm(settings: ArmSettings) -> Values:
    """What an entry changes: not what its difference is taken to."""
    return {k: v for k, v in settings.model_dump(mode="json").items() if k != "against"}


def _of_whole_retrieval(configuration: Configuration, retrieval: str) -> Values:
    settings = configuration.retrievals[retrieval]
    backend = search_backend(settings.backend)
    unused = set(settings.backend_sections) - {*backend.searched_by, *backend.built_by}
    if not backend.needs_projection:
        unused |= {"projection_dimensions", "projection_sample"}
    return settings.model_dump(mode="json", exclude=unused | COMPUTING_RETRIEVAL)


def _of_dataset(configuration: Configuration, name: str) -> Values:
    dataset = configuration.datasets[name]
    exclude = set() if isinstance(dataset, Synthetic) else set(ORIGIN)
    return dataset.model_dump(mode="json", exclude=exclude)
