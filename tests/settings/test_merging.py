"""Which value of the configuration wins, and what is said of files that are none."""

import copy
import os
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
    values_of_module,
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


def test_what_a_module_is_handed_over_wins_over_what_is_shipped(tmp_path: Path) -> None:
    shipped = write(tmp_path / "config.yaml", {"data_root": "data", "a": {"x": 1, "y": 2}})
    handed_over = {"data_root": "data", "a": {"x": 5}}
    for read in ([], [str(shipped)]):
        found = values_of_module(handed_over, shipped, read)
        assert found == {"data_root": "data", "a": {"x": 5, "y": 2}}
    # The file was read by the outer workflow, and says no more than the environment does.
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(os.environ, "SJFT_DATA_ROOT", "elsewhere")
        assert values_of_module(handed_over, shipped, [shipped])["data_root"] == "elsewhere"
        assert values_of_module(handed_over, shipped, [])["data_root"] == "data"


def test_the_shipped_file_is_that_of_the_snakefile_here_or_of_the_library(tmp_path: Path) -> None:
    assert shipped_file(tmp_path) == WORKFLOW.parent / "config/config.yaml"
    assert shipped_file(tmp_path).is_file()
    (tmp_path / "Snakefile").touch()
    assert shipped_file(tmp_path) == WORKFLOW.parent / "config/config.yaml"
    (tmp_path / "workflow/sjft").mkdir(parents=True)
    assert shipped_file(tmp_path) == tmp_path / "config/config.yaml"


def test_a_file_of_settings_that_is_wrong_is_no_target(tmp_path: Path) -> None:
    for name, content in (("none.yaml", None), ("mine.yaml", "- a"), ("mine.json", "[")):
        if content is not None:
            (tmp_path / name).write_text(content, encoding="utf-8")
        with pytest.raises(UserError, match=name) as raised:
            read_values(tmp_path / name)
        assert "before it" not in str(raised.value)


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
