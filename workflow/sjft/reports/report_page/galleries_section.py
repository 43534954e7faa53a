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
from sjft.reports.names import named
from sjft.reports.report_page.blocks import Block, Gallery, Section, ShownImage, Text
from sjft.reports.report_page.inputs import ReportInputs, RetrievalFiles, RunFiles
from sjft.reports.report_page.thumbnails import thumbnail
from sjft.retrieval.neighbours import Neighbours, read_neighbours
from sjft.retrieval.ranking import side_by_side, usable_sources
from sjft.selection.pairs import borrowed
from sjft.selection.subset import Manifest, read_manifest
from sjft.storage.files import stable_integer
from sjft.wording import counted

TARGETS = 10  # that are shown; half of them such whose K grew, where there are as many
OPEN = 4  # the others are folded
FIRST = 6  # neighbours of the first round
GROWN = 4  # of each later round, those that it added
RANDOM = 4


@dataclass(frozen=True)
class _Borrowed:
    """The rounds of a run, and the ranking that they take their images from.

    ``usable`` are the rows of all sources' images that may be used; ``others`` the arms that borrow
    by the same retrieval.
    """

    run: RunFiles
    retrieval: RetrievalFiles
    others: list[str]
    rounds: list[Manifest]
    ranking: Neighbours
    usable: pl.DataFrame


@dataclass(frozen=True)
class _Images:
    """Where images are: ``sources`` are all sources' by their number in any ranking."""

    sources: pl.DataFrame
    folders: ImageFolders


def galleries(inputs: ReportInputs, folders: ImageFolders, published: str, page: Path) -> Section:
    """A seeded sample of the target's training images, each with what was borrowed for it.

    By each retrieval of the compared arms: that of the ``published`` arm comes first.
    """
    title = "Nearest source images"
    lists = {files.name: read_images(files.images) for files in inputs.datasets[1:]}
    found = _read(inputs, lists, published)
    if not found:
        text = "No arm that is compared borrows neighbours of each target image."
        return Section("galleries", title, [Text(text)])
    images = _Images(side_by_side(lists), folders)
    rows = _sample(found[0])
    explorer = inputs.optional["explorer"]
    link = os.path.relpath(explorer, page.parent) if explorer.is_file() else ""
    blocks: list[Block] = [Text(_told(found[0], rows, bool(link))), *map(Text, _others(found))]
    blocks += [
        _gallery(found, row, images, link, folded=place >= OPEN) for place, row in enumerate(rows)
    ]
    return Section("galleries", title, blocks)


def _read(inputs: ReportInputs, lists: dict[str, pl.DataFrame], published: str) -> list[_Borrowed]:
    """One run of each retrieval."""
    by_retrieval: dict[str, list[RunFiles]] = {}
    for run in sorted(inputs.runs, key=lambda run: run.arm != published):
        if run.retrieval is not None:
            by_retrieval.setdefault(run.retrieval, []).append(run)
    files_of = {files.name: files for files in inputs.retrievals}
    found = []
    for name, (run, *others) in by_retrieval.items():
        files = files_of[name]
        leaking = {of: images_to_exclude(read_leakage(path)) for of, path in files.leakage.items()}
        found.append(
            _Borrowed(
                run,
                files,
                list(dict.fromkeys(other.arm for other in others if other.arm != run.arm)),
                [read_manifest(of_round.subset, of_round.targets) for of_round in run.rounds],
                read_neighbours(files.ranking),
                usable_sources(lists, leaking),
            )
        )
    return found


def _sample(found: _Borrowed) -> list[int]:
    """Rows of the rounds' target images, in their order, drawn by a hash of their paths."""
    first, last = (found.rounds[place].targets for place in (0, -1))
    has_grown = (last["neighbours"] > first["neighbours"]).to_list()
    paths = last["path"].to_list()
    drawn = sorted(range(len(paths)), key=lambda row: stable_integer("gallery", paths[row]))
    grown = [row for row in drawn if has_grown[row]]
    some = dict.fromkeys([*grown[: TARGETS // 2], *(r for r in drawn if not has_grown[r]), *grown])
    return sorted(list(some)[:TARGETS])


def _told(found: _Borrowed, rows: list[int], linked: bool) -> str:
    first, last = (found.rounds[place].targets["neighbours"] for place in (0, -1))
    has_grown = last > first
    grown, shown = int(has_grown.sum()), int(has_grown.gather(rows).sum())
    more = "; in the explorer all neighbours of each can be seen" if linked else ""
    return (
        f"{found.run.name}: {len(rows)} of {counted(len(last), 'target image')}, drawn by a "
        f"hash of their names; {counted(shown, 'is', 'are')} among the {grown:,} whose K grew. Of "
        f"each the {FIRST} nearest source images of the first round, the nearest {GROWN} that each "
        f"later round added, and {RANDOM} random ones of those that may be used{more}."
    )


def _others(found: Sequence[_Borrowed]) -> list[str]:
    """What the other arms that borrow have in common with the first, and what not."""
    said = []
    if len(found) > 1:
        own, *rest = (f"{of.run.name} by the {of.retrieval.told}" for of in found)
        said.append(
            f"Below that stands what another retrieval finds near the same image: {own}; "
            f"{'; '.join(rest)}. Divergences of different filter banks do not compare."
        )
    said += [
        f"{', '.join(of.others)}: the same order of source images as {of.run.name}, by the same "
        "retrieval; how many of them are used may differ."
        for of in found
        if of.others
    ]
    return said


##### one target image #####


def _gallery(
    found: Sequence[_Borrowed], row: int, images: _Images, link: str, *, folded: bool
) -> Gallery:
    """``row`` is that of the first run's target images."""
    first, folders = found[0], images.folders
    target = first.rounds[-1].targets.row(row, named=True)
    path = target["path"]
    place = f"{link}#/targets/{quote(path, safe='')}" if link else ""
    rows = [shown for of in found for shown in _by_round(of, path, images, named=len(found) > 1)]
    return Gallery(
        f"{named(target['class_name'])}: {named(path)}",
        ShownImage(thumbnail(folders.target / path, folders.limits), "the target image"),
        [*rows, _at_random(first, row, path, images)],
        place,
        folded,
    )


def _by_round(
    found: _Borrowed, path: str, images: _Images, *, named: bool
) -> list[tuple[str, list[ShownImage]]]:
    """What each round borrowed, as far as it is more than the rounds before it."""
    before_it = f"{found.run.arm}, by {found.retrieval.name}. " if named else ""
    place_of = {name: place for place, name in enumerate(found.rounds[-1].targets["path"])}
    if path not in place_of:
        return [(f"{before_it}The image has no neighbours there", [])]
    row = place_of[path]
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
        caption = f"{before_it}Round {of_round.number}: {grew}; the nearest {len(shown)} of them"
        rows.append((caption, [_neighbour(found, row, int(place), images) for place in shown]))
        last = k
    return rows


def _neighbour(found: _Borrowed, row: int, place: int, images: _Images) -> ShownImage:
    number = int(found.ranking.sources[row, place])
    return _source(images, number, f"{place + 1}. {_nats(found, row, place)}")


def _at_random(
    found: _Borrowed, row: int, path: str, images: _Images
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
        shown.append(_source(images, number, near))
    return "Random source images, for comparison", shown


def _nats(found: _Borrowed, row: int, place: int) -> str:
    return f"{float(found.ranking.divergences[row, place]):.3g} nat"


def _source(images: _Images, number: int, told: str) -> ShownImage:
    image = images.sources.row(number, named=True)
    file = images.folders.of(image["source"]) / image["path"]
    return ShownImage(
        thumbnail(file, images.folders.limits),
        f"{told}; {named(image['class_name'])}: {named(image['path'])}",
    )
