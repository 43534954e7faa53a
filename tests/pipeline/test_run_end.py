"""The last words of a run that made results."""

import shlex
from pathlib import Path

import pytest
import yaml

from sjft import layout
from sjft.pipeline.run_end import end_of_run
from sjft.reports.conclusion import Command
from sjft.storage.files import write_json, write_text


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a run whose experiment `my` has a summary."""
    monkeypatch.chdir(tmp_path)
    place = tmp_path / "results/my"
    place.mkdir(parents=True)
    summary = {"experiment": "my", "conclusion": ["It helped."], "table": "| arm |"}
    write_json(place / "summary.json", summary | {"verdict": {"comparisons": []}})
    return place


def test_a_run_that_made_no_results_says_nothing(folder: Path) -> None:
    assert end_of_run([layout.IMAGES.of(dataset="d").job], Command()) == ""


def test_a_run_ends_with_verdict_places_and_the_next_command(folder: Path) -> None:
    published = layout.MODEL.of(experiment="my").job
    told = end_of_run([published, layout.SUMMARY.of(experiment="my").job], Command(["my.yaml"]))
    assert told.splitlines() == [
        *("| arm |", "", "It helped.", ""),
        "Results: the model results/my/model.pt, its card results/my/model_card.md, all arms "
        "beside each other results/my/summary.md.",
        "Next:",
        "  sjft predict results/my/model.pt photo.jpg",
        "  sjft neighbours my IMAGE --configfile my.yaml",
        "  snakemake --cores all results/my/explorer/index.html results/my/report/index.html "
        "--configfile my.yaml",
    ]
    (folder / "explorer").mkdir()
    write_text(folder / "explorer/index.html", "<html>")
    told = end_of_run([layout.EXPLORER.of(experiment="my").job], Command(snakefile="../Snakefile"))
    assert "| arm |" not in told
    assert "for a browser: results/my/explorer/index.html\n" in told
    assert told.endswith("snakemake -s ../Snakefile --cores all results/my/report/index.html")


def test_what_was_learned_for_others_is_told_before_them(folder: Path) -> None:
    place = folder.parent / "zeroth"
    place.mkdir()
    summary = {"experiment": "zeroth", "conclusion": ["Nothing."], "table": "| learned |"}
    write_json(place / "summary.json", summary)
    jobs = [layout.MODEL.of(experiment=name).job for name in ("my", "zeroth")]
    told = end_of_run(jobs, Command(), ["zeroth"])
    assert told.startswith(
        "`zeroth` was learned first: its model results/zeroth/model.pt, its card "
        "results/zeroth/model_card.md.\n\n| learned |\n\n| arm |\n\nIt helped."
    )
    assert "Nothing." not in told
    (place / "summary.json").write_text("{")
    assert "summary.json" in end_of_run(jobs, Command(), ["zeroth"])


def test_an_ablation_ends_with_the_verdict_of_all_its_seeds(folder: Path) -> None:
    page = "# Ablation of my\n\nBy five seeds it hurt.\n\nAnd so on.\n\n| arm |\n\nCaption.\n"
    write_text(folder / "ablation.md", page)
    job = layout.ABLATION.of(experiment="my").job
    told = end_of_run([job], Command())
    assert "Arms with several seeds: results/my/ablation.md" in told
    assert told.endswith("\n\nBy five seeds it hurt.\n\nAnd so on.")
    (folder / "summary.json").unlink()
    assert end_of_run([job], Command()).startswith("Of all seeds of the ablation")


def test_the_next_commands_are_of_the_settings_that_were_given(folder: Path) -> None:
    job = layout.MODEL.of(experiment="my").job
    config = {"data_root": "/my data", "experiments": {"my": {"seeds": [0], "rounds": 1}}}
    told = end_of_run([job], Command(["my.yaml"], config))
    asked = shlex.split(told.splitlines()[-1])
    assert asked[-3] == "--config" and asked[:3] == ["snakemake", "--cores", "all"]
    given = {word.partition("=")[0]: yaml.safe_load(word.partition("=")[2]) for word in asked[-2:]}
    assert given == config
    assert "sjft neighbours" not in told  # it takes no such value
    told = end_of_run([job], Command(config={"data_root": "/my data"}))
    assert "  sjft neighbours my IMAGE --data-root '/my data'" in told.splitlines()


def test_a_summary_of_runs_that_were_made_anew_is_told_as_that(folder: Path) -> None:
    summary = {"experiment": "my", "conclusion": ["It helped."], "table": "| arm |"}
    arms = {"selective": {"runs": [{"seed": 0}]}}
    write_json(folder / "summary.json", summary | {"arms": arms, "verdict": {"comparisons": []}})
    page = layout.EXPLORER.of(experiment="my").job
    again, other = (
        layout.EVALUATION.of(experiment="my", arm="selective", seed=s).job for s in (0, 1)
    )
    told = end_of_run([page, again], Command())
    assert "It helped." not in told
    assert "tells of runs that were made anew" in told
    assert "`snakemake --cores all results/my/model.pt`" in told
    assert "It helped." in end_of_run([page, other], Command())
    published = [layout.MODEL.of(experiment="my").job, layout.SUMMARY.of(experiment="my").job]
    assert "It helped." in end_of_run([*published, again], Command())


def test_a_summary_that_cannot_be_read_ends_no_run_badly(folder: Path) -> None:
    page = layout.EXPLORER.of(experiment="my").job
    content = (folder / "summary.json").read_bytes()
    (folder / "summary.json").write_bytes(content[: len(content) // 2])
    assert "summary.json" in end_of_run([page], Command())
    write_json(folder / "summary.json", {"experiment": "my", "table": "| arm |"})
    assert "an older program" in end_of_run([page], Command())
