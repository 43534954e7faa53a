"""Where the configuration's values come from, and who wins: files, environment, command line.

From the most general to the most specific, each replacing single keys of those before it:

1. `config/config.yaml` beside the Snakefile: what came with the workflow
2. `config/config.yaml` of the folder that the command runs in, where that is another file
3. the environment variable `SJFT_DATA_ROOT`
4. the files that are named with `--configfile`, in their order
5. the values of `--config`, or of `sjft plan --data-root`

The first two stay the defaults that they are when they are named with `--configfile` too.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sjft.errors import UserError
from sjft.settings.yaml_file import read_yaml

CONFIG_FILE = Path("config", "config.yaml")
DATA_ROOT = "SJFT_DATA_ROOT"
WORKFLOW = Path(__file__).parents[2]

Values = dict[str, Any]


def shipped_file(folder: Path = Path()) -> Path:
    """The `config/config.yaml` that belongs to the Snakefile which `snakemake` runs in ``folder``.

    That is the folder's own where this workflow lies in it, else the one beside this library.
    """
    is_workflow = (folder / "Snakefile").is_file() and (folder / "workflow" / "sjft").is_dir()
    return (folder if is_workflow else WORKFLOW.parent) / CONFIG_FILE


def merged_values(
    defaults: Sequence[Path],
    named: Sequence[Path] = (),
    changes: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Values:
    """All values, still unchecked; the arguments are ordered from the most general on.

    One of the ``defaults`` must be there, and all ``named`` files; of these, one that is a default
    does not count again. Raises `UserError` for files that are missing or cannot be read.
    """
    present = [path for path in defaults if path.is_file()] or defaults[:1]
    layers = [read_values(path) for path in present]
    if root := environment.get(DATA_ROOT):
        layers.append({"data_root": root})
    known = {path.resolve() for path in defaults}
    layers += [read_values(path) for path in named if path.resolve() not in known]
    return merged(*layers, changes or {})


def merged(*layers: Mapping[str, Any]) -> Values:
    """Later values in place of earlier ones, key by key; what is given is left as it is.

    Sections that share their values by YAML's `*` are changed one by one.
    """
    values: Values = {}
    for layer in layers:
        for key, new in layer.items():
            old = values.get(key)
            inner = [part for part in (old, new) if isinstance(part, Mapping)]
            values[key] = merged(*inner) if isinstance(new, Mapping) else new
    return values


def values_of_module(
    handed_over: Mapping[str, Any], shipped: Path, read: Sequence[str | Path]
) -> Values:
    """What another workflow hands over to this one as its module, over the ``shipped`` defaults.

    Where that workflow has ``read`` the shipped file itself, what stands there is no choice of its.
    """
    if any(Path(path).resolve() == shipped.resolve() for path in read):
        handed_over = without_defaults(handed_over, read_values(shipped))
    return merged(merged_values([shipped]), handed_over)


def without_defaults(values: Mapping[str, Any], defaults: Mapping[str, Any]) -> Values:
    """What ``values`` have that the defaults have not, or have otherwise."""
    left: Values = {}
    for key, value in values.items():
        default = defaults.get(key)
        if isinstance(value, Mapping) and isinstance(default, Mapping):
            if changed := without_defaults(value, default):
                left[key] = changed
        elif key not in defaults or value != default:
            left[key] = value
    return left


def read_values(path: Path) -> Values:
    """The content of a configuration file.

    Raises `UserError` for a file that cannot be used, with what to do where a target, or an
    experiment, was taken for one.
    """
    try:
        return read_yaml(path)
    except UserError as error:
        if path.suffix.lower() in {".yaml", ".yml", ".json"} and "results" not in path.parts:
            raise
        raise UserError(
            f"{error} `--configfile` takes every name that follows it for a file: put what you ask "
            "for before it."
        ) from None
