"""A configuration that the checks have nothing to say about, and changes to it."""

import copy
import json
from collections.abc import Mapping
from typing import Any

from sjft.checks import answers
from sjft.checks.answers import questions_of
from sjft.checks.asked import Asked
from sjft.checks.networks import answer
from sjft.checks.numbers import Counted
from sjft.settings.config import Configuration, read_configuration

RAW: dict[str, Any] = {
    "datasets": {
        "birds": {
            "reader": "synthetic",
            "contents": ["disc", "ring"],
            "styles": ["hatching"],
            "per_class": {"train": 8, "test": 2},
        },
        "web": {
            "reader": "synthetic",
            "contents": ["cross", "star"],
            "styles": ["hatching"],
            "per_class": {"train": 100},
        },
        "disk": {"reader": "image_folder", "root": "disk", "random_split": {"train": 0.5}},
    },
    "banks": {
        "cnn": {"type": "cnn", "network": "alexnet", "weights": {"source": "random"}},
        "gabor": {"type": "gabor"},
    },
    "retrievals": {"by_cnn": {"bank": "cnn"}, "by_gabor": {"bank": "gabor"}},
    "experiments": {
        "main": {
            "target": "birds",
            "source": "web",
            "retrieval": "by_cnn",
            "selection": {"initial_neighbours": 20},
            "training": {
                "network": "resnet18",
                "weights": {"source": "random"},
                "input_size": 64,
                "updates": 3000,
            },
            "arms": {"gabor": {"retrieval": "by_gabor"}},
            "ablation": {"arms": ["fine-tune", "gabor"]},
        }
    },
}


def configured(changes: Mapping[str, Any] | None = None) -> Configuration:
    """The configuration above with other values at some dotted keys."""
    raw = copy.deepcopy(RAW)
    for key, value in (changes or {}).items():
        *parents, last = key.split(".")
        place = raw
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
    return read_configuration(raw)


def of_answers(changes: Mapping[str, Any], arms: tuple[Any, ...] = ("selective",)) -> list[str]:
    """What networks and banks say to the configuration, asked in this process."""
    asked = Asked("main", arms, True)
    counted = {"web": Counted({"train": 200}, ["cross", "star"])}
    questions = list(questions_of(configured(changes), asked, counted))
    # As they reach the other process, and come back.
    plain = json.loads(json.dumps([q.asks for q in questions]))
    said = json.loads(json.dumps([answer(question) for question in plain]))
    return [str(finding) for finding in answers.findings_of(questions, said)]


TRAINING = "experiments.main.training"
SELECTION = "experiments.main.selection"
DISK = {"experiments.main.target": "disk"}
