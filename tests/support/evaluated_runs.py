"""The probabilities that runs gave to four images of three classes."""

import numpy as np

from sjft.evaluation.probabilities import Probabilities

NAMES = ["ash", "birch", "cedar"]
PATHS = ["a/1.jpg", "b/1.jpg", "b/2.jpg", "c/1.jpg"]
LABELS = np.array([0, 1, 1, 2])


def run(seed: int) -> Probabilities:
    """A run's probabilities."""
    values = np.random.default_rng(seed).dirichlet(np.ones(3), 4).astype(np.float32)
    return Probabilities(PATHS, LABELS, values, NAMES)
