"""The summary from files to files."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from evaluated_runs import answering
from small import manifest, source_table

from sjft import layout
from sjft.data.table import write_images
from sjft.errors import UserError
from sjft.evaluation.probabilities import write_probabilities
from sjft.reports.summary import RunFiles, read_summary
from sjft.reports.summary_files import RetrievalFiles, write_summary
from sjft.selection.subset import write_manifest
from sjft.storage.files import write_json, write_table

MEASURED = {"mean_class_accuracy": 0.5, "accuracy": 0.25, "images": 4, "split": "test"}


def written(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    seconds: str,
    skipped: Sequence[tuple[str, list[str]]] = (),
) -> dict[str, bytes]:
    """The summary of a run whose jobs took so long, by the files that Snakemake left.

    ``skipped`` are data sets with images that could not be read.
    """
    folder.mkdir()
    monkeypatch.chdir(folder)
    run = {"experiment": "demo", "arm": "selective", "seed": 0}
    benchmark = Path(layout.benchmark("finetune").format(**run, round=0))
    benchmark.parent.mkdir(parents=True)
    benchmark.write_text(f"s\th:m:s\tmax_rss\tio_in\n{seconds}\t0:00:01\t200.5\t0\n")
    names = ("evaluation.json", "subset.csv", "targets.csv", "p.h5")
    files = RunFiles("selective", 0, *map(Path, names))
    write_json(files.evaluation, MEASURED)
    found = answering(np.arange(4) < 2)
    write_probabilities(files.probabilities, found, {}, {"model": "digest"})
    write_manifest(manifest(["dots"], ["dots", "lines"]), files.subset, files.targets)
    write_images(Path("images.csv"), source_table([0, 0, 1]).drop("source", strict=False))
    lists = [(dataset, Path(f"{number}.csv")) for number, (dataset, _) in enumerate(skipped)]
    for (_, path), (_, images) in zip(lists, skipped, strict=True):
        write_table(path, pl.DataFrame({"path": images, "reason": ["is empty"] * len(images)}))
    sources = {"store": Path("images.csv")}
    retrieval = RetrievalFiles("exact", sources, {}, {}, None, skipped=lists)
    outputs = {"json": Path("summary.json"), "text": Path("summary.md")}
    write_summary("demo", [files], retrieval, "selective", **outputs)
    return {name: Path(name).read_bytes() for name in ("summary.json", "summary.md")}


def test_images_that_could_not_be_read_are_counted_once_whatever_bank_found_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lists = [("own", ["b.jpg"]), ("store", ["c.jpg"]), ("own", ["a.jpg", "b.jpg"]), ("attic", [])]
    made = written(tmp_path / "run", monkeypatch, "1.5", lists)
    found = read_summary(tmp_path / "run/summary.json")["skipped_in_training"]
    assert found == {"own": ["a.jpg", "b.jpg"], "store": ["c.jpg"]}
    lines = made["summary.md"].decode().splitlines()
    assert (
        "2 images of `own` could not be read, and have no part in training: a.jpg, b.jpg." in lines
    )
    assert "1 image of `store` could not be read, and has no part in training: c.jpg." in lines
    assert not [line for line in lines if "`attic`" in line]


def test_the_same_results_have_the_same_summary_however_long_they_took(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fast = written(tmp_path / "fast", monkeypatch, "1.5")
    assert fast == written(tmp_path / "slow", monkeypatch, "150.0")
    summary = read_summary(tmp_path / "fast/summary.json")
    assert summary["arms"]["selective"]["source_images"] == 2
    said = "\n\n".join(summary["conclusion"])
    assert fast["summary.md"].decode() == f"# demo\n\n{said}\n\n{summary['table']}\n"


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "3", "\udcff"])
def test_another_file_is_no_summary(tmp_path: Path, text: str) -> None:
    (tmp_path / "s.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(UserError, match=r"s\.json: is no"):
        read_summary(tmp_path / "s.json")


def test_a_missing_summary_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        read_summary(tmp_path / "s.json")
    with pytest.raises(UserError, match="cannot be read"):
        read_summary(tmp_path)
