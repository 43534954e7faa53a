"""What each rule's jobs may use: threads, GPUs, and memory, from the sizes of what they read.

A job's files come as ``read``, by the names of its rule's inputs. As long as one is not there, its
size is not known: `FileNotFoundError` names it, as Snakemake expects.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from sjft import layout
from sjft.data.state import Record, read_record
from sjft.leakage.table import USUAL_NEIGHBOUR
from sjft.pipeline import memory, network_memory, runs
from sjft.pipeline.memory import SNAKEMAKE_MB
from sjft.retrieval.budget import kept_per_shard
from sjft.settings.config import Configuration
from sjft.settings.splits import VALIDATION_SPLIT

Read = Mapping[str, Sequence[str]]

# Megabytes of what does not grow, or before it grows with what is read: as measured at the demo's
# size and a tenth more, and what Snakemake takes itself (benchmarks/declared.py).
MB = {
    "fetch_dataset": SNAKEMAKE_MB + 190,
    "fetch_weights": SNAKEMAKE_MB + 1190,
    "generate_images": SNAKEMAKE_MB + 140,
    "hash_images": SNAKEMAKE_MB + 220,
    "extract_descriptors": SNAKEMAKE_MB + 1090,
    "equalise_bins": SNAKEMAKE_MB + 290,
    "build_histograms": SNAKEMAKE_MB + 290,
    "merge_leakage": SNAKEMAKE_MB + 220,
    "select_subset": SNAKEMAKE_MB + 150,
    "list_pairs": SNAKEMAKE_MB + 150,
    "explore": SNAKEMAKE_MB + 340,
    "describe": SNAKEMAKE_MB + 490,
    "choose": SNAKEMAKE_MB + 190,
    "summarise": SNAKEMAKE_MB + 240,
    "ablate": SNAKEMAKE_MB + 390,
}
MOST_THREADS_OF_SCORING = 4
BYTES_OF_A_LINE = 60  # of a table of images


##### data #####


def mb_of_listing(c: Configuration, dataset: str) -> int:
    """Of `list_images`."""
    return memory.mb_of_listing(c.datasets[dataset].shards)


def mb_of_hashing(read: Read) -> int:
    """Of `hash_images`."""
    return memory.mb_beside_tables(MB["hash_images"], bytes_of(read["images"]))


def mb_of_extraction(read: Read) -> int:
    """Of `extract_descriptors`."""
    return memory.mb_beside_tables(MB["extract_descriptors"], bytes_of(read["images"]))


def bytes_of(paths: Sequence[str]) -> int:
    """Of all files together."""
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
    return memory.mb_of_ranking(lists, bytes_of(read["images"]))


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

    Descriptors are read in blocks, and of the neighbours the recall.
    """
    return MB["describe"] + int(12 * _megabytes({"files": read["files"]}))


def _megabytes(read: Read) -> float:
    return sum(map(bytes_of, read.values())) / (1024 * 1024)


def mb_of_arm(c: Configuration, experiment: str, arm: str, read: Read) -> int:
    """Of `finetune`, for an arm and the images of its subset."""
    tables = bytes_of(read["subset"]) + bytes_of(read["targets"])
    lists = sum(map(memory.list_bytes, read.get("ranking", ())))
    return mb_of_round(c, experiment, arm, tables, lists)


def mb_of_round(
    c: Configuration, experiment: str, arm: str, table_bytes: int, list_bytes: int
) -> int:
    """Of `finetune`, for tables of images and lists of neighbours of so many bytes."""
    training, images = runs.training(c, experiment, arm), table_bytes // BYTES_OF_A_LINE
    cache = c.training_jobs.cache_mb
    return network_memory.mb_of_training(training, images, cache, table_bytes, list_bytes)


def mb_of_difficulty(c: Configuration, experiment: str, arm: str, read: Read) -> int:
    """Of `score_difficulty`."""
    images = images_of(read["targets"])
    listed = read_record(Path(layout.IMAGES.of(dataset=c.experiments[experiment].target)).parent)
    return mb_of_scoring(c, experiment, arm, images, _classes(listed))


def mb_of_evaluation(c: Configuration, experiment: str, arm: str, read: Read) -> int:
    """Of `evaluate`."""
    return _mb_of_split(c, experiment, arm, read, c.experiments[experiment].evaluation.split)


def mb_of_validation(c: Configuration, experiment: str, arm: str, read: Read) -> int:
    """Of `validate`."""
    return _mb_of_split(c, experiment, arm, read, VALIDATION_SPLIT)


def _mb_of_split(c: Configuration, experiment: str, arm: str, read: Read, split: str) -> int:
    """Of scoring a split, whose images the list's record counts; without one, as if it was all."""
    images = images_of(read["images"])
    if listed := read_record(Path(read["images"][0]).parent):
        images = listed.state.images.get(split, 0)
    return mb_of_scoring(c, experiment, arm, images, _classes(listed))


def _classes(listed: Record | None) -> int:
    return len(listed.state.classes) if listed else 0


def mb_of_scoring(c: Configuration, experiment: str, arm: str, images: int, classes: int) -> int:
    """Of scoring so many images of so many classes."""
    batch = c.experiments[experiment].evaluation.batch
    training = runs.training(c, experiment, arm)
    return network_memory.mb_of_scoring(training, batch, images, classes)


def mb_of_publishing(c: Configuration, experiment: str) -> int:
    """Of `publish`: the largest network that may be chosen."""
    arms = c.experiments[experiment].publish.candidates
    trained = [runs.training(c, experiment, arm) for arm in arms]
    return max(network_memory.mb_of_publishing(training) for training in trained)


def images_of(tables: Sequence[str]) -> int:
    """About how many images are listed in tables of them: a line is some 60 bytes."""
    return bytes_of(tables) // BYTES_OF_A_LINE


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
    """Of `summarise`: digests stand there twice while sources are put side by side."""
    tables = bytes_of(read["sources"]) + bytes_of(read["target_images"])
    digests = 3 * sum(map(memory.digest_bytes, read["hashes"]))
    return memory.mb_beside_tables(MB["summarise"], tables) + int(digests / (1024 * 1024))
