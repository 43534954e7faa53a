"""A published model with random weights, and what is known of it."""

from pathlib import Path
from typing import Any

import numpy as np
from small import images_table, manifest

from sjft.evaluation.accuracy import accuracies
from sjft.model.provenance import provenance
from sjft.model.publication import publish_model
from sjft.networks.joint import JointNetwork, joint_network
from sjft.settings.config import Configuration
from sjft.settings.weights import RandomWeights

CLASSES = ["cat", "dög"]
SECTIONS = {"datasets", "banks", "retrievals", "experiments"}
ARM: dict[str, Any] = {
    "mean_class_accuracy": 0.625,
    "accuracy": 0.5,
    "source_images": 3,
    "style_share": None,
    "runs": [{"seed": 0, "source_shares": {}, "without_duplicates": None, "with_duplicates": None}],
}
SUMMARY: dict[str, Any] = {
    "conclusion": ["Borrowing helped here: so it is.", "`selective` is published: it is the best."],
    "arms": {"selective": ARM},
    "style_share_by_chance": None,
    "backend": "annoy",
    "recall": {"web": {"10": 1.0}},
    "leakage": {"web": {"source_images": 7, "target_images": 2}},
    "duplicates": {"target_images": 0},
}


def configuration(
    network: str, side: int = 64, evaluation: dict[str, Any] | None = None
) -> Configuration:
    """One experiment, `demo`, with images of ``side`` pixels."""
    folder = {"reader": "image_folder", "splits": {"train": "train", "test": "test"}}
    experiment = {
        "target": "birds",
        "source": "web",
        "retrieval": "paper",
        "training": {
            "network": network,
            "weights": {"source": "random"},
            "input_size": side,
            "resize": [side, side + 8],
        },
        "evaluation": {"scales": [side + 8]} | (evaluation or {}),
    }
    return Configuration.model_validate(
        {
            "datasets": {name: {**folder, "root": name} for name in ("birds", "web")},
            "banks": {"small": {"type": "gabor"}},
            "retrievals": {"paper": {"bank": "small"}},
            "experiments": {"demo": experiment},
        }
    )


def facts_of(
    settings: Configuration, classes: list[str] = CLASSES, arm: str = "selective"
) -> dict[str, Any]:
    """Provenance of a model that saw three images of each side."""
    labels = list(range(len(classes)))
    return provenance(
        settings=settings.model_dump(mode="json", include=SECTIONS),
        arm=settings.experiments["demo"].arm(arm),
        code={"finetune": "f00d"},
        tables={"birds": images_table(labels * 2), "web": images_table([0, 0, 1, 2])},
        manifest=manifest(["a"] * 3, ["a"] * 3),
        inputs={"first weights": "d1", "model": "d2"},
        evaluation=evaluation_of(classes),
    )


def evaluation_of(classes: list[str]) -> dict[str, Any]:
    """An evaluation of one right image a class, and a wrong one of the first."""
    labels = np.array([*range(len(classes)), 0])
    scores = np.eye(len(classes), dtype=np.float32)[[*range(len(classes)), 1]]
    calibration = {"expected_calibration_error": 0.25, "bins": [{"images": 3}]}
    measured = accuracies(scores, labels, classes) | {"calibration": calibration}
    return measured | {"split": "test", "skipped": []}


def publish(
    path: Path,
    network: str,
    *,
    side: int = 64,
    sources: int = 3,
    classes: list[str] = CLASSES,
    evaluation: dict[str, Any] | None = None,
) -> JointNetwork:
    """Write a published model, and return the network with both heads that it was made from."""
    settings = configuration(network, side, evaluation)
    weights = RandomWeights(source="random", seed=0)
    names = [f"s{i}" for i in range(sources)]
    joint = joint_network(network, weights, None, classes, names, seed=3)
    experiment = settings.experiments["demo"]
    facts = facts_of(settings, classes)
    publish_model(path, joint, experiment.training, experiment.evaluation, facts)
    return joint
