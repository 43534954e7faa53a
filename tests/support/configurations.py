"""The smallest configuration, and what is said of changes to it."""

import copy
from typing import Any

import pytest

from sjft.errors import UserError
from sjft.settings.config import (
    Configuration,
    read_configuration,
)

SMALLEST: dict[str, Any] = {
    "datasets": {
        "birds": {"reader": "image_folder", "root": "birds", "splits": {"train": "."}},
        "web": {"reader": "csv", "root": "web", "file": "list.csv"},
        "demo": {
            "reader": "synthetic",
            "contents": ["disc", "ring"],
            "styles": ["hatching"],
            "per_class": {"train": 2},
        },
    },
    "banks": {"alexnet": {"type": "cnn"}, "gabor": {"type": "gabor"}},
    "retrievals": {"paper": {"bank": "alexnet"}},
    "experiments": {"main": {"target": "birds", "source": "web", "retrieval": "paper"}},
}
DELETE = object()


def changed(changes: dict[str, Any]) -> dict[str, Any]:
    """Return the smallest configuration with the values at some dotted keys replaced."""
    raw = copy.deepcopy(SMALLEST)
    for key, value in changes.items():
        *parents, last = key.split(".")
        place = raw
        for parent in parents:
            place = place.setdefault(parent, {})
        if value is DELETE:
            del place[last]
        else:
            place[last] = value
    return raw


def read(**changes: Any) -> Configuration:
    return read_configuration(changed(changes))


def refusal(changes: dict[str, Any]) -> str:
    with pytest.raises(UserError) as error:
        read_configuration(changed(changes))
    return str(error.value)
