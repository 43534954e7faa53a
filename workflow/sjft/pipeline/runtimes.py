"""How long each rule's jobs may take, in minutes, from the sizes of what they read.

Far above what they take: a job over its time is killed, and one that asks for more than it needs
only waits a little longer. Files come as in `sjft.pipeline.resources`.
"""

import math
from collections.abc import Sequence

from sjft.networks.footprints import footprint_of
from sjft.pipeline import memory, runs
from sjft.pipeline.resources import Read, bytes_of, images_of, threads_of_scoring
from sjft.settings.config import Configuration
from sjft.settings.dataset import Synthetic
from sjft.settings.training import TrainingSettings

# Python, the libraries, and what shared file systems make of it.
START = 10
# Processors, disks and neighbours on a node that are so many times slower than measured ones.
SLOWER = 4
# Measured (docs/speed.md), in seconds of a core.
AN_IMAGE_LISTED, AN_IMAGE_MADE = 0.001, 0.01
AN_IMAGE_HASHED, AN_IMAGE_EXTRACTED, AN_IMAGE_LOADED = 0.005, 0.05, 0.005
A_MEGABYTE_COUNTED, A_MEGABYTE_READ = 0.05, 0.2
# Multiplications and additions in a second: of histograms and of networks, on one core; on a GPU.
HISTOGRAMS_A_CORE, NETWORK_A_CORE, NETWORK_A_GPU = 2e10, 1e10, 2e12
# A pass back costs two passes forward.
PASSES_OF_UPDATE = 3
# A training that takes longer goes on from its checkpoint in the next attempt; many partitions
# allow no more.
LONGEST_TRAINING = 1440
UNKNOWN_NUMBER = 60
MEGABYTE = 1_000_000


def _minutes(seconds: float) -> int:
    return START + math.ceil(SLOWER * seconds / 60)


##### data #####


def of_making(c: Configuration, dataset: str) -> int:
    """Of `generate_images`."""
    settings = c.datasets[dataset]
    if not isinstance(settings, Synthetic):
        return UNKNOWN_NUMBER
    return _minutes(AN_IMAGE_MADE * sum(settings.per_class.values()) * len(settings.contents))


def of_listing(c: Configuration, dataset: str) -> int:
    """Of `list_images`, for shards of 5,000 images."""
    return _minutes(AN_IMAGE_LISTED * 5000 * c.datasets[dataset].shards)


def of_hashing(c: Configuration, dataset: str, read: Read) -> int:
    """Of `hash_images`."""
    return _minutes(AN_IMAGE_HASHED * _images_of_shard(c, dataset, read["images"]))


def of_extraction(c: Configuration, dataset: str, read: Read) -> int:
    """Of `extract_descriptors`."""
    return _minutes(AN_IMAGE_EXTRACTED * _images_of_shard(c, dataset, read["images"]))


def _images_of_shard(c: Configuration, dataset: str, tables: Sequence[str]) -> float:
    return images_of(tables) / c.datasets[dataset].shards


##### retrieval #####


def of_counting(read: Read) -> int:
    """Of `equalise_bins` and `build_histograms`, from the descriptors' bytes."""
    return _minutes(A_MEGABYTE_COUNTED * bytes_of(read["descriptors"]) / MEGABYTE)


def of_projection(c: Configuration, retrieval: str, read: Read) -> int:
    """Of `fit_projection`: a Gram matrix and its components."""
    sizes = memory.sizes_of_histograms(read["histograms"])
    sample = min(sizes.images, c.retrievals[retrieval].projection_sample)
    return _minutes((2 * sample**2 * sizes.bins + 20 * sample**3) / HISTOGRAMS_A_CORE)


def of_index(c: Configuration, retrieval: str, read: Read) -> int:
    """Of `build_index`: vectors, and trees of them."""
    sizes = memory.sizes_of_histograms(read["histograms"])
    dimensions = c.retrievals[retrieval].projection_dimensions
    projected = 2 * sizes.images * sizes.bins * dimensions / HISTOGRAMS_A_CORE
    return _minutes(projected + AN_IMAGE_LISTED * sizes.images)


def of_search(read: Read) -> int:
    """Of `search_shard`: all pairs."""
    return _of_pairs(read["targets"], read["sources"])


def of_leakage(read: Read) -> int:
    """Of `find_leakage`: all pairs."""
    return _of_pairs(read["heldout"], read["sources"])


def of_duplicates(read: Read) -> int:
    """Of `find_duplicates`: all pairs."""
    return _of_pairs(read["heldout"], read["train"])


def _of_pairs(asking: Sequence[str], among: Sequence[str]) -> int:
    images = memory.sizes_of_histograms(asking).images
    sizes = memory.sizes_of_histograms(among)
    return _minutes(4.0 * images * sizes.images * sizes.bins / HISTOGRAMS_A_CORE)


def of_merge(c: Configuration, retrieval: str, read: Read) -> int:
    """Of `merge_neighbours`: lists, and the exact search of the recall's sample."""
    targets = memory.sizes_of_histograms(read["targets"])
    sources = memory.sizes_of_histograms(read["sources"])
    sample = min(c.retrievals[retrieval].recall_sample, targets.images)
    pairs = 4.0 * sample * sources.images * sources.bins / HISTOGRAMS_A_CORE
    return _minutes(pairs + A_MEGABYTE_READ * _megabytes(read))


##### runs #####


def of_reading(read: Read) -> int:
    """Of a job that takes as long as reading what it is given."""
    return _minutes(A_MEGABYTE_READ * _megabytes(read))


def of_page(read: Read) -> int:
    """Of a page: it shows images, which are opened."""
    return START + of_reading(read)


def _megabytes(read: Read) -> float:
    return sum(map(bytes_of, read.values())) / MEGABYTE


def of_training(c: Configuration, experiment: str, arm: str) -> int:
    """Of `finetune`; a training that takes longer than a day goes on in the next attempt."""
    training = runs.training(c, experiment, arm)
    images = training.target_batch + training.sources
    images *= training.accumulate * training.updates
    seconds = images * _seconds_of_passes(training, PASSES_OF_UPDATE, training.threads)
    return min(LONGEST_TRAINING, _minutes(seconds))


def of_difficulty(c: Configuration, experiment: str, arm: str, read: Read) -> int:
    """Of `score_difficulty`, which sees each image once."""
    return _of_scoring(c, experiment, arm, images_of(read["targets"]))


def of_evaluation(c: Configuration, experiment: str, arm: str, read: Read) -> int:
    """Of `evaluate` and `validate`: as if all that is listed were held out."""
    views = c.experiments[experiment].evaluation.views
    return _of_scoring(c, experiment, arm, views * images_of(read["images"]))


def _of_scoring(c: Configuration, experiment: str, arm: str, views: int) -> int:
    training = runs.training(c, experiment, arm)
    threads = threads_of_scoring(c, experiment, arm)
    return _minutes(views * _seconds_of_passes(training, 1, threads))


def _seconds_of_passes(training: TrainingSettings, passes: int, threads: int) -> float:
    """Of an image: to load it, and to pass it through the network so many times."""
    work = passes * footprint_of(training.network).at(training.input_size).forward * 1e9
    rate = NETWORK_A_CORE * threads if training.device == "cpu" else NETWORK_A_GPU
    return work / rate + AN_IMAGE_LOADED / threads
