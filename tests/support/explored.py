"""An experiment's files as the explorer reads them, of any size, without retrieval and training."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from image_files import random_image
from small import images_table

from sjft.data.location import ImageFolders
from sjft.data.table import numbers_in_shards, write_images
from sjft.descriptors.file import KIND as DESCRIPTORS
from sjft.descriptors.file import VERSION as DESCRIPTORS_VERSION
from sjft.descriptors.file import append_images, write_channels
from sjft.descriptors.layer import Layer
from sjft.descriptors.packing import PackedCounts
from sjft.leakage.table import LEAKAGE_SCHEMA, write_leakage
from sjft.reports.explorer.inputs import (
    ExplorerInputs,
    RetrievalFiles,
    RoundFiles,
)
from sjft.retrieval.divergence import ExactDivergence
from sjft.retrieval.histograms import KIND, VERSION, Histograms
from sjft.retrieval.neighbours import Neighbours, nearest, write_neighbours
from sjft.retrieval.ranking import usable_sources
from sjft.selection.difficulty import difficulty_table, write_difficulty
from sjft.selection.subset import grown_levels, initial_levels, select_neighbours, write_manifest
from sjft.settings.bank import LevelGrid
from sjft.settings.image_limits import ImageLimits
from sjft.settings.selection import SelectionSettings
from sjft.storage.hdf5 import Variable, create_hdf5

LAYERS = (Layer("conv1", 4, 60), Layer("conv2", 6, 20))
BINS = 6
EPSILON = 1e-4
SHARDS = 2


@dataclass(frozen=True)
class Explored:
    """How large it is; ``lists`` None: the exact ones, else random ones of so many neighbours."""

    targets: int = 12
    sources: int = 60
    kept: int = 15
    initial_neighbours: int = 4
    classes: int = 3
    retrievals: tuple[str, ...] = ("first", "second")
    exact: bool = True
    leaking: tuple[int, ...] = ()
    images: int = 8
    missing: tuple[str, ...] = ()
    called: str = ""  # what each class's name begins with


def write_explored(folder: Path, size: Explored) -> tuple[ExplorerInputs, ImageFolders]:
    """Write all files that the explorer reads, and the images."""
    targets = _images(size.targets, size.classes, "pets", size.called, held_out=3)
    sources = _images(size.sources, 2 * size.classes, "things", size.called, held_out=0)
    write_images(folder / "pets.csv", targets)
    write_images(folder / "things.csv", sources)
    for table in (targets, sources):
        _write_files(folder, table, size)
    retrievals = [
        _retrieval(folder / name, seed, targets, sources, size)
        for seed, name in enumerate(size.retrievals)
    ]
    rounds = [
        of_round
        for (files, ranking), arm in zip(retrievals, ("selective", "gabor"), strict=False)
        for of_round in _rounds(folder / arm, arm, files.name, ranking, targets, sources, size)
    ]
    inputs = ExplorerInputs(
        "small",
        folder / "pets.csv",
        {"things": folder / "things.csv"},
        [files for files, _ in retrievals],
        rounds,
        {"fine-tune": "it uses no source images"},
    )
    return inputs, ImageFolders(folder, {"things": folder}, ImageLimits())


def _images(number: int, classes: int, name: str, called: str, held_out: int) -> pl.DataFrame:
    """The first are training images; names of classes hold what HTML and JavaScript would read."""
    labels = [n * classes // number for n in range(number)]
    train = images_table(labels, folder=f"{name} & <more>")
    rest = images_table([0] * held_out, folder="test", split="test")
    return pl.concat([train, rest]).with_columns(
        pl.int_range(pl.len(), dtype=pl.Int32).alias("image"),
        (pl.int_range(pl.len(), dtype=pl.Int32) % SHARDS).alias("shard"),
        (
            pl.lit(f"{called}{name[:-1]} <b>") + pl.col("label").cast(pl.String) + pl.lit("</b>")
        ).alias("class_name"),
    )


def _write_files(folder: Path, table: pl.DataFrame, size: Explored) -> None:
    """A few images under many names; of what is held out there is none, since none is read."""
    train = table.filter(pl.col("split") == "train")["path"].to_list()
    for number, path in enumerate(train):
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if number < size.images:
            random_image(number, (48, 40)).save(file)
        elif path not in size.missing:
            os.link(folder / train[number % size.images], file)


def _retrieval(
    folder: Path, seed: int, targets: pl.DataFrame, sources: pl.DataFrame, size: Explored
) -> tuple[RetrievalFiles, Neighbours]:
    of_targets = _histograms(2 * seed, size.targets)
    of_sources = _histograms(2 * seed + 1, size.sources)
    target_files = _write_histograms(folder / "pets", of_targets, targets)
    source_files = _write_histograms(folder / "things", of_sources, sources)
    leaks = [
        dict.fromkeys(LEAKAGE_SCHEMA) | {"source_path": sources["path"][n]} for n in size.leaking
    ]
    write_leakage(folder / "leakage.csv", pl.DataFrame(leaks, schema=LEAKAGE_SCHEMA))
    _write_layers(folder / "descriptors.h5")
    ranking = _ranking(of_targets, of_sources, seed, size)
    write_neighbours(folder / "ranking.h5", ranking, {}, {})
    files = RetrievalFiles(
        *(folder.name, f"bank of {folder.name}", EPSILON, seed),
        *(folder / "ranking.h5", folder / "descriptors.h5"),
        target_files,
        {"things": source_files},
        {"things": folder / "leakage.csv"},
    )
    return files, ranking


def _ranking(targets: Histograms, sources: Histograms, seed: int, size: Explored) -> Neighbours:
    if size.exact:
        found = ExactDivergence(targets, EPSILON).to(sources)
        found[:, list(size.leaking)] = np.inf
        return nearest(
            [Neighbours(targets.images, np.tile(sources.images, (len(found), 1)), found)], size.kept
        )
    rng = np.random.default_rng(seed)
    # Some images are near to many: half of the places go to a twentieth of the images.
    often = rng.integers(0, size.sources // 20, (size.targets, size.kept))
    any_image = rng.integers(0, size.sources, (size.targets, size.kept))
    lists = np.where(rng.random(often.shape) < 0.5, often, any_image).astype(np.int32)
    divergences = np.sort(rng.random(lists.shape, np.float32), axis=1)
    return Neighbours(targets.images, lists, divergences)


def _histograms(seed: int, images: int) -> Histograms:
    rng = np.random.default_rng(seed)
    positions = np.array([layer.positions for layer in LAYERS for _ in range(layer.kernels)])
    counts = np.stack(
        [rng.multinomial(n, rng.dirichlet(np.full(BINS, 0.7), images)) for n in positions], axis=1
    )
    weight = np.array([0.5 / layer.kernels for layer in LAYERS for _ in range(layer.kernels)])
    numbers = np.arange(images, dtype=np.int32)
    return Histograms(numbers, counts.astype(np.uint16), positions, weight, "bins", "")


def _write_histograms(folder: Path, histograms: Histograms, images: pl.DataFrame) -> list[Path]:
    paths = []
    for shard, rows in enumerate(numbers_in_shards(images, "train", SHARDS)):
        path = folder / f"{shard:04d}.h5"
        part = histograms.take(rows.astype(np.intp))
        with create_hdf5(
            path, kind=KIND, version=VERSION, config={}, inputs={"bins": "bins"}
        ) as file:
            file.add("image", Variable(np.arange(len(rows), dtype=np.int32), ("image",), "Number"))
            file.add("positions", Variable(part.positions, ("channel",), "Responses"))
            file.add("weight", Variable(part.weight, ("channel",), "w_c"))
            dimensions = ("image", "channel", "bin")
            file.add("count", Variable(part.counts, dimensions, "Responses in the bin", "1", True))
        paths.append(path)
    return paths


def _write_layers(path: Path) -> None:
    grid = LevelGrid().model_dump()
    with create_hdf5(
        path, kind=DESCRIPTORS, version=DESCRIPTORS_VERSION, config={"grid": grid}, inputs={}
    ) as file:
        write_channels(file, LAYERS)
        channels = sum(layer.kernels for layer in LAYERS)
        nothing = np.zeros((1, channels), np.uint16)
        none = (np.zeros(0, np.uint8), np.zeros(0, np.uint16), np.zeros(0, np.uint32))
        append_images(file, np.zeros(1, np.int32), PackedCounts(nothing, *none))


def _rounds(
    folder: Path,
    arm: str,
    retrieval: str,
    ranking: Neighbours,
    targets: pl.DataFrame,
    sources: pl.DataFrame,
    size: Explored,
) -> list[RoundFiles]:
    settings = SelectionSettings(initial_neighbours=size.initial_neighbours)
    train = targets.filter(pl.col("split") == "train")
    usable = usable_sources({"things": sources}, {})
    rng = np.random.default_rng(len(arm))
    levels, rounds = initial_levels(len(train)), []
    for number in range(2):
        files = RoundFiles(
            *(arm, 0, number, retrieval),
            *(folder / f"{number}-{name}.csv" for name in ("subset", "targets", "difficulty")),
        )
        manifest = select_neighbours(train, usable, ranking, levels, settings)
        write_manifest(manifest, files.subset, files.targets)
        scores = rng.dirichlet(np.full(size.classes, 0.4), len(train)).astype(np.float32)
        difficulty = difficulty_table(manifest.targets, scores)
        write_difficulty(files.difficulty, difficulty)
        answers = (difficulty[name].to_numpy() for name in ("correct", "entropy"))
        levels = grown_levels(levels, *answers, settings)
        rounds.append(files)
    return rounds
