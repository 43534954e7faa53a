"""What each rule's jobs may use: threads, GPUs, and memory, from the sizes of what they read.

A job's files come as ``read``, by the names of its rule's inputs. As long as one is not there, its
size is not known: `FileNotFoundError` names it, as Snakemake expects.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from sjft.leakage.copies import USUAL_NEIGHBOUR
from sjft.pipeline import memory, runs
from sjft.retrieval.budget import kept_per_shard
from sjft.settings.config import Configuration

Read = Mapping[str, Sequence[str]]

# Megabytes of what does not grow, or before it grows with what is read.
MB = {
    "fetch_dataset": 500,
    "fetch_weights": 1500,
    "generate_images": 500,
    "hash_images": 800,
    "extract_descriptors": 1500,
    "equalise_bins": 1500,
    "build_histograms": 1000,
    "merge_leakage": 1000,
    "select_subset": 1000,
    "list_pairs": 1000,
    "explore": 2000,
    "describe": 1500,
    "score_difficulty": 4000,
    "evaluate": 4000,
    "validate": 4000,
    "choose": 1000,
    "summarise": 1000,
    "publish": 2000,
    "ablate": 2000,
}
MOST_THREADS_OF_SCORING = 4


##### data #####


def mb_of_listing(c: Configuration, dataset: str) -> int:
    """Of `list_images`."""
    return memory.mb_of_listing(c.datasets[dataset].shards)


def mb_of_hashing(read: Read) -> int:
    """Of `hash_images`."""
    return memory.mb_beside_tables(MB["hash_images"], _bytes(read["images"]))


def mb_of_extraction(read: Read) -> int:
    """Of `extract_descriptors`."""
    return memory.mb_beside_tables(MB["extract_descriptors"], _bytes(read["images"]))


def _bytes(paths: Sequence[str]) -> int:
    return sum(Path(path).stat().st_size for path in paths)


def threads_of_extraction(c: Configuration, bank: str) -> int:
    """Of `extract_descriptors`."""
    return c.banks[bank].threads


def gpus_of_extraction(c: Configuration, bank: str) -> int:
    """One, where it may use any."""
    return int(c.banks[bank].device != "cpu")


##### retrieval #####


def mb_of_projection(c: Configuration, retrieval: str, read: Read) -> int:
    """Of `fit_projection`."""
    sizes = memory.sizes_of_histograms(read["histograms"])
    return memory.mb_of_projection(sizes, c.retrievals[retrieval])


def mb_of_index(c: Configuration, retrieval: str, read: Read) -> int:
    """Of `build_index`."""
    sizes = memory.sizes_of_histograms(read["histograms"])
    return memory.mb_of_index(sizes, c.retrievals[retrieval])


def mb_of_search(c: Configuration, retrieval: str, source: str, read: Read) -> int:
    """Of `search_shard`: for all that must be kept of the shard."""
    settings, sources = c.retrievals[retrieval], memory.sizes_of_histograms(read["sources"])
    shards = c.datasets[source].shards
    kept = kept_per_shard(settings.neighbours_on_file, sources.images, shards)
    targets = memory.sizes_of_histograms(read["targets"])
    return memory.mb_of_search(targets, sources, kept, settings)


def mb_of_leakage(c: Configuration, retrieval: str, read: Read) -> int:
    """Of `find_leakage`: for the nearest of the shard."""
    sources = memory.sizes_of_histograms(read["sources"])
    heldout = memory.sizes_of_histograms(read["heldout"])
    return memory.mb_of_search(heldout, sources, USUAL_NEIGHBOUR, c.retrievals[retrieval])


def mb_of_merged_leakage(read: Read) -> int:
    """Of `merge_leakage`."""
    return MB["merge_leakage"] + int(10 * _megabytes(read))


def mb_of_duplicates(read: Read) -> int:
    """Of `find_duplicates`."""
    heldout = memory.sizes_of_histograms(read["heldout"])
    train = memory.sizes_of_histograms(read["train"])
    return memory.mb_of_duplicates(heldout, train, USUAL_NEIGHBOUR)


def mb_of_merge(c: Configuration, retrieval: str, read: Read) -> int:
    """Of `merge_neighbours`."""
    targets = memory.sizes_of_histograms(read["targets"])
    sources = memory.sizes_of_histograms(read["sources"])
    return memory.mb_of_merge(targets, sources.images, c.retrievals[retrieval])


def mb_of_ranking(read: Read) -> int:
    """Of `rank_sources`."""
    lists = sum(map(memory.list_bytes, read["neighbours"]))
    return memory.mb_of_ranking(lists, _bytes(read["images"]))


def gpus_of_search(c: Configuration, retrieval: str) -> int:
    """One, where it is told to use it."""
    return int(c.retrievals[retrieval].device == "cuda")


##### runs #####


def mb_of_selection(read: Read) -> int:
    """Of `select_subset`."""
    return MB["select_subset"] + int(6 * _megabytes(read))


def mb_of_pairs(read: Read) -> int:
    """Of `list_pairs`: the lists lie compressed, at 5 bytes a pair; a row takes 300 in memory."""
    return MB["list_pairs"] + int(60 * _megabytes(read))


def mb_of_explorer(read: Read) -> int:
    """Of `explore`: the target's histograms and rankings as a whole, source histograms by block."""
    whole = {name: files for name, files in read.items() if name not in ("sources", "pairs")}
    return MB["explore"] + int(12 * _megabytes(whole))


def mb_of_report(read: Read) -> int:
    """Of `describe`: tables of text and a ranking's divergences, compressed on file.

    Descriptors are read in blocks.
    """
    return MB["describe"] + int(12 * _megabytes({"files": read["files"]}))


def _megabytes(read: Read) -> float:
    return sum(map(_bytes, read.values())) / (1024 * 1024)


def mb_of_training(processes: int, cache_mb: int) -> int:
    """Of `finetune`: 4 GB a process on a CPU or a GPU's host, 2 GB, and the cache."""
    return 2000 + 4000 * processes + cache_mb


def mb_of_arm(c: Configuration, experiment: str, arm: str) -> int:
    """Of `finetune`, for an arm."""
    processes = runs.training(c, experiment, arm).processes
    return mb_of_training(processes, c.training_jobs.cache_mb)


def threads_of_training(c: Configuration, experiment: str, arm: str) -> int:
    """Of `finetune`."""
    return runs.training(c, experiment, arm).threads


def threads_of_scoring(c: Configuration, experiment: str, arm: str) -> int:
    """As many as a training of the same network: else a free core beside one would stay idle."""
    return min(MOST_THREADS_OF_SCORING, threads_of_training(c, experiment, arm))


def gpus_of_scoring(c: Configuration, experiment: str, arm: str) -> int:
    """One, where it may use any."""
    return int(runs.training(c, experiment, arm).device != "cpu")


def gpus_of_training(c: Configuration, experiment: str, arm: str) -> int:
    """One for each of the processes that train together."""
    processes = runs.training(c, experiment, arm).processes
    return gpus_of_scoring(c, experiment, arm) * processes


def mb_of_summary(read: Read) -> int:
    """Of `summarise`."""
    return memory.mb_beside_tables(MB["summarise"], _bytes(read["sources"]))
