"""Generated files: they say what the code says."""

import json
import tomllib
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
import yaml

from sjft.pipeline.generated import ROOT, SECTIONS, generated_files
from sjft.settings.config import Configuration

SCHEMA = Configuration.model_json_schema()


def leaves(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every key of every section, but for those that are sections of their own."""
    for model, section in {"Configuration": schema, **schema["$defs"]}.items():
        for key, leaf in section.get("properties", {}).items():
            if "$ref" not in leaf:
                yield f"{model}.{key}", leaf


def test_generated_files_are_up_to_date() -> None:
    stale = [
        str(path.relative_to(ROOT))
        for path, text in generated_files().items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]
    assert stale == [], "write them again: python -m sjft.pipeline.generated"


@pytest.mark.parametrize(("name", "leaf"), list(leaves(SCHEMA)), ids=lambda part: str(part)[:40])
def test_every_key_says_what_it_means(name: str, leaf: dict[str, Any]) -> None:
    assert leaf.get("description", "").strip(), name


def test_every_section_has_a_table() -> None:
    # An arm may give each key of its experiment's training.
    keys = SCHEMA["$defs"]["TrainingKeys"]["properties"]
    assert keys == SCHEMA["$defs"]["TrainingSettings"]["properties"]
    assert set(SECTIONS) == set(SCHEMA["$defs"]) - {"TrainingKeys"}


def test_the_delivered_configuration_fits_the_schema() -> None:
    raw = yaml.safe_load((ROOT / "config" / "config.yaml").read_text(encoding="utf-8"))
    jsonschema.validate(raw, SCHEMA)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**raw, "unknown": 1}, SCHEMA)


def test_every_pinned_dependency_stands_in_the_environment() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    environment = "".join(
        text for path, text in generated_files().items() if path.parent.name == "envs"
    )
    for pin in project["dependencies"]:
        assert pin in environment


def test_every_key_stands_in_the_reference() -> None:
    page = generated_files()[ROOT / "docs" / "reference.md"]
    sections = {part.partition("\n")[0]: part for part in page.split("\n## ")}
    for name, leaf in leaves(SCHEMA):
        model, _, key = name.rpartition(".")
        if model not in {"Configuration", "TrainingKeys"}:
            on_disk = "root" in SCHEMA["$defs"][model]["properties"]
            own = sections[SECTIONS[model]]
            told = own + sections["`datasets.NAME`, any data set on disk"] if on_disk else own
            (row,) = [line for line in told.splitlines() if line.startswith(f"| `{key}` |")]
            assert leaf["description"] in row


def test_what_readers_have_in_common_is_told_once() -> None:
    page = generated_files()[ROOT / "docs" / "reference.md"]
    assert page.count("| `how_to_get` |") == page.count("| `largest_image` |") == 1


def test_the_schema_file_is_json_schema() -> None:
    schema = generated_files()[ROOT / "workflow" / "schemas" / "config.schema.json"]
    jsonschema.Draft202012Validator.check_schema(json.loads(schema))
