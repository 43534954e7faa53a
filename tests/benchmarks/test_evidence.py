"""The evidence: what is still to be run, the record of what was, and the page made of it."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chain import REPOSITORY

sys.path.insert(0, str(REPOSITORY / "benchmarks"))

import evidence
from evidence import (
    Piece,
    collect,
    pieces,
    read_queue,
    runnable,
    seconds_of_training,
    wanted_of,
)
from evidence_answers import headline, levers, never_worse
from evidence_difference import points
from evidence_record import Record, Run, Sections, answers_of, right_of, settings_digest
from evidence_report import report

from sjft import layout
from sjft.pipeline import runs
from sjft.reports.intervals import Interval

WRITTEN, CONFIGURATION = read_queue()
NAME = "lowlight_val_baseline"
ON_A_GPU = {n for n in WRITTEN["experiments"] if "_224" in n or "_resnet18" in n}
LABELS = [0, 0, 0, 1, 1, 1, 2, 2, 2, 2]


def run(arm: str, seed: int, right: str, name: str = NAME) -> Run:
    answers = np.array([c == "1" for c in right])
    of_classes = [answers[np.array(LABELS) == label].mean() for label in range(3)]
    return Run(
        name, arm, seed, settings_digest(WRITTEN, name), "abc", "val", len(right),
        float(np.mean(of_classes)), float(answers.mean()), 40, 0.5, 90.0, answers_of(answers),
    )  # fmt: skip


def with_entry(entry: dict[str, Any]) -> Sections:
    """The queue with other settings of the experiment."""
    return {**WRITTEN, "experiments": {**WRITTEN["experiments"], NAME: entry}}


def test_the_queue_fits_the_program() -> None:
    reported = {e.target for name, e in CONFIGURATION.experiments.items() if "_val_" not in name}
    for name in WRITTEN["experiments"]:
        experiment = CONFIGURATION.experiments[name]
        # Settings are chosen on the validation split, or on images that no result is reported on.
        chooses = experiment.evaluation.split == "val" or experiment.target not in reported
        assert chooses == ("_val_" in name)
        # One core, one thread: what the runs are timed with. A GPU's images come from another.
        where = (2, "cuda") if name in ON_A_GPU else (1, "cpu")
        assert (experiment.training.threads, experiment.training.device) == where


def test_the_queue_is_run_from_top_to_bottom_each_experiment_with_all_its_seeds(
    tmp_path: Path,
) -> None:
    order = list(pieces(WRITTEN, CONFIGURATION, Record(tmp_path)))
    experiments = {name: CONFIGURATION.experiments[name] for name in WRITTEN["experiments"]}
    assert [(p.experiment, p.seed) for p in order] == [
        (name, seed) for name, entry in experiments.items() for seed in entry.ablation.seeds
    ]
    assert sum(len(p.arms) for p in order) == sum(
        len(e.ablation_arms) * len(e.ablation.seeds) for e in experiments.values()
    )


@pytest.mark.parametrize("gpus", [[], ["GPU-1"]])
def test_what_asks_for_a_gpu_waits_where_there_is_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, gpus: list[str]
) -> None:
    monkeypatch.setattr("evidence.gpus_here", lambda _: gpus)
    waiting = list(pieces(WRITTEN, CONFIGURATION, Record(tmp_path)))
    left = {p.experiment for p in runnable(iter(waiting), CONFIGURATION)}
    gone = {p.experiment for p in waiting} - left
    assert gone == (set() if gpus else ON_A_GPU)


def test_a_run_is_told_by_the_gpu_that_it_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.get_device_name", lambda: "a GPU")
    monkeypatch.setattr("evidence.machine", lambda: {"processor": "a processor"})
    assert [evidence.trained_on(name) for name in ("cuda", "cpu")] == ["a GPU", "a processor"]


def test_some_experiments_can_be_run_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = []

    def failing(piece: Piece, *_: object) -> bool:
        asked.append((piece.experiment, piece.seed))
        return False

    monkeypatch.setattr("evidence.run_piece", failing)
    monkeypatch.setattr("evidence.prepare_clone", lambda *_: "abc")
    record = ["--data", str(tmp_path), "--record", str(tmp_path / "record")]
    monkeypatch.setattr("sys.argv", ["evidence.py", *record, "--only", "flowers", NAME])
    with pytest.raises(SystemExit, match="13 pieces failed"):
        evidence.main()
    seeds = {"flowers": 10, NAME: 3}
    in_order = [name for name in WRITTEN["experiments"] if name in seeds]
    assert asked == [(name, seed) for name in in_order for seed in range(seeds[name])]
    asked.clear()
    monkeypatch.setattr("sys.argv", ["evidence.py", *record, "--only", "flowers", "--seeds", "2"])
    with pytest.raises(SystemExit, match="2 pieces failed"):
        evidence.main()
    assert asked == [("flowers", 0), ("flowers", 1)]
    monkeypatch.setattr("sys.argv", ["evidence.py", *record, "--seeds", "0"])
    with pytest.raises(SystemExit):
        evidence.main()
    monkeypatch.setattr("sys.argv", ["evidence.py", *record, "--only", "flowers", "no such"])
    with pytest.raises(SystemExit, match="--only: no such is not in"):
        evidence.main()


def test_runs_that_were_made_elsewhere_are_recorded_once_if_they_are_finished(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def found(
        piece: Piece, folder: Path, _: object, digest: str, commit: str, on: str
    ) -> Iterator[tuple[Run, list[int]]]:
        for arm in piece.arms:
            one = run(arm, piece.seed, "1101101011", piece.experiment)
            yield replace(one, settings=digest, commit=commit, machine=on), LABELS

    monkeypatch.setattr("evidence.results_of", found)
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    author = ["-c", "user.name=a", "-c", "user.email=a@b"]
    commit = ["commit", "--quiet", "--allow-empty", "--message", "one"]
    subprocess.run(["git", "-C", tmp_path, *author, *commit], check=True)
    finished, half = (
        Piece("flowers_224", 3, ("selective",)),
        Piece("flowers_224", 4, ("fine-tune",)),
    )
    for path in [*wanted_of(finished, "test"), *wanted_of(half, "test")[:1]]:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    record = Record(tmp_path / "record")
    for told in ("recorded 1 runs", "recorded 0 runs"):
        collect(tmp_path, "a GPU", WRITTEN, CONFIGURATION, record)
        said = capsys.readouterr().out
        assert told in said and "1 were not finished" in said
    (only,) = Record(tmp_path / "record").runs
    assert (only.experiment, only.arm, only.seed, only.machine) == (
        *("flowers_224", "selective", 3),
        "a GPU",
    )


def test_seconds_of_training_are_not_known_where_a_round_was_not_measured(tmp_path: Path) -> None:
    one = runs.Run("flowers_224", "random-source", 0)
    for number, seconds in ((0, 20.5), (1, 30)):
        assert seconds_of_training(tmp_path, CONFIGURATION, one) is None
        benchmark = one.file_of_round(layout.MODEL_OF_ROUND, number).job.benchmark
        assert benchmark is not None
        path = tmp_path / benchmark
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"s\tmax_rss\n{seconds}\t100\n", encoding="utf-8")
    assert seconds_of_training(tmp_path, CONFIGURATION, one) == 50.5


def test_what_is_in_the_record_is_not_run_again(tmp_path: Path) -> None:
    record = Record(tmp_path)
    record.add(run("fine-tune", 0, "1101101011"), LABELS)
    found = {(p.experiment, p.seed): p.arms for p in pieces(WRITTEN, CONFIGURATION, record)}
    assert found[NAME, 0] == ("all-source", "random-source", "selective")
    assert "fine-tune" in found[NAME, 1]
    # Other settings are another run.
    changed = with_entry({**WRITTEN["experiments"][NAME], "rounds": 3})
    found = {(p.experiment, p.seed): p.arms for p in pieces(changed, CONFIGURATION, record)}
    assert "fine-tune" in found[NAME, 0]


def test_arms_and_seeds_that_are_added_and_words_on_the_data_make_no_run_void() -> None:
    changed = with_entry({**WRITTEN["experiments"][NAME], "ablation": {"seeds": [7]}})
    source = WRITTEN["experiments"][NAME]["source"]
    told = {**WRITTEN["datasets"][source], "how_to_get": "Ask again."}
    changed["datasets"] = {**WRITTEN["datasets"], source: told}
    assert settings_digest(changed, NAME) == settings_digest(WRITTEN, NAME)
    changed["datasets"] = {**WRITTEN["datasets"], source: {**told, "seed": 99}}
    assert settings_digest(changed, NAME) != settings_digest(WRITTEN, NAME)


def test_the_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    record = Record(tmp_path)
    runs = [
        run("fine-tune", 0, "1101101011"),
        replace(run("selective", 0, "1" * 10), own_style=None, seconds=None),
    ]
    for one in runs:
        record.add(one, LABELS)
    again = Record(tmp_path)
    assert (again.runs, again.labels) == (runs, {runs[0].settings: LABELS})
    assert "".join(str(int(v)) for v in right_of(again.runs[0])) == "1101101011"


def test_runs_that_were_judged_by_other_images_are_refused(tmp_path: Path) -> None:
    record = Record(tmp_path)
    record.add(run("fine-tune", 0, "1101101011"), LABELS)
    with pytest.raises(ValueError, match="other images"):
        record.add(run("selective", 0, "1101101011"), LABELS[::-1])
    assert len(Record(tmp_path).runs) == 1


def test_the_page_says_what_the_record_holds(tmp_path: Path) -> None:
    record = Record(tmp_path / "evidence")
    for seed, (ours, theirs) in enumerate(
        [("1111111011", "1101101011"), ("1111111111", "0111101111"), ("1110111111", "1111101010")]
    ):
        record.add(run("selective", seed, ours), LABELS)
        record.add(run("fine-tune", seed, theirs), LABELS)
    record.add(replace(run("fine-tune", 5, "1" * 10), settings="older"), LABELS)
    report(record, WRITTEN, CONFIGURATION)
    page = (tmp_path / "evidence.md").read_text(encoding="utf-8")
    each = (tmp_path / "evidence-by-experiment.md").read_text(encoding="utf-8")
    ours = np.mean([r.mean_class_accuracy for r in record.runs if r.arm == "selective"])
    assert f"| selective | 3 | {100 * ours:.1f} |" in each
    differences = [
        a.mean_class_accuracy - b.mean_class_accuracy
        for a, b in zip(record.runs[0:6:2], record.runs[1:6:2], strict=True)
    ]
    assert f"| selective - fine-tune | 3 | {100 * np.mean(differences):+.1f} |" in each
    assert "Left out: 1 runs of other settings" in page
    assert "`lowlight_val_longer`" in page.split("## Not yet run")[1]


def test_the_pages_in_the_repository_are_those_of_its_record(tmp_path: Path) -> None:
    shutil.copytree(REPOSITORY / "docs" / "evidence", tmp_path / "evidence")
    report(Record(tmp_path / "evidence"), WRITTEN, CONFIGURATION)
    for name in ("evidence.md", "evidence-by-experiment.md", "evidence.svg"):
        written = (tmp_path / name).read_text(encoding="utf-8")
        assert written == (REPOSITORY / "docs" / name).read_text(encoding="utf-8"), (
            f"docs/{name} is out of date: python benchmarks/evidence.py --report"
        )


@pytest.mark.parametrize("with_baseline", [True, False])
def test_an_experiment_s_settings_are_said_as_far_as_its_baseline_s_are_not(
    tmp_path: Path, with_baseline: bool
) -> None:
    record = Record(tmp_path / "evidence")
    record.add(run("selective", 0, "1101101011", "lowlight_val_longer"), LABELS)
    if with_baseline:
        record.add(run("selective", 0, "1101101011"), LABELS)
    report(record, WRITTEN, CONFIGURATION)
    page = (tmp_path / "evidence-by-experiment.md").read_text(encoding="utf-8")
    said = page.split("## lowlight_val_longer")[1].split("\n\n")[1]
    assert "`training.updates: 4000`" in said
    assert ("`target: lowlight_10`" in said) == (not with_baseline)


def test_each_setting_is_held_against_its_baseline(tmp_path: Path) -> None:
    record, tried = Record(tmp_path), "lowlight_val_longer"
    for seed, (ours, theirs) in enumerate([("1111111011", "1101101011"), ("0111111111", "11" * 5)]):
        record.add(run("selective", seed, ours, tried), LABELS)
        record.add(run("selective", seed, theirs), LABELS)
    record.add(run("fine-tune", 4, "1" * 10, tried), LABELS)  # of no seed of the baseline's
    (row,) = levers(record.runs, list(WRITTEN["experiments"]), record.labels)
    of = {(r.experiment, r.seed): r.mean_class_accuracy for r in record.runs}
    by_seed = [of[tried, seed] - of[NAME, seed] for seed in (0, 1)]
    assert (row["setting"], row["arm"], row["seeds"]) == (f"`{tried}`", "selective", 2)
    assert row["points"] == f"{100 * np.mean(by_seed):+.1f}"


def test_weights_that_were_learned_stand_against_random_ones_on_the_test_split_too(
    tmp_path: Path,
) -> None:
    record, names = Record(tmp_path), ["flowers", "flowers_own_weights", "flowers_scratch"]
    for name, right in (("flowers_own_weights", "1111111011"), ("flowers_scratch", "1101101011")):
        record.add(run("fine-tune", 0, right, name), LABELS)
    rows = list(levers(record.runs, names, record.labels))
    assert [row["setting"] for row in rows] == ["`flowers_own_weights`"]


def test_a_setting_that_leaves_an_arm_as_it_is_is_not_shown(tmp_path: Path) -> None:
    record, tried = Record(tmp_path), "lowlight_val_longer"
    for arm, with_it in (("fine-tune", "1101101011"), ("selective", "1111111011")):
        record.add(run(arm, 0, "1101101011"), LABELS)
        record.add(run(arm, 0, with_it, tried), LABELS)
    rows = list(levers(record.runs, list(WRITTEN["experiments"]), record.labels))
    assert [(row["setting"], row["arm"]) for row in rows] == [(f"`{tried}`", "selective")]


@pytest.mark.parametrize(
    ("low", "high", "bold"), [(0.0006, 0.02, True), (0.0004, 0.02, False), (-0.02, -0.0006, True)]
)
def test_a_difference_is_bold_where_its_interval_is_clear_of_0_as_it_is_printed(
    low: float, high: float, bold: bool
) -> None:
    middle = (low + high) / 2
    plain = f"{100 * middle:+.1f}"
    assert points(middle, Interval(low, high)) == (f"**{plain}**" if bold else plain)
    assert points(middle, None) == plain


def test_another_target_s_images_are_no_baseline(tmp_path: Path) -> None:
    record = Record(tmp_path)
    record.add(run("selective", 0, "1111111011", "lowlight_val_longer"), LABELS)
    record.add(run("selective", 0, "1101101011"), LABELS[::-1])
    assert not list(levers(record.runs, list(WRITTEN["experiments"]), record.labels))


def test_what_would_be_published_is_chosen_by_the_validation_split(tmp_path: Path) -> None:
    record = Record(tmp_path)
    for seed, (ours, plain, validated) in enumerate(
        [("1111111111", "1101101011", (0.6, 0.5)), ("1" * 9 + "0", "0111101111", (0.4, 0.5))]
    ):
        for arm, right, share in zip(
            ("selective", "fine-tune"), (ours, plain), validated, strict=True
        ):
            one = run(arm, seed, right, "lowlight")
            record.add(replace(one, split="test", validated=share), LABELS)
    # A seed whose other arms were not judged there chooses nothing.
    record.add(replace(run("fine-tune", 2, "1" * 10, "lowlight"), validated=0.9), LABELS)
    (row,) = never_worse(record.runs, ["lowlight"], record.labels)
    assert (row["seeds"], row["published"]) == (2, "selective 1, fine-tune 1")
    gained = [r.mean_class_accuracy for r in record.runs[:2]]
    assert row["points"] == f"{100 * (gained[0] - gained[1]) / 2:+.1f}"


def test_a_seed_that_still_lacks_an_arm_says_nothing_of_what_would_be_published(
    tmp_path: Path,
) -> None:
    record = Record(tmp_path)
    for arm, seeds in {"fine-tune": 2, "selective": 2, "all-source": 1}.items():
        for seed in range(seeds):
            one = run(arm, seed, "1101101011", "lowlight")
            record.add(replace(one, split="test", validated=0.5), LABELS)
    (row,) = never_worse(record.runs, ["lowlight"], record.labels)
    assert row["seeds"] == 1


def test_in_short_a_difference_is_bold_where_its_interval_is_clear_of_0(tmp_path: Path) -> None:
    record = Record(tmp_path)
    for seed in range(3):
        for arm, right in (("fine-tune", "0100001000"), ("selective", "1" * 10)):
            own_style = (0.75 + seed / 100) if arm == "selective" else None
            seen = replace(run(arm, seed, right, "lowlight"), split="test", own_style=own_style)
            record.add(seen, LABELS)
        record.add(replace(run("all-source", seed, "0100001000", "lowlight")), LABELS)
    pairs = [(arm, "fine-tune") for arm in ("selective", "all-source", "random-source")]
    (row,) = headline(record.runs, [NAME, "lowlight"], record.labels, pairs, {"lowlight": "small"})
    plain = record.runs[0].mean_class_accuracy
    assert (row["experiment"], row["network"], row["seeds"]) == ("`lowlight`", "small", 3)
    assert row["fine-tune"] == f"{100 * plain:.1f}"
    assert row["right look, %"] == "76 / -"
    assert str(row["selective - fine-tune"]).startswith(f"**{100 * (1 - plain):+.1f}** (+")
    assert row["all-source - fine-tune"] == "+0.0 (+0.0 to +0.0)"
    assert row["random-source - fine-tune"] == "-"
