"""Names of data sets and experiments, made of folders' names."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sjft.cli.init.layout import NAMES_OF_SPLITS
from sjft.cli.init.weights import Start
from sjft.errors import UserError
from sjft.layout import RESERVED
from sjft.settings.config import RESERVED_DATASETS, Configuration
from sjft.settings.weights import FileWeights
from sjft.settings.yaml_file import read_yaml

# Folders that say nothing about what is in them: then the outer one's name is taken.
SAYS_NOTHING = frozenset(
    {
        *NAMES_OF_SPLITS,
        *("images", "image", "img", "imgs", "photos", "photographs", "jpg", "jpeg"),
        *("png", "data", "dataset", "datasets", "raw", "target", "source", "all", "home", "root"),
        *("tmp", "classes"),
    }
)


def check_name(name: str, configuration: Configuration) -> None:
    """Raise `UserError` for a name that cannot be used, or is another entry's."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_]*", name):
        raise UserError(f"--name {name!r}: a name has letters, digits and underscores alone.")
    if name in taken(configuration):
        raise UserError(
            f"--name {name}: the program's own configuration uses this name. Take another one."
        )


def taken(configuration: Configuration) -> set[str]:
    """Names that new entries may not have."""
    used = (configuration.datasets, configuration.retrievals, configuration.experiments)
    return {*RESERVED, *RESERVED_DATASETS, *(name for section in used for name in section)}


def names_of_others(place: Path, own: Path, folder: Path, data_root: Path) -> set[str]:
    """Names of data sets in the files of a folder, ``place``, whose images lie elsewhere.

    All experiments share results/datasets/: under one name two folders would replace each other's
    list, and all that follows from it, run by run. ``own`` is the file that is to be written,
    ``folder`` where its images lie. A file that cannot be read names none: a run with it says so.
    """
    found: set[str] = set()
    for path in sorted(place.glob("*.y*ml")):
        if path.resolve() == own.resolve():
            continue
        try:
            datasets = read_yaml(path).get("datasets")
        except UserError:
            continue
        for name, entry in datasets.items() if isinstance(datasets, dict) else ():
            root = entry.get("root") if isinstance(entry, dict) else None
            if not isinstance(root, str) or (data_root / root).resolve() != folder.resolve():
                found.add(str(name))
    return found


def name_of(folder: Path, role: str, avoided: Iterable[str]) -> str:
    """A name after the folder, or the nearest outer one that says something, or the role."""
    parts = [part for part in reversed(folder.parts) if part != folder.anchor]
    said = (_as_name(part) for part in parts[:3])
    name = next((part for part in said if part and part.lower() not in SAYS_NOTHING), role)
    avoided = set(avoided)
    candidates = [
        name,
        f"{name}_{role}",
        *(f"{name}_{role}_{n}" for n in range(2, len(avoided) + 3)),
    ]
    return next(candidate for candidate in candidates if candidate not in avoided)


def bank_name(experiment: str, bank: Mapping[str, Any], start: Start) -> str:
    """The same for all experiments that have the same bank: they share its descriptors."""
    if bank["type"] == "gabor":
        return f"gabor_{bank['crop']}"
    if isinstance(start.weights, FileWeights):  # any file may stand behind these
        return f"{experiment}_bank"
    return f"{start.network}_{bank['crop']}"


def _as_name(text: str) -> str:
    """Letters without their accents, digits, and underscores for all else."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9]+", "_", plain).strip("_")
