"""The ablation's files without the test images that stand in training."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from small import manifest

from sjft.errors import UserError
from sjft.evaluation.probabilities import Probabilities, write_probabilities
from sjft.leakage.table import LEAKAGE_SCHEMA, write_leakage
from sjft.reports.ablation_files import AblatedRun, Ablation, write_ablation
from sjft.selection.subset import write_manifest

CLASSES, OF_CLASS, SEEDS = 4, 10, (0, 1, 2)
PATHS = [f"test/{number}.png" for number in range(CLASSES * OF_CLASS)]
LABELS = np.repeat(np.arange(CLASSES), OF_CLASS)
ARMS = {
    "fine-tune": {"title": "alone", "against": "selective", "updates": 40},
    "selective": {"title": "borrowing", "against": None, "updates": 40},
}
# Copies of training images, which every network tells right: half of each class.
COPIES = [path for path, place in zip(PATHS, range(len(PATHS)), strict=True) if place % 2]


def told(arm: str, seed: int) -> Probabilities:
    """All copies are told right; of the others fine-tune tells a tenth, selective most."""
    share = {"fine-tune": 0.1, "selective": 0.9}[arm]
    luck = np.random.default_rng([seed, len(arm)]).random(len(PATHS)) < share
    right = luck | np.isin(PATHS, COPIES)
    values = np.full((len(PATHS), CLASSES), 0.1, np.float32)
    values[np.arange(len(PATHS)), np.where(right, LABELS, (LABELS + 1) % CLASSES)] = 0.7
    return Probabilities(PATHS, LABELS, values, [f"class {c}" for c in range(CLASSES)])


def without_rows(found: Probabilities, left_out: list[str]) -> Probabilities:
    """What would be on file if these images had never been there."""
    kept = [row for row, path in enumerate(found.paths) if path not in left_out]
    paths = [found.paths[row] for row in kept]
    return Probabilities(paths, found.labels[kept], found.values[kept], found.class_names)


def ablation(
    folder: Path, duplicates: list[str] | None, absent: list[str] | None = None
) -> dict[str, str]:
    """The files of an ablation of two arms, three seeds and their fusion, as text.

    ``duplicates`` are listed in duplicates.csv, ``absent`` images are in no file at all.
    """
    folder.mkdir()
    runs = []
    for arm in ARMS:
        for seed in SEEDS:
            of_run = AblatedRun(
                *(arm, seed, folder / f"{arm}-{seed}.h5", folder / f"{arm}-{seed}.csv")
            )
            found = without_rows(told(arm, seed), absent or [])
            write_probabilities(of_run.probabilities, found, {}, {"model": arm})
            write_manifest(manifest([""], [""]), of_run.subset, folder / f"{arm}-{seed}-t.csv")
            runs.append(of_run)
    fused = {s: [run.probabilities for run in runs if run.seed == s] for s in SEEDS}
    listed = None
    if duplicates is not None:
        listed = folder / "duplicates.csv"
        rows = [
            (path, "test", "train/copy.png", "train", "same file", True, 0, False, None)
            # Those of another split are no test images.
            for path in [*duplicates, "val/other.png"]
        ]
        write_leakage(listed, pl.DataFrame(rows, schema=LEAKAGE_SCHEMA, orient="row"))
    names = {"table": "a.csv", "runs": "r.csv", "text": "a.md", "plot": "a.svg"}
    outputs = {key: folder / name for key, name in names.items()}
    write_ablation(Ablation("demo", runs, fused, ARMS, "test", {}, listed), **outputs)
    return {key: path.read_text() for key, path in outputs.items()}


def test_classes_without_a_test_image_are_told(tmp_path: Path) -> None:
    last = [path for path, label in zip(PATHS, LABELS, strict=True) if label == CLASSES - 1]
    assert "has no image of" not in ablation(tmp_path / "all", None)["text"]
    text = ablation(tmp_path / "less", None, last)["text"]
    assert "\n\nThe split `test` has no image of 1 class (class 3): how well it is told" in text


def test_figures_intervals_and_verdict_are_as_if_the_duplicates_had_never_been_there(
    tmp_path: Path,
) -> None:
    without = ablation(tmp_path / "without", COPIES)
    never = ablation(tmp_path / "never", None, COPIES)
    for same in ("table", "runs", "plot"):
        assert without[same] == never[same], same
    whole = ablation(tmp_path / "whole", None)
    table, of_whole = (pl.read_csv(text["table"].encode()) for text in (without, whole))
    assert table["images"].to_list() == [20] * 3 and of_whole["images"].to_list() == [40] * 3
    assert list(table["arm"]) == ["fine-tune", "selective", "fusion"]
    # The copies, which all tell right, hid half of the difference.
    gain, hidden = (-frame["difference"][0] for frame in (table, of_whole))
    assert gain == pytest.approx(2 * hidden) and gain > 0.5
    title, _, verdict, _, left_out, *rest = without["text"].splitlines()
    assert (title, verdict) == tuple(never["text"].splitlines()[place] for place in (0, 2))
    assert verdict.startswith("Borrowing helped") and "20 test images" in verdict
    assert left_out == (
        "20 of the 40 test images stand among the target's own training images, and are left out."
    )
    assert rest == never["text"].splitlines()[3:]
    assert "left out" not in whole["text"]


def test_classes_of_which_no_image_is_left_are_named(tmp_path: Path) -> None:
    gone = [path for path, label in zip(PATHS, LABELS, strict=True) if label in {1, 3}]
    text = ablation(tmp_path / "some", gone)
    table = pl.read_csv(text["table"].encode())
    assert table["images"].to_list() == [20] * 3
    # Copies and 90 % of the others, or 10 %: over two classes, not four.
    alone, borrowing, _ = table["mean_class_accuracy"]
    assert borrowing > 0.9 and alone < 0.7
    told = "No image is left of: class 1, class 3; means are over the other classes."
    assert told in text["text"]


def test_without_a_duplicate_nothing_is_said_of_them(tmp_path: Path) -> None:
    assert ablation(tmp_path / "none", []) == ablation(tmp_path / "not asked", None)


def test_a_split_of_duplicates_alone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"All 40 test images stand among .* split the data set anew"
    ):
        ablation(tmp_path / "all", PATHS)
