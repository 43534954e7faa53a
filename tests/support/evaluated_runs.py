"""The probabilities that runs gave: to four images of three classes, and of right answers."""

import numpy as np

from sjft.evaluation.probabilities import Probabilities

NAMES = ["ash", "birch", "cedar"]
PATHS = ["a/1.jpg", "b/1.jpg", "b/2.jpg", "c/1.jpg"]
LABELS = np.array([0, 1, 1, 2])


def run(seed: int) -> Probabilities:
    """A run's probabilities."""
    values = np.random.default_rng(seed).dirichlet(np.ones(3), 4).astype(np.float32)
    return Probabilities(PATHS, LABELS, values, NAMES)


def answering(correct: np.ndarray, classes: int = 2) -> Probabilities:
    """Probabilities whose answers are right where ``correct`` [images] says so."""
    labels = np.arange(len(correct)) % classes
    answers = np.where(correct, labels, (labels + 1) % classes)
    values = np.full((len(labels), classes), 0.1, np.float32)
    values[np.arange(len(labels)), answers] = 0.9
    names = [f"class {c}" for c in range(classes)]
    return Probabilities([f"{i}.png" for i in range(len(labels))], labels, values, names)
