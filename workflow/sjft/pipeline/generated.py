"""Files that are generated from the code, so that each fact stands in one place.

`python -m sjft.pipeline.generated` (or `make generated`) writes them; a test fails when one of them
no longer matches: the JSON schema of the configuration, the tables of keys in docs/reference.md,
and the conda environment with pyproject's versions and the Makefile's compiler arguments.
"""

import json
import re
import tomllib
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, get_args

from sjft.settings.bank import BankSettings
from sjft.settings.base import Settings
from sjft.settings.config import Configuration
from sjft.settings.dataset import DatasetSettings
from sjft.settings.retrieval import RetrievalSettings
from sjft.storage import markdown
from sjft.storage.files import write_text

ROOT = Path(__file__).parents[3]
REFERENCE = """# Reference of all keys

Generated from `workflow/sjft/settings/` by `make generated`. What stands at the top of a
configuration: [Where settings come from](configuration.md).
"""
HEAD = ("key", "values", "default", "meaning")


def generated_files(root: Path = ROOT) -> dict[Path, str]:
    """The content that each generated file must have, by path."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {
        root / "workflow" / "schemas" / "config.schema.json": _schema_text(),
        root / "docs" / "reference.md": _reference(),
        root / "envs" / "sjft.yaml": _environment(project),
        root / "envs" / "sjft.post-deploy.sh": _post_deploy(
            project, (root / "Makefile").read_text(encoding="utf-8")
        ),
    }


def _schema_text() -> str:
    schema = Configuration.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _of_kinds(entries: Any, section: str, key: str) -> dict[str, str]:
    """The sections of entries that one of their keys tells apart."""
    union, _ = get_args(entries)
    kinds = {kind.__name__: kind.model_fields[key].annotation for kind in get_args(union)}
    return {name: f"`{section}` with `{key}: {get_args(kind)[0]}`" for name, kind in kinds.items()}


def _of_retrieval() -> dict[str, str]:
    """The sections within a retrieval: those of its backends, and of the check of leakage."""
    fields = {name: field.annotation for name, field in RetrievalSettings.model_fields.items()}
    return {
        kind.__name__: f"`retrievals.NAME.{name}`"
        for name, kind in fields.items()
        if isinstance(kind, type) and issubclass(kind, Settings)
    }


SECTIONS = {
    **_of_kinds(DatasetSettings, "datasets.NAME", "reader"),
    "RandomSplit": "`datasets.NAME.random_split`",
    "Download": "`datasets.NAME.downloads`, of any data set on disk",
    **_of_kinds(BankSettings, "banks.NAME", "type"),
    "LevelGrid": "`banks.NAME.grid`",
    "TorchvisionWeights": "any `weights` with `source: torchvision`",
    "FileWeights": "any `weights` with `source: file`",
    "RandomWeights": "any `weights` with `source: random`",
    "ExperimentWeights": "any `weights` of `training` with `source: experiment`",
    "RetrievalSettings": "`retrievals.NAME`",
    **_of_retrieval(),
    "ExperimentSettings": "`experiments.NAME`",
    "SelectionSettings": "`experiments.NAME.selection`",
    "TrainingSettings": "`experiments.NAME.training`",
    "ArmSettings": "`experiments.NAME.arms.NAME`",
    "EvaluationSettings": "`experiments.NAME.evaluation`",
    "PublishSettings": "`experiments.NAME.publish`",
    "AblationSettings": "`experiments.NAME.ablation`",
    "CheckpointSettings": "`checkpoints`",
    "TrainingJobSettings": "`training_jobs`",
    "ExplorerSettings": "`explorer`",
}


def _reference() -> str:
    models = Configuration.model_json_schema()["$defs"]
    on_disk = [model for model in models.values() if "root" in model["properties"]]
    shared = _keys_of_all(on_disk)
    tables = [("`datasets.NAME`, any data set on disk", _rows(on_disk[0], shared))]
    for name, title in SECTIONS.items():
        model = models[name]
        own = model["properties"].keys() - (shared if model in on_disk else set())
        tables.append((title, _rows(model, own)))
    return "\n".join([REFERENCE, *(f"## {title}\n\n{rows}" for title, rows in tables)])


def _keys_of_all(models: Sequence[dict[str, Any]]) -> set[str]:
    """The keys that are the same in all models, so that one table tells them."""
    first, *others = [model["properties"] for model in models]
    return {key for key in first if all(other.get(key) == first[key] for other in others)}


def _rows(model: dict[str, Any], keys: Collection[str]) -> str:
    required = model.get("required", [])
    rows: list[tuple[str, ...]] = [HEAD]
    for key, leaf in model["properties"].items():
        if key in keys:
            default = "required" if key in required else _default(leaf)
            meaning = leaf.get("description", "See its own table.")
            rows.append((f"`{key}`", _values(leaf), default, meaning))
    return "".join(f"{line}\n" for line in markdown.table(rows))


def _default(leaf: dict[str, Any]) -> str:
    return f"`{json.dumps(leaf['default'])}`" if "default" in leaf else "see its table"


def _values(leaf: dict[str, Any]) -> str:
    if "const" in leaf or "enum" in leaf:
        return ", ".join(f"`{value}`" for value in leaf.get("enum", [leaf.get("const")]))
    if "anyOf" in leaf:
        return " or ".join(_values(choice) for choice in leaf["anyOf"])
    kind = str(leaf.get("type", "section"))
    if kind == "array":
        return _list_values(leaf)
    if kind == "object":
        of_names = [*leaf.get("patternProperties", {}).values()]
        return f"section of {_values(leaf.get('additionalProperties', *of_names))}"
    bounds = {
        "minimum": "at least",
        "exclusiveMinimum": "above",
        "maximum": "at most",
        "exclusiveMaximum": "below",
    }
    limits = [f"{word} {leaf[name]:g}" for name, word in bounds.items() if name in leaf]
    return " ".join([kind, ", ".join(limits)]).strip()


def _list_values(leaf: dict[str, Any]) -> str:
    exact = leaf.get("prefixItems")
    return (
        f"list of {len(exact)} {_values(exact[0])}"
        if exact
        else f"list of {_values(leaf['items'])}"
    )


def _environment(project: dict[str, Any]) -> str:
    pins = "\n".join(f"      - {pin}" for pin in sorted(_without_annoy(project)))
    oldest = re.sub(r"[^0-9.]", "", project["requires-python"])
    return f"""# Generated from pyproject.toml by `make generated`: change versions there.
# For `snakemake --software-deployment-method conda`. Annoy follows in sjft.post-deploy.sh.
channels:
  - conda-forge
dependencies:
  - python >={oldest}
  - pip
  - cxx-compiler
  - pip:
{pins}
"""


def _post_deploy(project: dict[str, Any], makefile: str) -> str:
    annoy = next(pin for pin in project["dependencies"] if pin.startswith("annoy"))
    arguments = re.search(r"^export ANNOY_COMPILER_ARGS := (.*)$", makefile, re.MULTILINE)
    assert arguments is not None
    return f"""#!/usr/bin/env bash
# Generated by `make generated`. Snakemake runs this after it has made the environment: Annoy is
# built so that an index, and the environment, work on every node.
set -euo pipefail
ANNOY_COMPILER_ARGS={arguments[1]} \\
  python -m pip install --no-cache-dir --no-binary annoy "{annoy}"
"""


def _without_annoy(project: dict[str, Any]) -> list[str]:
    return [pin for pin in project["dependencies"] if not pin.startswith("annoy")]


def main() -> None:
    """Write the files whose content differs."""
    for path, text in generated_files().items():
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            write_text(path, text)
            print(f"wrote {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
