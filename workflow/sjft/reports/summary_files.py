"""The summary of an experiment, from the files of its runs and of its retrieval."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import polars as pl

from sjft.data.table import read_images
from sjft.leakage.table import count_leakage, read_leakage
from sjft.reports.choice import Choice, read_choice
from sjft.reports.conclusion import opening
from sjft.reports.duplicated import read_duplicated
from sjft.reports.repeated import Contents, HashedImages, contents_of
from sjft.reports.summary import Retrieval, RunFiles, summarise
from sjft.retrieval.neighbours import read_recall
from sjft.retrieval.ranking import usable_sources
from sjft.selection.subset import read_skipped
from sjft.storage.files import write_json, write_text


@dataclass(frozen=True)
class RetrievalFiles:
    """What the sources were searched with, and what came of it, by source.

    ``images`` are the lists. ``neighbours`` is empty where no arm uses them, ``leakage`` and
    ``duplicates`` where nothing was looked for; ``leave_out`` as `Retrieval` has it.
    ``target_images`` is the target's list, ``hashes`` are the hash files of the training images of
    the target and of each source: None and empty where nothing was looked for. ``started_from`` as
    `Retrieval` has it; ``skipped`` are lists of training images, each with its data set.
    """

    backend: str
    images: Mapping[str, Path]
    neighbours: Mapping[str, Path]
    leakage: Mapping[str, Path]
    duplicates: Path | None
    leave_out: bool = False
    target_images: Path | None = None
    hashes: Sequence[Sequence[Path]] = ()
    started_from: Sequence[str] = ()
    skipped: Sequence[tuple[str, Path]] = ()

    @classmethod
    def of(
        cls,
        backend: str,
        sources: Sequence[str],
        searched: Sequence[Sequence[Path]],
        duplicates: Path | None,
        leave_out: bool = False,
        target_images: Path | None = None,
        hashes: Sequence[Path] = (),
        shards: Sequence[int] = (),
        started_from: Sequence[str] = (),
        skipped: Sequence[tuple[str, Path]] = (),
    ) -> "RetrievalFiles":
        """From files in the order of the ``sources``: of all of them, or of none.

        ``searched`` are images, neighbours and leakage; of the ``hashes`` so many are the target's
        and each source's as ``shards`` says.
        """
        images, neighbours, leakage = (
            dict(zip(sources, paths, strict=bool(paths))) for paths in searched
        )
        rest = iter(hashes)
        by_dataset = [list(islice(rest, number)) for number in shards] if hashes else []
        own = (target_images, by_dataset, started_from, skipped)
        return cls(backend, images, neighbours, leakage, duplicates, leave_out, *own)


def write_summary(
    experiment: str,
    runs: Sequence[RunFiles],
    retrieval: RetrievalFiles,
    published: str | Path,
    json: Path,
    text: Path,
) -> None:
    """Write the summary as JSON and as Markdown: of the same results the same bytes.

    ``published`` is the name of the arm that is handed over, or the file of the choice.
    """
    lists = {source: read_images(path) for source, path in retrieval.images.items()}
    arm = read_choice(published) if isinstance(published, Path) else Choice(published)
    summary = summarise(experiment, runs, usable_sources(lists, {}), _known(retrieval, lists), arm)
    write_json(json, summary)
    write_text(text, f"# {experiment}\n\n{opening(summary)}\n\n{summary['table']}\n")


def _known(files: RetrievalFiles, lists: Mapping[str, pl.DataFrame]) -> Retrieval:
    duplicates = None if files.duplicates is None else read_leakage(files.duplicates)
    return Retrieval(
        files.backend,
        {source: read_recall(path) for source, path in files.neighbours.items()},
        {source: count_leakage(read_leakage(path)) for source, path in files.leakage.items()},
        None if duplicates is None else count_leakage(duplicates),
        read_duplicated(files.duplicates),
        files.leave_out,
        _contents(files, lists),
        tuple(files.started_from),
        _skipped(files.skipped),
    )


def _skipped(lists: Sequence[tuple[str, Path]]) -> dict[str, list[str]]:
    """Each data set's images that could not be read, whatever bank found that; none is no entry."""
    found: dict[str, set[str]] = {}
    for dataset, path in lists:
        found.setdefault(dataset, set()).update(read_skipped(path)["path"])
    return {dataset: sorted(images) for dataset, images in found.items() if images}


def _contents(files: RetrievalFiles, lists: Mapping[str, pl.DataFrame]) -> Contents | None:
    if files.target_images is None:
        return None
    tables = [read_images(files.target_images), *lists.values()]
    target, *sources = (HashedImages(*of) for of in zip(tables, files.hashes, strict=True))
    return contents_of(target, sources)
