"""What each rule reads, up to the ranking of the sources: its named inputs, from its wildcards.

A rule takes from here what a pattern with wildcards cannot say; `sjft.pipeline.jobs` follows all.
"""

from collections.abc import Callable, Sequence
from typing import Any

from sjft import layout
from sjft.layout import File
from sjft.pipeline import runs
from sjft.retrieval.index import search_backend
from sjft.retrieval.index.backend import IndexBackend
from sjft.settings.banks.common import NetworkWeights
from sjft.settings.config import Configuration
from sjft.settings.training import TrainingSettings
from sjft.settings.weights import ExperimentWeights, TorchvisionWeights

# Of a name, one file, or any number of them.
Files = dict[str, File | list[File]]


def shards_of(c: Configuration, dataset: str) -> list[str]:
    """A data set's shards, as they stand in paths."""
    return [f"{shard:04d}" for shard in range(c.datasets[dataset].shards)]


def published_weights(used: NetworkWeights | TrainingSettings | None) -> File | list[File]:
    """The file of a network's published weights; others, and a bank without, need no rule."""
    if used is None or not isinstance(used.weights, TorchvisionWeights):
        return []
    return layout.WEIGHTS.of(network=used.network, weights=used.weights.name)


def learned_weights(training: TrainingSettings) -> File | list[File]:
    """The model of another experiment that training starts from; none where it starts otherwise."""
    if not isinstance(training.weights, ExperimentWeights):
        return []
    return layout.MODEL.of(experiment=training.weights.experiment)


def all_published_weights(c: Configuration) -> list[File]:
    """The files of all published weights that a bank or an arm names."""
    users = [
        *(bank.network_weights for bank in c.banks.values()),
        *(arm.training for name in c.experiments for arm in runs.complete_arms(c, name)),
    ]
    found = map(published_weights, users)
    return sorted({file for file in found if isinstance(file, File)})


def is_told_by_digests(c: Configuration, file: File) -> bool:
    """Whether the jobs that read a file go by digests of what it says, among their settings.

    So it is with the list of a data set on disk: where another version of the program, or another
    setting, lists the same images anew, none has to be opened again. Of images that the program
    makes there are no digests.
    """
    dataset = file.job.names.get("dataset", "")
    return file == layout.IMAGES.of(dataset=dataset) and not c.datasets[dataset].generated


def flagged(c: Configuration, found: File | list[File], flag: Callable[[File], Any]) -> Any:
    """A rule's input, with a ``flag`` on each file whose time is no reason to run again."""
    if isinstance(found, list):
        return [flagged(c, file, flag) for file in found]
    return flag(found) if is_told_by_digests(c, found) else found


##### data and descriptors #####


def list_images(c: Configuration, *, dataset: str) -> Files:
    """The images that must be made before they can be listed: the demo's."""
    made = c.datasets[dataset].generated
    return {"generated": layout.GENERATED.of(dataset=dataset) if made else []}


def hash_images(c: Configuration, *, dataset: str, part: str, shard: str) -> Files:
    """The list."""
    return {"images": layout.IMAGES.of(dataset=dataset)}


def extract_descriptors(
    c: Configuration, *, bank: str, dataset: str, part: str, shard: str
) -> Files:
    """The list, and the bank's weights where they are published."""
    return {
        "images": layout.IMAGES.of(dataset=dataset),
        "weights": published_weights(c.banks[bank].network_weights),
    }


##### histograms and index #####


def _target_histograms(c: Configuration, retrieval: str, target: str, part: str) -> list[File]:
    """Those of the target's training images, or of those held out."""
    names = {"retrieval": retrieval, "target": target, "dataset": target, "part": part}
    return [layout.HISTOGRAMS.of(**names, shard=shard) for shard in shards_of(c, target)]


def _source_histograms(retrieval: str, target: str, source: str, shard: str) -> File:
    names = {"retrieval": retrieval, "target": target, "dataset": source}
    return layout.HISTOGRAMS.of(**names, part="train", shard=shard)


def equalise_bins(c: Configuration, *, retrieval: str, target: str) -> Files:
    """Descriptors of all training images of the target."""
    names = {"bank": c.retrievals[retrieval].bank, "dataset": target, "part": "train"}
    shards = shards_of(c, target)
    return {"descriptors": [layout.DESCRIPTORS.of(**names, shard=shard) for shard in shards]}


def build_histograms(
    c: Configuration, *, retrieval: str, target: str, dataset: str, part: str, shard: str
) -> Files:
    """A shard's descriptors, and the target's bins."""
    bank = c.retrievals[retrieval].bank
    return {
        "descriptors": layout.DESCRIPTORS.of(bank=bank, dataset=dataset, part=part, shard=shard),
        "bins": layout.BINS.of(retrieval=retrieval, target=target),
    }


def fit_projection(c: Configuration, *, retrieval: str, target: str) -> Files:
    """Histograms of the target's training images."""
    return {"histograms": _target_histograms(c, retrieval, target, "train")}


def build_index(c: Configuration, *, retrieval: str, target: str, source: str, shard: str) -> Files:
    """A shard's histograms, and the target's projection."""
    return {
        "histograms": _source_histograms(retrieval, target, source, shard),
        "projection": layout.PROJECTION.of(retrieval=retrieval, target=target),
    }


def _index_of_shard(
    c: Configuration, retrieval: str, target: str, source: str, shard: str
) -> list[File]:
    """What the backend searches besides the histograms: see `sjft.retrieval.shard_search`."""
    backend = search_backend(c.retrievals[retrieval].backend)
    names = {"retrieval": retrieval, "target": target, "source": source, "shard": shard}
    index = (layout.INDEX, layout.INDEX_RECORD) if isinstance(backend, IndexBackend) else ()
    projection = (layout.PROJECTION,) if backend.needs_projection else ()
    return [pattern.of(**names) for pattern in (*projection, *index)]


##### leakage #####


def _hashes(c: Configuration, dataset: str, part: str) -> list[File]:
    shards = shards_of(c, dataset)
    return [layout.HASHES.of(dataset=dataset, part=part, shard=shard) for shard in shards]


def training_hashes(c: Configuration, dataset: str) -> list[File]:
    """The hash files of a data set's training images."""
    return _hashes(c, dataset, "train")


def find_leakage(
    c: Configuration, *, retrieval: str, target: str, source: str, shard: str
) -> Files:
    """Hashes and histograms of both sides, and what the backend searches."""
    return {
        "heldout_hashes": _hashes(c, target, "heldout"),
        "source_hashes": layout.HASHES.of(dataset=source, part="train", shard=shard),
        "heldout": _target_histograms(c, retrieval, target, "heldout"),
        "sources": _source_histograms(retrieval, target, source, shard),
        "index": _index_of_shard(c, retrieval, target, source, shard),
        "target_images": layout.IMAGES.of(dataset=target),
    }


def merge_leakage(c: Configuration, *, retrieval: str, target: str, source: str) -> Files:
    """What was found in each shard, and both lists."""
    names = {"retrieval": retrieval, "target": target, "source": source}
    shards = shards_of(c, source)
    return {
        "copies": [layout.COPIES_IN_SHARD.of(**names, shard=shard) for shard in shards],
        "nearest": [layout.NEAREST_IN_SHARD.of(**names, shard=shard) for shard in shards],
        "heldout": _target_histograms(c, retrieval, target, "heldout"),
        "target_images": layout.IMAGES.of(dataset=target),
        "source_images": layout.IMAGES.of(dataset=source),
    }


def find_duplicates(c: Configuration, *, retrieval: str, target: str) -> Files:
    """Hashes and histograms of all the target's images."""
    return {
        "train_hashes": training_hashes(c, target),
        "heldout_hashes": _hashes(c, target, "heldout"),
        "train": _target_histograms(c, retrieval, target, "train"),
        "heldout": _target_histograms(c, retrieval, target, "heldout"),
        "images": layout.IMAGES.of(dataset=target),
    }


##### neighbours #####


def search_shard(
    c: Configuration, *, retrieval: str, target: str, source: str, shard: str
) -> Files:
    """Histograms of the target and of the shard, and what the backend searches."""
    return {
        "targets": _target_histograms(c, retrieval, target, "train"),
        "sources": _source_histograms(retrieval, target, source, shard),
        "index": _index_of_shard(c, retrieval, target, source, shard),
    }


def merge_neighbours(c: Configuration, *, retrieval: str, target: str, source: str) -> Files:
    """Each shard's neighbours, all histograms for the recall, and both lists."""
    names = {"retrieval": retrieval, "target": target, "source": source}
    shards = shards_of(c, source)
    return {
        "shards": [layout.NEIGHBOURS_IN_SHARD.of(**names, shard=shard) for shard in shards],
        "targets": _target_histograms(c, retrieval, target, "train"),
        "sources": [_source_histograms(retrieval, target, source, shard) for shard in shards],
        "target_images": layout.IMAGES.of(dataset=target),
        "source_images": layout.IMAGES.of(dataset=source),
    }


def rank_sources(c: Configuration, *, retrieval: str, target: str, sources: str) -> Files:
    """Of each source, in the configuration's order: neighbours, what leaks, and the list."""
    names = runs.sources_named(sources)
    return {
        "neighbours": of_sources(layout.NEIGHBOURS, retrieval, target, names),
        "leakage": leaking_images(c, retrieval, target, names),
        "images": [layout.IMAGES.of(dataset=source) for source in names],
    }


def of_sources(
    pattern: layout.Pattern, retrieval: str, target: str, sources: Sequence[str]
) -> list[File]:
    """A file of each source's pairing with the target."""
    return [pattern.of(retrieval=retrieval, target=target, source=source) for source in sources]


def leaking_images(
    c: Configuration, retrieval: str, target: str, sources: Sequence[str]
) -> list[File]:
    """Which source images show an image that is held out, where these are left out."""
    settings = runs.leakage(c, retrieval)
    if not (settings.check and settings.exclude):
        return []
    return of_sources(layout.LEAKAGE, retrieval, target, sources)
