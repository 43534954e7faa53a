"""The last words of a run that made results."""

from pathlib import Path

import pytest

from sjft import layout
from sjft.pipeline.run_end import end_of_run
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
    assert end_of_run([layout.IMAGES.of(dataset="d").job], []) == ""


def test_a_run_ends_with_verdict_places_and_the_next_command(folder: Path) -> None:
    published = layout.MODEL.of(experiment="my").job
    told = end_of_run([published, layout.SUMMARY.of(experiment="my").job], ["my.yaml"])
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
    told = end_of_run([layout.EXPLORER.of(experiment="my").job], [], "../Snakefile")
    assert "| arm |" not in told
    assert "for a browser: results/my/explorer/index.html\n" in told
    assert told.endswith("snakemake -s ../Snakefile --cores all results/my/report/index.html")


def test_an_ablation_ends_with_the_verdict_of_all_its_seeds(folder: Path) -> None:
    page = "# Ablation of my\n\nBy five seeds it hurt.\n\nAnd so on.\n\n| arm |\n\nCaption.\n"
    write_text(folder / "ablation.md", page)
    job = layout.ABLATION.of(experiment="my").job
    told = end_of_run([job], [])
    assert "Arms with several seeds: results/my/ablation.md" in told
    assert told.endswith("\n\nBy five seeds it hurt.\n\nAnd so on.")
    (folder / "summary.json").unlink()
    assert end_of_run([job], []).startswith("Of all seeds of the ablation")
