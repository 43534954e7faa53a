"""Which value of the configuration wins, and what is said of files that are none."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from sjft.errors import UserError
from sjft.settings.merging import (
    WORKFLOW,
    merged,
    merged_values,
    read_values,
    shipped_file,
    without_defaults,
)


def write(path: Path, values: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return path


@pytest.fixture
def defaults(tmp_path: Path) -> list[Path]:
    """The shipped file, and one of the folder that a command runs in."""
    shipped = write(tmp_path / "workflow/config.yaml", {"data_root": "shipped", "kept": 1})
    return [shipped, write(tmp_path / "here/config.yaml", {"data_root": "here"})]


def test_the_more_specific_wins(defaults: list[Path], tmp_path: Path) -> None:
    named = [write(tmp_path / f"{n}.yaml", {"data_root": f"named {n}"}) for n in (1, 2)]
    environment = {"SJFT_DATA_ROOT": "environment"}
    given = (defaults, named, {"data_root": "command line"}, environment)
    assert merged_values(*given) == {"data_root": "command line", "kept": 1}
    assert merged_values(defaults, named, None, environment)["data_root"] == "named 2"
    assert merged_values(defaults, (), None, environment)["data_root"] == "environment"
    assert merged_values(defaults, environment={"SJFT_DATA_ROOT": ""})["data_root"] == "here"
    assert merged_values(defaults[:1], environment={})["data_root"] == "shipped"
    assert merged_values([defaults[0], tmp_path / "none"], environment={})["kept"] == 1


@pytest.mark.parametrize("number", [0, 1])
def test_a_default_that_is_named_stays_a_default(
    defaults: list[Path], tmp_path: Path, number: int
) -> None:
    (tmp_path / "link.yaml").symlink_to(defaults[number])
    mine = write(tmp_path / "mine.yaml", {"kept": 2})
    environment = {"SJFT_DATA_ROOT": "environment"}
    for named in ([tmp_path / "link.yaml", mine], [mine, defaults[number]]):
        values = merged_values(defaults, named, None, environment)
        assert values == {"data_root": "environment", "kept": 2}


def test_sections_that_share_values_are_changed_one_by_one() -> None:
    text = "{a: {x: &shared {n: 1, m: 1}}, b: {x: *shared}}"
    first = yaml.safe_load(text)
    before = copy.deepcopy(first)
    values = merged(first, {"a": {"x": {"n": 2}}})
    assert values == {"a": {"x": {"n": 2, "m": 1}}, "b": {"x": {"n": 1, "m": 1}}}
    assert first == before
    values["b"]["x"]["n"] = 3
    assert first == before


def test_sections_replace_values_and_values_sections() -> None:
    assert merged({"a": 1, "b": {"c": 1}}, {"a": {"d": 2}, "b": None}) == {"a": {"d": 2}, "b": None}


def test_what_equals_the_defaults_is_no_choice() -> None:
    defaults = {"data_root": "data", "a": {"x": 1, "y": 2}, "b": {"z": 1}}
    values = {"data_root": "data", "a": {"x": 1, "y": 3}, "b": {"z": 1}, "c": {}}
    assert without_defaults(values, defaults) == {"a": {"y": 3}, "c": {}}


def test_the_shipped_file_is_that_of_the_snakefile_here_or_of_the_library(tmp_path: Path) -> None:
    assert shipped_file(tmp_path) == WORKFLOW.parent / "config/config.yaml"
    assert shipped_file(tmp_path).is_file()
    (tmp_path / "Snakefile").touch()
    assert shipped_file(tmp_path) == WORKFLOW.parent / "config/config.yaml"
    (tmp_path / "workflow/sjft").mkdir(parents=True)
    assert shipped_file(tmp_path) == tmp_path / "config/config.yaml"


def test_json_and_empty_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{\n\t"a": {"b": 1}}', encoding="utf-8")
    assert read_values(tmp_path / "a.json") == {"a": {"b": 1}}
    (tmp_path / "b.yaml").write_text("# nothing yet\n", encoding="utf-8")
    assert read_values(tmp_path / "b.yaml") == {}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "there is no such file"),
        (b"datasets: [", "is no YAML"),
        (b"\xff\xfe\x00\x01", "is no configuration file"),
        (b"- a\n- b\n", "must hold keys"),
        (b"just words", "must hold keys"),
        (b"a: " + b"9" * 5000, "is no YAML"),
    ],
    ids=["missing", "no YAML", "no text", "a list", "a text", "a number of 5000 digits"],
)
def test_what_is_no_configuration_is_named(
    tmp_path: Path, content: bytes | None, words: str
) -> None:
    path = tmp_path / "mine.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=f"mine.yaml: .*{words}") as raised:
        read_values(path)
    assert "before it" not in str(raised.value)
    with pytest.raises(UserError, match="cannot be read"):
        read_values(tmp_path)


@pytest.mark.parametrize("name", ["results/demo/model.pt", "mushrooms", "results/a/summary.json"])
def test_a_target_that_was_taken_for_a_file_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    words = "takes every name that follows it"
    with pytest.raises(UserError, match=words):
        read_values(Path(name))
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text("[1]" if name.endswith("json") else "text", encoding="utf-8")
    with pytest.raises(UserError, match=words):
        read_values(Path(name))
