"""Provenance: from which settings, data, code and versions a published model was made."""

import platform
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import polars as pl

from sjft import __version__
from sjft.selection.subset import Manifest
from sjft.settings.arm import Arm
from sjft.settings.weights import TIMM
from sjft.storage.files import digest_of_text

# The packages whose versions can change a number on the way from an image to a weight.
PACKAGES = (
    *("annoy", "h5py", "numba", "numpy", "pillow", "polars"),
    *("scipy", "simplejpeg", "torch", "torchvision"),
)


def provenance(
    *,
    settings: Mapping[str, Any],
    arm: Arm,
    code: Mapping[str, str],
    tables: Mapping[str, pl.DataFrame],
    manifest: Manifest,
    inputs: Mapping[str, str],
    evaluation: Mapping[str, Any],
) -> dict[str, Any]:
    """What is written into a published model beside its weights, as plain values.

    ``settings`` are the configuration's sections with what the experiment uses of each,
    ``arm`` the published one, ``code`` the fingerprints of scripts,
    ``tables`` the images.csv of the target and then of each source, ``manifest`` what the last
    round was trained on, ``inputs`` digests of files by name, and ``evaluation`` the content of the
    run's evaluation.json.
    """
    of_timm = arm.training.network.startswith(TIMM)
    lists = {f"images of {name}": digest_of_images(table) for name, table in tables.items()}
    return {
        "data": {
            name: _numbers(table, _used(manifest, name, is_target=place == 0))
            for place, (name, table) in enumerate(tables.items())
        },
        "metrics": metrics_of(evaluation),
        "inputs": {**lists, **inputs},
        "code": dict(code),
        "versions": versions() | ({"timm": version("timm")} if of_timm else {}),
        "arm": {
            "name": arm.name,
            "title": arm.title,
            "sources": arm.sources,
            "iterates": arm.iterates,
            "retrieval": arm.retrieval,
            "selection": arm.selection.model_dump(mode="json"),
        },
        "training": arm.training.model_dump(mode="json"),
        "settings": dict(settings),
    }


def digest_of_images(table: pl.DataFrame) -> str:
    """Digest of an images.csv without the files' times: copied data are the same data."""
    return digest_of_text(table.drop("modified").write_csv())


def versions() -> dict[str, str]:
    """Versions of this program, of Python, and of the packages that compute."""
    known = {"sjft": __version__, "python": platform.python_version()}
    return known | {name: version(name) for name in PACKAGES}


def metrics_of(evaluation: Mapping[str, Any]) -> dict[str, Any]:
    """The single values of an evaluation, of its sections too: accuracies, calibration error."""
    found: dict[str, Any] = {}
    for name, value in evaluation.items():
        if isinstance(value, Mapping):
            found |= metrics_of(value)
        elif isinstance(value, bool | int | float | str):
            found[name] = value
    return found


def _used(manifest: Manifest, name: str, *, is_target: bool) -> pl.DataFrame:
    if is_target:
        return manifest.targets
    return manifest.subset.filter(pl.col("source") == name)


def _numbers(table: pl.DataFrame, used: pl.DataFrame) -> dict[str, Any]:
    """Numbers of classes and images, split by split, and of those the model was trained on."""
    by_split = dict(table.group_by("split").len().sort("split").iter_rows())
    return {
        "classes": table["label"].n_unique(),
        "images": {
            split: by_split[split] for split in ("train", "val", "test") if split in by_split
        },
        "used_classes": used["label"].n_unique(),
        "used_images": len(used),
    }
