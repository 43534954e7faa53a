"""The page "Your own images in ten minutes", followed command by command, on few images."""

import re
import shutil
from contextlib import chdir

import pytest
from chain import REPOSITORY, Chain
from documented import Command, commands_of_page
from image_files import random_image

from sjft.cli.main import main

# The page's sizes take ten minutes.
SMALLER = {"example": ["--share", "0.05"], "init": ["--network", "shufflenet_v2_x0_5"]}
SETTINGS = {
    "updates": "2",
    "learning_rate_steps": "1",
    "rounds": "1",
    "target_batch": "4",
    "compare": "[selective, fine-tune]",
}
BLOCKS = re.compile(r"```sh\n(.*?)```", re.DOTALL)


def steps(page: str) -> list[Command]:
    """The commands of a page's blocks, in their order."""
    path = REPOSITORY / page
    lines = {line for block in BLOCKS.findall(path.read_text()) for line in block.splitlines()}
    asked = [" ".join(line.partition("#")[0].split()) for line in lines]
    return [c for c in commands_of_page(path) if " ".join(c.words) in asked and c.program != "."]


def make_smaller(fresh: Chain) -> None:
    """Less of all that `sjft init` has proposed."""
    path = fresh.root / "config/example.yaml"
    text = path.read_text(encoding="utf-8")
    for key, value in SETTINGS.items():
        text, found = re.subn(rf"^( +{key}: ).*$", rf"\g<1>{value}", text, flags=re.MULTILINE)
        assert found == 1, key
    path.write_text(text, encoding="utf-8")


def test_the_page_leads_from_two_folders_to_what_was_borrowed_and_whether_it_helped(
    fresh: Chain, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy2(REPOSITORY / "config/config.yaml", fresh.root / "config/config.yaml")
    random_image(1, (40, 40)).save(fresh.root / "photo.jpg")
    monkeypatch.delenv("SJFT_DATA_ROOT", raising=False)
    told = {}
    for command in steps("docs/own-images.md"):
        name = command.words[1] if command.program == "sjft" else command.words[3]
        words = [*command.words[1:], *SMALLER.get(name, [])]
        if command.program == "snakemake":
            # With a variable of Python's nothing is a fork: all starts as it does for a user.
            told[name] = fresh.make(*words, env={"PYTHONHASHSEED": "random"}).output
            continue
        with chdir(fresh.root):
            assert main(words) == 0, capsys.readouterr().err
        told[name] = capsys.readouterr().out
        if name == "init":
            make_smaller(fresh)
    model, explorer = "results/example/model.pt", "results/example/explorer/index.html"
    assert [*told] == ["example", "init", model, "summary", explorer, "neighbours", "predict"]
    (run,) = (
        c for c in steps("docs/own-images.md") if model in c.words and "predict" not in c.words
    )
    assert " ".join(run.words) in told["init"]
    # Did it help?
    verdict = told["summary"].splitlines()[0]
    assert "orrowing" in verdict and "24 test images" in verdict
    assert verdict in told[model][told[model].index("steps (100%) done") :]
    # Which were borrowed for which?
    nearest = told["neighbours"]
    assert "train/disc/hatching-0000.jpg" in nearest
    used = re.findall(r"^\d+ +[\d.]+ +(yes|no) ", nearest, re.MULTILINE)
    assert len(used) == 20 and f"K = {used.count('yes')} in " in nearest, nearest
    for page in ("explorer", "report"):
        text = (fresh.results / f"example/{page}/index.html").read_text(encoding="utf-8")
        assert "<html" in text
        assert f"results/example/{page}/index.html" in told[explorer]
    assert verdict in text
    assert "photo.jpg" in told["predict"]


def test_the_readme_gives_the_same_commands() -> None:
    page = [" ".join(command.words) for command in steps("docs/own-images.md")]
    ours = [" ".join(command.words) for command in steps("README.md")]
    of_example = [line for line in ours if "example" in line]
    assert len(of_example) == 4
    assert set(of_example) <= set(page)
