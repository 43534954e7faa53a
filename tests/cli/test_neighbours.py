"""`sjft neighbours`: what is asked for, and what it writes."""

import json
import shutil
import sys
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from explored import Explored, write_explored

from sjft.cli.main import main
from sjft.pipeline.explorer_files import explorer_inputs
from sjft.settings.config import read_configuration

CONFIG: dict[str, Any] = {
    "datasets": {
        "pets": {"reader": "image_folder", "root": ".", "splits": {"train": "a"}, "shards": 2},
        "things": {"reader": "image_folder", "root": ".", "splits": {"train": "b"}, "shards": 2},
    },
    "banks": {"gabor": {"type": "gabor"}, "coarse": {"type": "gabor", "scales": 1}},
    "retrievals": {
        "first": {"bank": "gabor", "neighbours_on_file": 10},
        "second": {"bank": "coarse", "neighbours_on_file": 10},
    },
    "experiments": {
        "small": {
            "target": "pets",
            "source": "things",
            "retrieval": "first",
            "selection": {"initial_neighbours": 3},
            "publish": {"arm": "fine-tune", "compare": ["selective", "gabor"]},
            "arms": {"gabor": {"retrieval": "second"}},
        }
    },
}
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command, in a folder with an experiment's results."""
    made, _ = write_explored(
        tmp_path / "data", Explored(targets=12, sources=40, kept=10, initial_neighbours=3)
    )
    monkeypatch.chdir(tmp_path)
    Path("own.yaml").write_text(yaml.safe_dump(CONFIG))
    wanted = explorer_inputs(read_configuration(CONFIG), "small")
    for there, here in zip(made.files(), wanted.files(), strict=True):
        here.parent.mkdir(parents=True, exist_ok=True)
        for file in there.parent.glob(f"{there.name}*"):  # digests too
            shutil.copy(file, here.parent / file.name.replace(there.name, here.name))
            beside = here.parent / f"{here.name}.digest"
            if file.suffix == ".digest":
                beside.write_text(beside.read_text().replace(there.name, here.name))

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(["neighbours", "small", *arguments, "--configfile", "own.yaml"])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def test_the_table_and_json_say_the_same(run: Run) -> None:
    code, text, _ = run("/7.png", "--number", "4")
    assert code == 0 and "K = " in text and text.count("\n") == 7
    told = json.loads(run("/7.png", "--number", "4", "--json")[1])
    assert (told["arm"], told["seed"], told["round"]) == ("selective", 0, 1), "fine-tune has none"
    assert [f"{one['divergence']:.4g}" for one in told["nearest"]] == [
        line.split()[1] for line in text.splitlines()[3:]
    ]


def test_another_arm_has_its_own_bank_s_neighbours(run: Run) -> None:
    own = json.loads(run("/7.png", "--json", "--round", "0")[1])
    other = json.loads(run("/7.png", "--json", "--round", "0", "--arm", "gabor")[1])
    assert (own["retrieval"], other["retrieval"]) == ("first", "second")
    assert own["neighbours"] == other["neighbours"] == 3
    assert own["nearest"] != other["nearest"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--arm", "fine-tune"], "The arm `fine-tune` has no neighbours of its own: it uses no"),
        (["--arm", "selectiv"], "--arm: did you mean `selective`? Allowed: "),
        (["--round", "2"], "--round: Allowed: 0, 1."),
        (["--seed", "9"], "--seed: Allowed: 0, 1, 2."),
    ],
)
def test_what_there_is_not_is_told_with_what_there_is(
    run: Run, arguments: list[str], message: str
) -> None:
    code, text, told = run("/7.png", *arguments)
    assert (code, text) == (1, "") and message in told


def test_a_ranking_that_is_not_there_yet_is_told_with_the_command(run: Run) -> None:
    ranking = Path("results/retrieval/first/pets/things/ranking.h5")
    ranking.unlink()
    code, _, told = run("/7.png")
    assert code == 1 and f"is not there yet. Make it: snakemake --cores N {ranking}" in told


def test_a_page_of_images_is_written_and_opened(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(webbrowser, "open", lambda address: opened.append(address) or True)
    _, text, _ = run("/7.png", "--number", "2", "--output", "page.html")
    assert text.endswith("Written: page.html\n") and not opened
    assert Path("page.html").read_text().count("data:image/jpeg") == 3
    run("/7.png", "--open", "--output", "page.html")
    assert opened == [Path("page.html").resolve().as_uri()]
    _, text, _ = run("/7.png", "--open")
    place = Path(opened[1].removeprefix("file://"))
    assert text.endswith(f"Written: {place}\n") and "data:image/jpeg" in place.read_text()
    place.unlink()
    # JSON is a program's, whatever else there is to say.
    code, text, told = run("/7.png", "--json", "--open", "--output", "page.html")
    assert (code, len(opened), told) == (0, 3, "Written: page.html\n")
    assert json.loads(text)["path"].endswith("/7.png")
    # The explorer is no condition: where it is made, the page leads to it.
    assert "in the explorer" not in Path("page.html").read_text()
    Path("results/small/explorer").mkdir(parents=True)
    Path("results/small/explorer/index.html").touch()
    run("/7.png", "--output", "page.html")
    assert "explorer/index.html#/targets/" in Path("page.html").read_text()


def test_where_nothing_can_be_opened_it_is_said_where_the_page_is(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "No browser could be started. Open the page yourself: page.html"
    asked = ["/7.png", "--open", "--output", "page.html"]
    tried: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda address: bool(tried.append(address)))
    monkeypatch.setenv("DISPLAY", ":0")
    assert run(*asked)[1].endswith(f"{said}\n") and len(tried) == 1
    # A browser of the terminal shows no images: without a screen none is started.
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    code, text, told = run(*asked, "--json")
    assert (code, told, len(tried)) == (0, f"{said}\n", 1) and json.loads(text)["nearest"]
    assert Path("page.html").is_file()
    monkeypatch.setenv("BROWSER", "w3m")
    run(*asked)
    assert len(tried) == 2, "whoever names a browser gets it"
