"""Write the explorer's page: a folder that any browser opens, without server and network."""

import logging
import os
from collections.abc import Mapping
from dataclasses import replace
from functools import reduce
from pathlib import Path

import jinja2
import numpy as np

from sjft.data.location import ImageFolders
from sjft.data.table import class_names, read_images
from sjft.reports.explorer.borrowing import read_borrowing
from sjft.reports.explorer.comparison import Ids, compare
from sjft.reports.explorer.index import Content, index_of, sources_of
from sjft.reports.explorer.inputs import ExplorerInputs
from sjft.reports.explorer.page_files import ASSETS, PAGE
from sjft.reports.explorer.scripts import write_borrowers, write_script, write_targets
from sjft.reports.explorer.sheets import Sheets
from sjft.reports.explorer.source_ids import name_sources
from sjft.retrieval.neighbours import Neighbours, read_neighbours
from sjft.retrieval.ranking import side_by_side
from sjft.settings.explorer import ExplorerSettings
from sjft.storage.files import write_bytes, write_text, writing

LOG = logging.getLogger(__name__)
TARGET_SHEETS = Sheets("targets", side=192, columns=5)
SOURCE_SHEETS = Sheets("sources", side=96, columns=10)


def write_explorer(
    inputs: ExplorerInputs,
    images: ImageFolders,
    settings: ExplorerSettings,
    folder: Path,
    threads: int,
) -> None:
    """Write the page of an experiment into ``folder``, ``index.html`` last of all.

    What stands there of an older page is removed first. Images that cannot be read any more are
    counted and named. Raises `UserError` where files do not belong together.
    """
    content = _read(inputs, settings)
    _remove_older(folder)
    bad = _write_images(images, content, folder, threads)
    write_targets(folder, content.comparisons, content.ids, len(content.targets))
    write_borrowers(folder, content.comparisons, content.ids)
    write_script(folder, "sources", sources_of(content))
    originals = {
        "target": os.path.relpath(images.target, folder),
        "sources": {n: os.path.relpath(p, folder) for n, p in images.sources.items()},
    }
    sheets = {s.name: [s.side, s.columns] for s in (TARGET_SHEETS, SOURCE_SHEETS)}
    more = {"bad": bad, "originals": originals, "sheets": sheets}
    write_script(folder, "index", index_of(content) | more)
    _write_page(inputs.experiment, folder)


def _read(inputs: ExplorerInputs, settings: ExplorerSettings) -> Content:
    targets = read_images(inputs.target_images)
    sources = {name: read_images(path) for name, path in inputs.source_images.items()}
    together = side_by_side(sources)
    rankings = {files.name: read_neighbours(files.ranking) for files in inputs.retrievals}
    shown = _shown(rankings, settings.targets)
    comparisons = []
    for files in inputs.retrievals:
        lists = _cut(rankings[files.name], shown, settings.neighbours)
        comparisons.append(compare(files, lists, targets, sources, settings.explained))
    rounds = [read_borrowing(files, rankings[files.retrieval]) for files in inputs.rounds]
    most_borrowed = [of_round.most_borrowed["image"].to_numpy() for of_round in rounds]
    ids = name_sources(comparisons, most_borrowed, settings.thumbnails)
    return Content(
        inputs,
        classes=class_names(targets),
        targets=targets[shown],
        sources=together[ids.numbers],
        all_sources=int((together["split"] == "train").sum()),
        rankings=rankings,
        comparisons=comparisons,
        rounds=rounds,
        ids=ids,
    )


def _shown(rankings: Mapping[str, Neighbours], most: int) -> Ids:
    """Rows of images.csv of the target images that all rankings know, evenly spread if too many."""
    known = reduce(np.intersect1d, (ranking.targets for ranking in rankings.values()))
    if len(known) > most:
        known = known[np.linspace(0, len(known) - 1, most).round().astype(np.intp)]
    return known


def _cut(ranking: Neighbours, shown: Ids, most: int) -> Neighbours:
    lists = ranking.take(np.searchsorted(ranking.targets, shown))
    return replace(lists, sources=lists.sources[:, :most], divergences=lists.divergences[:, :most])


def _remove_older(folder: Path) -> None:
    """What an older page has left, its index first: a page is whole or has none."""
    with writing(folder):
        (folder / "index.html").unlink(missing_ok=True)
        for name in ("data", "images"):
            (folder / name).mkdir(parents=True, exist_ok=True)
            for pattern in ("*.js", "*.jpg"):
                for file in (folder / name).glob(pattern):
                    file.unlink()


def _write_images(images: ImageFolders, content: Content, folder: Path, threads: int) -> list[str]:
    """Write all sheets; what is wrong with images that cannot be read, one line each."""
    imaged = content.sources[: content.ids.imaged].select("source", "path")
    of_targets = [images.target / path for path in content.targets["path"]]
    of_sources = [images.sources[name] / path for name, path in imaged.iter_rows()]
    bad = [
        error
        for sheets, paths in ((TARGET_SHEETS, of_targets), (SOURCE_SHEETS, of_sources))
        for error in sheets.write(folder / "images", paths, images.limits, threads)
    ]
    for error in bad:
        LOG.warning("grey in the page: %s: %s", error.path, error.reason)
    return [f"{error.path}: {error.reason}" for error in bad]


def _write_page(experiment: str, folder: Path) -> None:
    for name in ASSETS:
        write_bytes(folder / name, (PAGE / name).read_bytes())
    template = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(
        (PAGE / "index.html").read_text("utf-8")
    )
    write_text(folder / "index.html", template.render(experiment=experiment) + "\n")
