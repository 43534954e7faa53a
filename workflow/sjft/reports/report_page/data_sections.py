"""Did borrowing help, from which data; copies that were found; how near neighbours are."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from sjft.data.location import ImageFolders
from sjft.data.state import read_record
from sjft.data.table import read_images
from sjft.leakage.table import count_leakage, read_leakage, words_on_doubt
from sjft.reports.duplicated import lines_on_duplicates
from sjft.reports.names import named
from sjft.reports.repeated import lines_on_repeated
from sjft.reports.report_page import charts
from sjft.reports.report_page.blocks import (
    Block,
    Cell,
    Chart,
    Section,
    ShownImage,
    ShownImages,
    Table,
    Text,
    percent,
)
from sjft.reports.report_page.inputs import DatasetFiles, ReportInputs, RetrievalFiles
from sjft.reports.report_page.thumbnails import thumbnail
from sjft.reports.untested import lines_on_untested
from sjft.retrieval.neighbours import read_neighbours, read_recall
from sjft.selection.subset import read_skipped
from sjft.wording import counted

EXAMPLES = 6  # images of each data set
PAIRS = 24  # of each list of copies
RANKS = 60  # points of the curve


def comparison(inputs: ReportInputs, summary: Mapping[str, Any]) -> Section:
    """The conclusion in words, and all arms beside each other."""
    blocks: list[Block] = [
        Text(said, "warning" if said.startswith("Warning") else "")
        for said in summary.get("conclusion", [])
    ]
    if not blocks:
        blocks.append(
            Text(
                "The summary holds no verdict: compare the arms' accuracies with care, since one "
                "seed says little."
            )
        )
    titles = {run.arm: run.title for run in inputs.runs}
    styles = summary["style_share_by_chance"] is not None  # where a data set knows them
    rows = [
        [
            arm,
            titles.get(arm, ""),
            percent(of["mean_class_accuracy"]),
            percent(of["accuracy"]),
            len(of["runs"]),
            f"{of['source_images']:.0f}",
            *([percent(of["style_share"])] if styles else []),
        ]
        for arm, of in summary["arms"].items()
    ]
    head = ["arm", "what it is", "mean class accuracy", "top-1", "seeds", "source images"]
    head += ["share of the target's style"] if styles else []
    blocks.append(Table("Means over seeds", head, rows))
    if styles:
        chance = percent(summary["style_share_by_chance"])
        blocks.append(Text(f"By chance {chance} of the source images would have its style."))
    said = lines_on_untested(summary)
    said += lines_on_duplicates(summary["arms"], summary.get("duplicated"))
    said += lines_on_repeated(summary["arms"])
    return Section("comparison", "Did borrowing help?", [*blocks, *map(Text, said)])


##### data sets #####


def datasets(inputs: ReportInputs, folders: ImageFolders) -> Section:
    """Counts, classes, what is skipped or not listed; a few training images of each."""
    tables = {files.name: read_images(files.images) for files in inputs.datasets}
    rows = [_counts(files, tables[files.name]) for files in inputs.datasets]
    head = ["data set", "role", "classes", "training images", "val", "test"]
    head += ["training images skipped"]  # of held-out ones the accuracy's section tells
    blocks: list[Block] = [Table("Images that are listed", head, rows)]
    for files in inputs.datasets:
        blocks += _left_out(files)
        blocks += _classes_and_examples(files, tables[files.name], folders)
    return Section("data", "Data sets", blocks)


def _counts(files: DatasetFiles, table: pl.DataFrame) -> list[str | int | None]:
    of_splits = [len(table.filter(pl.col("split") == split)) for split in ("train", "val", "test")]
    skipped = len(_skipped(files))
    return [files.name, files.role, table["label"].n_unique(), *of_splits, skipped]


def _skipped(files: DatasetFiles) -> pl.DataFrame:
    tables = [read_skipped(path) for path in files.skipped]
    return pl.concat(tables) if tables else pl.DataFrame({"path": [], "reason": []})


def _left_out(files: DatasetFiles) -> list[Block]:
    record = read_record(files.state.parent)
    if record is None:
        return [Text(f"What the list of {files.name} left out is not known: it has no record.")]
    found: list[Block] = [
        Text(f"{files.name}, not listed: {line}") for line in record.state.left_out
    ]
    if rows := _skipped(files).rows():
        found.append(Table(f"{files.name}: images that cannot be used", ["image", "why"], rows))
    return found


def _classes_and_examples(
    files: DatasetFiles, table: pl.DataFrame, folders: ImageFolders
) -> list[Block]:
    train = table.filter(pl.col("split") == "train")
    by_class = (
        table.group_by("class_name", "split")
        .len()
        .pivot("split", index="class_name", values="len")
        .fill_null(0)
        .sort("class_name")
    )
    splits = [split for split in ("train", "val", "test") if split in by_class.columns]
    rows = by_class.select("class_name", *splits).rows()
    blocks: list[Block] = [Table(f"Classes of {files.name}", ["class", *splits], rows)]
    if len(train):
        places = np.unique(np.linspace(0, len(train) - 1, EXAMPLES).round().astype(int))
        shown = [
            [_image(folders, files.name, path, f"{named(name)}: {named(path)}")]
            for path, name in train[places].select("path", "class_name").iter_rows()
        ]
        blocks.append(ShownImages(f"Some of the training images of {files.name}", shown))
    return blocks


def _image(folders: ImageFolders, dataset: str, path: str, told: str) -> ShownImage:
    return ShownImage(thumbnail(folders.of(dataset) / path, folders.limits), told)


##### copies #####


def leakage(inputs: ReportInputs, folders: ImageFolders) -> Section:
    """Which held-out images stand in a source or in the target's training images: both shown."""
    target = inputs.datasets[0].name
    blocks: list[Block] = []
    for source, path in inputs.leakage.items():
        what = f"{source} and held out in {target}"
        blocks += _copies(read_leakage(path), (target, source), what, folders)
    if inputs.duplicates is None:
        text = "Copies of held-out images were not looked for (`leakage: {check: false}`)."
        blocks.append(Text(text))
    else:
        what = f"the training images of {target} and held out in it"
        blocks += _copies(read_leakage(inputs.duplicates), (target, target), what, folders)
    # The first is the experiment's own, where arms use it.
    for other in (of for of in inputs.retrievals if of.leakage != inputs.leakage):
        blocks += [_copies_by(other, inputs.leakage, s, target) for s in other.leakage]
    return Section("leakage", "Leakage and duplicates", blocks)


def _copies_by(other: RetrievalFiles, shown: Mapping[str, Path], source: str, target: str) -> Block:
    """What another retrieval has found, beside what is ``shown``: arms leave out by their own."""
    of_page, found = (
        set(read_leakage(files[source]).select("target_path", "source_path").rows())
        if source in files
        else set()
        for files in (shown, other.leakage)
    )
    new = sorted(found - of_page)
    what = f"{source} and held out in {target}, by the retrieval {other.name}"
    if not new:
        return Text(
            f"{counted(len(found), 'pair is', 'pairs are')} in {what}: none but those above."
        )
    caption = f"Pairs that are in {what}, and not above"
    return Table(caption, ["held-out image", "its copy"], [[*pair] for pair in new])


def _copies(
    table: pl.DataFrame, datasets: tuple[str, str], what: str, folders: ImageFolders
) -> list[Block]:
    if not len(table):
        return [Text(f"No image was found to be in {what}.")]
    images = table["target_path"].n_unique()
    head = ["held-out image", "split", "its copy", "reasons", "hash distance", "divergence, nat"]
    rows = [
        [
            row["target_path"],
            row["target_split"],
            row["source_path"],
            row["reasons"],
            row["hash_distance"],
            None if row["divergence"] is None else f"{row['divergence']:.3g}",
        ]
        for row in table.iter_rows(named=True)
    ]
    shown = [
        [
            _image(folders, name, row[f"{side}_path"], f"{name}: {named(row[f'{side}_path'])}")
            for name, side in zip(datasets, ("target", "source"), strict=True)
        ]
        for row in table.head(PAIRS).iter_rows(named=True)
    ]
    beyond = counted(len(table) - PAIRS, "more pair stands", "more pairs stand")
    more = f"; {beyond} in the table alone" if len(rows) > PAIRS else ""
    return [
        Text(
            f"{counted(images, 'image is', 'images are')} in {what}: {counted(len(rows), 'pair')}."
            + words_on_doubt(count_leakage(table)),
            "warning",
        ),
        ShownImages(
            f"Pairs that are in {what}: held out on the left, its copy on the right{more}", shown
        ),
        Table(f"Pairs that are in {what}", head, rows),
    ]


##### retrieval #####


def retrieval(inputs: ReportInputs) -> Section:
    """The search's recall and the divergence by rank, in each retrieval that arms use."""
    several = len(inputs.retrievals) > 1
    blocks: list[Block] = [_recall(of, several=several) for of in inputs.retrievals]
    blocks += [_distances(of, several=several) for of in inputs.retrievals]
    if not blocks:
        blocks = [Text("No arm that is compared uses neighbours.")]
    return Section("retrieval", "Retrieval", blocks)


def _of_several(files: RetrievalFiles, several: bool) -> str:
    return f", in the retrieval {files.name}" if several else ""


def _recall(files: RetrievalFiles, *, several: bool) -> Table:
    rows: list[list[Cell]] = [
        [source, int(depth), f"{share:.3f}"]
        for source, path in files.neighbours.items()
        for depth, share in read_recall(path).items()
    ]
    caption = (
        f"Recall of the search by {files.backend}{_of_several(files, several)}: the share of the "
        "truly nearest that it found, on a sample of target images"
    )
    return Table(caption, ["source", "of the first", "recall"], rows)


def _distances(files: RetrievalFiles, *, several: bool) -> Chart:
    divergences = read_neighbours(files.ranking).divergences
    kept = divergences.shape[1]
    ranks = np.unique(np.geomspace(1, kept, RANKS).round().astype(int))
    low, middle, high = np.quantile(divergences[:, ranks - 1], [0.1, 0.5, 0.9], axis=0)
    table = pl.DataFrame({"rank": ranks, "low": low, "median": middle, "high": high})
    meaning = (
        f"Symmetric KL divergence of a target image's neighbours by their rank: the median over "
        f"{counted(len(divergences), 'target image')}, from {middle[0]:.3g} nat at rank 1 to "
        f"{middle[-1]:.3g} at rank {kept:,}; the band holds the middle 80 %."
    )
    title = "How near the neighbours are" + _of_several(files, several)
    return charts.band(table, "rank", title, meaning)
