"""All experiments beside each other: finished ones with intervals, the others by name."""

import csv
import errno
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from evaluated_runs import answering
from small import manifest, source_table

from sjft.cli.main import main
from sjft.errors import UserError
from sjft.evaluation.probabilities import write_probabilities
from sjft.reports.choice import Choice
from sjft.reports.intervals import interval_of_mean_share
from sjft.reports.results_table import all_results, as_csv, as_json, as_table
from sjft.reports.summary import Retrieval, RunFiles, read_summary, summarise
from sjft.selection.subset import write_manifest
from sjft.storage.files import write_json

IMAGES = 80


def run_of(folder: Path, arm: str, seed: int, accuracy: float) -> RunFiles:
    place = folder / "runs" / f"{arm}-{seed}"
    last = place / "round-0"
    last.mkdir(parents=True)
    names = ("evaluation.json", "round-0/subset.csv", "round-0/targets.csv", "probabilities.h5")
    files = RunFiles(arm, seed, *(place / name for name in names))
    found = answering(np.arange(IMAGES) < round(accuracy * IMAGES))
    write_probabilities(files.probabilities, found, {}, {"model": "digest"})
    measured = {"mean_class_accuracy": accuracy, "accuracy": accuracy, "images": IMAGES}
    write_json(files.evaluation, measured | {"split": "test"})
    borrowed = manifest([""], [""] * (0 if arm == "fine-tune" else 3))
    write_manifest(borrowed, files.subset, files.targets)
    return files


def finish(folder: Path, published: str, seeds: int, **accuracies: float) -> None:
    """An experiment of arms with these accuracies, summarised."""
    runs = [
        run_of(folder, arm.replace("_", "-"), seed, share + seed / IMAGES)
        for arm, share in accuracies.items()
        for seed in range(seeds)
    ]
    found = Retrieval("exact", {}, {}, None)
    summary = summarise(folder.name, runs, source_table([0]), found, Choice(published))
    write_json(folder / "summary.json", summary)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Two finished experiments, one that is not, one that is damaged, and folders of stages."""
    folder = tmp_path / "results"
    finish(folder / "b helps", "selective", 2, selective=0.9, fine_tune=0.5)
    finish(folder / "a hurts", "fine-tune", 1, fine_tune=0.95, selective=0.5)
    finish(folder / "c alone", "selective", 1, selective=0.5)
    run_of(folder / "d begun", "selective", 0, 0.5)
    (folder / "d begun/runs/selective-0/round-0/model.pt").touch()
    (folder / "d begun/runs/fine-tune-0/round-0").mkdir(parents=True)
    finish(folder / "e damaged", "selective", 1, selective=0.5)
    (folder / "e damaged/summary.json").write_text("{")
    for other in ("datasets", "logs/runs", "weights"):
        (folder / other).mkdir(parents=True)
    (folder / ".gitkeep").touch()
    return folder


def test_each_experiment_stands_with_its_published_arm_and_its_verdict(results: Path) -> None:
    found = {result.experiment: result for result in all_results(results)}
    assert list(found) == ["a hurts", "b helps", "c alone", "d begun", "e damaged"]
    helps = found["b helps"]
    assert (helps.published, helps.seeds, helps.test_images) == ("selective", 2, IMAGES)
    assert helps.accuracy == pytest.approx(0.9 + 0.5 / IMAGES)
    assert helps.accuracy_low is not None and helps.accuracy_high is not None
    assert helps.accuracy_low < 0.9 < helps.accuracy_high
    assert (helps.verdict, helps.source_images) == ("helped", 3)
    assert helps.difference == pytest.approx(0.4)
    assert helps.difference_low is not None and 0 < helps.difference_low < 0.4
    hurts = found["a hurts"]
    assert (hurts.published, hurts.source_images) == ("fine-tune", 0)
    assert (hurts.arm_of_verdict, hurts.verdict) == ("selective", "hurt")
    assert found["c alone"].verdict is None and found["c alone"].accuracy == 0.5


def test_what_the_figures_leave_out_the_interval_leaves_out_too(tmp_path: Path) -> None:
    place = tmp_path / "results/small"
    run = run_of(place, "selective", 0, 0.5)  # the first half is told right
    for duplicated in ([0, 1, 2, 3, 4, 5], []):
        paths = frozenset(f"{number}.png" for number in duplicated)
        found = Retrieval("exact", {}, {}, None, paths, leave_out=True)
        written = summarise("small", [run], source_table([0]), found, Choice("selective"))
        write_json(place / "summary.json", written)
        (result,) = all_results(tmp_path / "results")
        right = np.arange(len(duplicated), IMAGES) < IMAGES // 2
        labels = np.arange(len(duplicated), IMAGES) % 2
        expected = interval_of_mean_share(right.astype(float), labels)
        assert (result.accuracy_low, result.accuracy_high) == (expected.low, expected.high)
        assert result.test_images == len(right) or not duplicated
        assert result.accuracy == pytest.approx(right.mean())


def test_what_is_not_finished_and_what_cannot_be_read_is_listed_as_such(results: Path) -> None:
    found = {result.experiment: result for result in all_results(results)}
    begun = found["d begun"]
    assert (begun.state, begun.accuracy) == ("unfinished", None)
    assert begun.note == "Rounds trained: 1; runs evaluated: 1 (selective-0)."
    assert found["e damaged"].state == "not readable"
    assert "summary.json" in found["e damaged"].note
    lines = as_table(list(found.values())).splitlines()
    cells: list[list[str]] = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:5]
    ]
    assert [row[0] for row in cells] == ["a hurts", "b helps", "c alone"]
    assert cells[0][6] == "hurt (`selective`)" and cells[0][7] == "-45.0"
    assert cells[1][6] == "helped" and cells[1][7] == "+40.0"
    assert cells[2][6:] == ["not compared", "-", "-"]
    assert lines[6].startswith("d begun: unfinished. Rounds trained: 1")
    assert lines[7].startswith("e damaged: not readable. ")


def test_the_same_stands_in_json_and_csv(results: Path) -> None:
    found = all_results(results)
    of_json: list[dict[str, Any]] = json.loads(as_json(found))
    of_csv = list(csv.DictReader(io.StringIO(as_csv(found))))
    assert [row["experiment"] for row in of_csv] == [row["experiment"] for row in of_json]
    for one, other in zip(of_json, of_csv, strict=True):
        assert one.keys() == other.keys()
        assert {key: "" if value is None else str(value) for key, value in one.items()} == other


def test_lost_probabilities_cost_the_interval_alone(results: Path) -> None:
    (results / "c alone/runs/selective-0/probabilities.h5").unlink()
    alone = next(r for r in all_results(results) if r.experiment == "c alone")
    assert (alone.state, alone.accuracy, alone.accuracy_low) == ("finished", 0.5, None)


def test_an_older_summary_says_how_to_make_it_again(results: Path) -> None:
    write_json(results / "c alone/summary.json", {"table": "", "arms": {}})
    alone = next(r for r in all_results(results) if r.experiment == "c alone")
    assert alone.state == "not readable" and "--forcerun summarise" in alone.note


def test_the_command_prints_it_and_refuses_a_folder_without_experiments(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["results", str(results)]) == 0
    assert "| b helps" in capsys.readouterr().out
    assert main(["results", str(results), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 5
    assert main(["results", str(results), "--csv"]) == 0
    assert capsys.readouterr().out.startswith("experiment,state,note,published,accuracy,")
    assert main(["results", str(results / "nowhere")]) == 1
    assert "there is no such folder" in capsys.readouterr().err
    with pytest.raises(UserError, match="no experiment yet"):
        all_results(results / "weights")


def test_a_summary_that_is_older_than_its_runs_is_said_to_be_so(results: Path) -> None:
    for changed in (answering(np.arange(IMAGES) < 20), answering(np.arange(IMAGES // 2) < 20)):
        for seed in (0, 1)[: 1 if len(changed.labels) < IMAGES else 2]:
            place = results / f"b helps/runs/selective-{seed}"
            write_probabilities(place / "probabilities.h5", changed, {}, {"model": "digest"})
        found = {result.experiment: result for result in all_results(results)}["b helps"]
        assert (found.accuracy_low, found.accuracy_high) == (None, None)
        assert found.accuracy == pytest.approx(0.9 + 0.5 / IMAGES)
        assert "b helps: finished. summary.json is older than the runs" in as_table([found])


def test_an_interval_of_a_share_ends_at_1(results: Path) -> None:
    finish(results / "f good", "selective", 2, selective=0.975)
    found = {result.experiment: result for result in all_results(results)}["f good"]
    assert found.accuracy_high == 1.0


def test_images_that_are_all_told_right_say_how_many_others_could_be_wrong(results: Path) -> None:
    finish(results / "f perfect", "selective", 1, selective=1.0)
    found = {result.experiment: result for result in all_results(results)}["f perfect"]
    assert (found.accuracy, found.accuracy_high) == (1.0, pytest.approx(1.0))
    assert found.accuracy_low == pytest.approx(1 / (1 + 1.959964**2 / IMAGES))  # Wilson's


def test_a_folder_that_may_not_be_read_is_listed_as_such(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = Path.is_dir

    def refused(self: Path) -> bool:
        if "c alone" in str(self):
            raise PermissionError(errno.EACCES, "Permission denied", str(self))
        return usual(self)

    monkeypatch.setattr(Path, "is_dir", refused)
    monkeypatch.setattr(
        "sjft.reports.results_table.read_summary",
        lambda path: refused(path.parent) and read_summary(path),
    )
    found = {result.experiment: result for result in all_results(results)}
    assert found["c alone"].state == "not readable"
    assert "c alone: Permission denied." in found["c alone"].note
    assert found["b helps"].state == "finished"
