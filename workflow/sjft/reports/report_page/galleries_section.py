"""Some target images with the source images that were borrowed for them, beside random ones."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import numpy as np
import polars as pl

from sjft.data.location import ImageFolders
from sjft.data.table import read_images
from sjft.leakage.table import images_to_exclude, read_leakage
from sjft.reports.report_page.blocks import Block, Gallery, Section, ShownImage, Text
from sjft.reports.report_page.inputs import ReportInputs, RunFiles
from sjft.reports.report_page.thumbnails import thumbnail
from sjft.retrieval.neighbours import Neighbours, read_neighbours
from sjft.retrieval.ranking import side_by_side, usable_sources
from sjft.selection.pairs import borrowed
from sjft.selection.subset import Manifest, read_manifest
from sjft.storage.files import stable_integer

TARGETS = 10  # that are shown; half of them such whose K grew, where there are as many
OPEN = 4  # the others are folded
FIRST = 6  # neighbours of the first round
GROWN = 4  # of each later round, those that it added
RANDOM = 4


@dataclass(frozen=True)
class _Borrowed:
    """A run's rounds, and the ranking that they take their images from.

    ``sources`` are all sources' images by their number in the ranking, ``usable`` the rows of them
    that may be used.
    """

    run: RunFiles
    rounds: list[Manifest]
    ranking: Neighbours
    sources: pl.DataFrame
    usable: pl.DataFrame


def galleries(inputs: ReportInputs, folders: ImageFolders, published: str, page: Path) -> Section:
    """A seeded sample of the target's training images, each with what was borrowed for it."""
    title = "Nearest source images"
    found = _read(inputs, published)
    if found is None:
        text = "No arm that is compared borrows neighbours of each target image by this retrieval."
        return Section("galleries", title, [Text(text)])
    rows = _sample(found)
    explorer = inputs.optional["explorer"]
    link = os.path.relpath(explorer, page.parent) if explorer.is_file() else ""
    blocks: list[Block] = [Text(_told(found, rows, bool(link)))]
    blocks += [
        _gallery(found, row, folders, link, folded=place >= OPEN) for place, row in enumerate(rows)
    ]
    return Section("galleries", title, blocks)


def _read(inputs: ReportInputs, published: str) -> _Borrowed | None:
    borrowing = [run for run in inputs.runs if run.borrows]
    if inputs.ranking is None or not borrowing:
        return None
    run = next((run for run in borrowing if run.arm == published), borrowing[0])
    lists = {files.name: read_images(files.images) for files in inputs.datasets[1:]}
    leaking = {name: images_to_exclude(read_leakage(path)) for name, path in inputs.leakage.items()}
    return _Borrowed(
        run,
        [read_manifest(of_round.subset, of_round.targets) for of_round in run.rounds],
        read_neighbours(inputs.ranking),
        side_by_side(lists),
        usable_sources(lists, leaking),
    )


def _sample(found: _Borrowed) -> list[int]:
    """Rows of the rounds' target images, in their order, drawn by a hash of their paths."""
    first, last = (found.rounds[place].targets for place in (0, -1))
    has_grown = (last["neighbours"] > first["neighbours"]).to_list()
    paths = last["path"].to_list()
    drawn = sorted(range(len(paths)), key=lambda row: stable_integer("gallery", paths[row]))
    grown = [row for row in drawn if has_grown[row]]
    some = dict.fromkeys([*grown[: TARGETS // 2], *(r for r in drawn if not has_grown[r]), *grown])
    return sorted(list(some)[:TARGETS])


def _told(found: _Borrowed, rows: Sequence[int], linked: bool) -> str:
    first, last = (found.rounds[place].targets["neighbours"] for place in (0, -1))
    grown = int((last > first).sum())
    more = "; in the explorer all neighbours of each can be seen" if linked else ""
    return (
        f"{found.run.name}: {len(rows)} of {len(last):,} target images, drawn by a hash of their "
        f"names, half of them among the {grown:,} whose K grew as far as there are. Of each the "
        f"{FIRST} nearest source images of the first round, the nearest {GROWN} that each later "
        f"round added, and {RANDOM} random ones of those that may be used{more}."
    )


##### one target image #####


def _gallery(
    found: _Borrowed, row: int, folders: ImageFolders, link: str, *, folded: bool
) -> Gallery:
    target = found.rounds[-1].targets.row(row, named=True)
    path = target["path"]
    place = f"{link}#/targets/{quote(path, safe='')}" if link else ""
    return Gallery(
        f"{target['class_name']}: {path}",
        ShownImage(thumbnail(folders.target / path, folders.limits), "the target image"),
        [*_by_round(found, row, folders), _at_random(found, row, path, folders)],
        place,
        folded,
    )


def _by_round(
    found: _Borrowed, row: int, folders: ImageFolders
) -> list[tuple[str, list[ShownImage]]]:
    """What each round borrowed, as far as it is more than the rounds before it."""
    rows: list[tuple[str, list[ShownImage]]] = []
    before, last = np.zeros(found.ranking.sources.shape[1], bool), 0
    for of_round, manifest in zip(found.run.rounds, found.rounds, strict=True):
        # Of this image alone: all of a large ranking take seconds each time.
        alone = Manifest(manifest.subset, manifest.targets[[row]])
        used = borrowed(alone, found.ranking.take(np.array([row])))[0]
        k = int(manifest.targets["neighbours"][row])
        new = np.flatnonzero(used & ~before)
        before |= used
        if of_round.number and k == last:
            continue
        shown = new[: GROWN if of_round.number else FIRST]
        grew = f"K grew from {last} to {k}, {len(new)} more" if of_round.number else f"K = {k}"
        caption = f"Round {of_round.number}: {grew}; the nearest {len(shown)} of them"
        rows.append((caption, [_neighbour(found, row, int(place), folders) for place in shown]))
        last = k
    return rows


def _neighbour(found: _Borrowed, row: int, place: int, folders: ImageFolders) -> ShownImage:
    number = int(found.ranking.sources[row, place])
    return _source(found, number, f"{place + 1}. {_nats(found, row, place)}", folders)


def _at_random(
    found: _Borrowed, row: int, path: str, folders: ImageFolders
) -> tuple[str, list[ShownImage]]:
    """Source images drawn for this target image: how near they are where its list holds them."""
    rng = np.random.default_rng(stable_integer("gallery at random", path))
    usable = found.usable["image"].to_numpy()
    drawn = np.sort(rng.permutation(len(usable))[:RANDOM])
    shown = []
    for number in usable[drawn].tolist():
        places = np.flatnonzero(found.ranking.sources[row] == number)
        near = (
            f"the {int(places[0]) + 1}. of its list, {_nats(found, row, int(places[0]))}"
            if len(places)
            else f"not among the {found.ranking.sources.shape[1]:,} nearest"
        )
        shown.append(_source(found, number, near, folders))
    return "Random source images, for comparison", shown


def _nats(found: _Borrowed, row: int, place: int) -> str:
    return f"{float(found.ranking.divergences[row, place]):.3g} nat"


def _source(found: _Borrowed, number: int, told: str, folders: ImageFolders) -> ShownImage:
    image = found.sources.row(number, named=True)
    file = folders.of(image["source"]) / image["path"]
    return ShownImage(
        thumbnail(file, folders.limits), f"{told}; {image['class_name']}: {image['path']}"
    )
