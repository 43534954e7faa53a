"""An experiment's files as its report reads them, without retrieval and training."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from descriptor_files import SMALL_GRID, packed_slowly
from explored import Explored, write_explored
from image_files import random_image

from sjft.data.location import ImageFolders
from sjft.data.state import Record, state_of, write_listing
from sjft.data.table import class_names, read_images
from sjft.descriptors.file import KIND as DESCRIPTORS
from sjft.descriptors.file import VERSION as DESCRIPTORS_VERSION
from sjft.descriptors.file import append_images, write_channels
from sjft.descriptors.layer import Layer
from sjft.descriptors.levels import zero_level
from sjft.evaluation.accuracy import accuracies, class_table, confusion
from sjft.evaluation.probabilities import Probabilities, write_probabilities
from sjft.leakage.table import LEAKAGE_SCHEMA, write_leakage
from sjft.reports.choice import Choice
from sjft.reports.report_page.inputs import (
    Circumstances,
    DatasetFiles,
    ReportInputs,
    RetrievalFiles,
    RoundFiles,
    RuleCost,
    RunFiles,
)
from sjft.reports.summary import Retrieval, summarise
from sjft.reports.summary import RunFiles as SummaryRun
from sjft.retrieval.bins import equalise_bins
from sjft.retrieval.neighbours import Neighbours, write_neighbours
from sjft.retrieval.ranking import usable_sources
from sjft.selection.subset import read_targets, select_all, write_manifest
from sjft.storage.files import write_json, write_table
from sjft.storage.hdf5 import create_hdf5

SKIPPED = {"path": pl.String, "reason": pl.String}
LEFT_OUT = "2 links that lead nowhere: a.jpg, b.jpg"
CARD = """# Model card: small

A model of <b>two</b> classes & more.

| figure | value |
| --- | --- |
| accuracy | 0.5 |

<details><summary>Every setting</summary>

```yaml
key: <value>
```

</details>
"""
KNOWN = Circumstances(
    [RuleCost("finetune", 4, 1, 12.5, 900, 8000), RuleCost("evaluate", 2, 0, 3.0, 5000, 4000)],
    {"sjft": "1.2.3"},
    "experiments:\n  small: {rounds: 2}\n",
)


SMALL = Explored(retrievals=("first",))


def write_reported(folder: Path, size: Explored = SMALL) -> tuple[ReportInputs, ImageFolders]:
    """Write all files that the page reads, and the images; one that leaks has none.

    Of what is held out, images that nothing was found of are not there: nobody may read them. With
    a second retrieval there is an arm `gabor` that borrows by it.
    """
    explored, images = write_explored(folder, size)
    targets = read_images(explored.target_images)
    sources = read_images(explored.source_images["things"])
    datasets = [
        _dataset(folder, "pets", "target", targets, []),
        _dataset(folder, "things", "source", sources, [("gone.png", "is truncated")]),
    ]
    held_out = targets.filter(pl.col("split") == "test")["path"].to_list()
    shown = sources["path"].to_list()
    (folder / held_out[0]).parent.mkdir(parents=True, exist_ok=True)
    random_image(99, (60, 30)).save(folder / held_out[0])
    _copies(folder / "leakage.csv", [(held_out[0], shown[0]), (held_out[1], shown[1])])
    _copies(folder / "duplicates.csv", [])
    # The second retrieval finds one of them, and another.
    of_retrievals = (folder / "leakage.csv", folder / "second leakage.csv")
    _copies(of_retrievals[1], [(held_out[0], shown[0]), (held_out[2], shown[3])])
    names = class_names(targets)
    borrowing = {}
    for arm in dict.fromkeys(r.arm for r in explored.rounds):
        first, *later = (r for r in explored.rounds if r.arm == arm)
        borrowing[arm] = [
            RoundFiles(
                *(r.number, r.subset, r.targets, _history(folder, r.number)),
                first.difficulty if r is first else None,
            )
            for r in (first, *later)
        ]
    alone = _without_source(folder, sources, borrowing["selective"])
    rounds = {"selective": borrowing.pop("selective"), "fine-tune": alone, **borrowing}
    found = {"selective": size.retrievals[0], "gabor": size.retrievals[-1]}
    runs = [
        _run(folder, arm, of_arm, names, seed, found.get(arm))
        for seed, (arm, of_arm) in enumerate(rounds.items(), 1)
    ]
    (folder / "card.md").write_text(CARD)
    retrievals = [
        RetrievalFiles(
            *(of.name, of.bank, of.ranking),
            *write_bins(folder / f"bins of {of.name}", seed),
            {"things": leaks},
            *("exact", {"things": _with_recall(folder / f"recall of {of.name}.h5", recall)}),
        )
        for seed, of, leaks, recall in zip(
            *((7, 8), explored.retrievals, of_retrievals, (0.95, 0.85)), strict=False
        )
    ]
    inputs = ReportInputs(
        experiment="small",
        published="selective",
        summary=_summary(folder, runs, sources),
        card=folder / "card.md",
        datasets=datasets,
        leakage={"things": folder / "leakage.csv"},
        duplicates=folder / "duplicates.csv",
        retrievals=retrievals,
        runs=runs,
        optional={
            "ablation_text": folder / "ablation.md",
            "ablation_plot": folder / "ablation.svg",
            "explorer": folder / "explorer/index.html",
        },
    )
    return inputs, ImageFolders(folder, {"things": folder}, images.limits)


def _dataset(
    folder: Path, name: str, role: str, images: pl.DataFrame, skipped: list[tuple[str, str]]
) -> DatasetFiles:
    place = folder / f"{name} listed"
    state = replace(state_of(images, 2), left_out=[LEFT_OUT] if role == "target" else [])
    write_listing(place, images, Record("by", "now", state))
    files = [place / "0000.skipped.csv"] if skipped else []
    for file in files:
        write_table(file, pl.DataFrame(skipped, schema=SKIPPED, orient="row"))
    return DatasetFiles(name, role, place / "images.csv", place / "state.json", files)


def _copies(path: Path, pairs: list[tuple[str, str]]) -> None:
    rows = [
        (one, "test", other, "train", "same file", True, 3, False, None) for one, other in pairs
    ]
    write_leakage(path, pl.DataFrame(rows, schema=LEAKAGE_SCHEMA, orient="row"))


def _with_recall(path: Path, recall: float) -> Path:
    lists = Neighbours(np.zeros(1, np.int32), np.zeros((1, 10), np.int32), np.ones((1, 10), "f4"))
    write_neighbours(path, lists, {}, {}, {"10": recall})
    return path


def write_bins(folder: Path, seed: int = 7) -> tuple[Path, list[Path]]:
    """Bins of three channels: one that is always 0, one that is so in half of all, and another."""
    folder.mkdir(exist_ok=True)
    responses = np.random.default_rng(seed).multinomial(300, np.full(37, 1 / 37), (5, 3))
    zero = zero_level(SMALL_GRID)
    responses[:, 0] = 0
    responses[:, 0, zero] = 300
    responses[:, 1, zero] += 300 - responses[:, 1, zero + 1 :].sum(axis=1) - responses[:, 1, zero]
    responses[:, 1, :zero] = 0
    path = folder / "pets of bank.h5"
    config = {"type": "fake", "grid": SMALL_GRID.model_dump()}
    with create_hdf5(
        path, kind=DESCRIPTORS, version=DESCRIPTORS_VERSION, config=config, inputs={"weights": ""}
    ) as writer:
        write_channels(writer, [Layer("first", 1, 300), Layer("second", 2, 300)])
        append_images(writer, np.arange(5, dtype=np.int32), packed_slowly(responses))
    equalise_bins([path], 10, None, folder / "bins.h5")
    return folder / "bins.h5", [path]


def _history(folder: Path, number: int) -> Path:
    updates = np.arange(10, 400, 10)
    path = folder / f"history-{number}.csv"
    loss = 2 / (number + 1) / np.sqrt(updates)
    columns = {
        "update": updates,
        "target_loss": loss,
        "source_loss": loss,
        "target_accuracy": 1 - loss / 2,
        "seconds": updates / 10,
    }
    write_table(path, pl.DataFrame(columns))
    return path


def _without_source(
    folder: Path, sources: pl.DataFrame, rounds: list[RoundFiles]
) -> list[RoundFiles]:
    made = []
    for r in rounds:
        subset, targets = (
            folder / f"alone-{r.number}-{name}.csv" for name in ("subset", "targets")
        )
        train = read_targets(r.targets).drop("neighbours", "sampling_level", "draws")
        write_manifest(
            select_all(train, usable_sources({"things": sources}, {}).clear()), subset, targets
        )
        made.append(RoundFiles(r.number, subset, targets, r.history, None))
    return made


def _run(
    folder: Path,
    arm: str,
    rounds: list[RoundFiles],
    names: list[str],
    seed: int,
    retrieval: str | None,
) -> RunFiles:
    place = folder / "runs" / arm
    place.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(names)), 20)
    scores = rng.dirichlet(np.ones(len(names)), len(labels)).astype(np.float32)
    counts = confusion(scores, labels)
    measured: dict[str, Any] = accuracies(scores, labels, names)
    skipped = [{"path": "bad.png", "reason": "is truncated"}] if seed == 1 else []
    write_json(place / "evaluation.json", measured | {"split": "test", "skipped": skipped})
    write_table(place / "classes.csv", class_table(counts, names))
    images = [f"{number}.png" for number in range(len(labels))]
    found = Probabilities(images, labels, scores, names)
    write_probabilities(place / "probabilities.h5", found, {}, {"model": arm})
    files = (place / name for name in ("evaluation.json", "classes.csv", "probabilities.h5"))
    return RunFiles(arm, 0, f"the arm {arm}", retrieval, *files, rounds)


def _summary(folder: Path, runs: list[RunFiles], sources: pl.DataFrame) -> Path:
    of_runs = [
        SummaryRun(
            r.arm,
            r.seed,
            r.evaluation,
            r.rounds[-1].subset,
            r.rounds[-1].targets,
            r.probabilities,
        )
        for r in runs
    ]
    found = Retrieval("exact", {"things": {"10": 0.95}}, {}, None)
    summary = summarise(
        "small", of_runs, usable_sources({"things": sources}, {}), found, Choice("selective")
    )
    said = ["Borrowing helped here: 3 points.", "Warning: the published arm is not the best."]
    write_json(folder / "summary.json", summary | {"conclusion": said})
    return folder / "summary.json"
