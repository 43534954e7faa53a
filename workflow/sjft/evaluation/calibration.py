"""Calibration: whether a probability of 0.8 is right in 8 of 10 cases.

The expected calibration error of Guo et al., *On Calibration of Modern Neural Networks* (ICML
2017, arXiv 1706.04599, section 2).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 15


def calibration(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> dict[str, Any]:
    """The expected calibration error, and the bins that it is summed over, as plain values.

    An image's confidence is the largest of its probabilities [images, classes]; it counts in bin
    b of `BINS` where b / 15 < confidence <= (b + 1) / 15. With n_b of N images in a bin, accuracy
    a_b and mean confidence c_b: ECE = sum_b n_b / N |a_b - c_b|. Empty bins are not listed.
    """
    confidence = probabilities.max(axis=1).astype(np.float64)
    correct = probabilities.argmax(axis=1) == labels
    place = np.clip(np.ceil(confidence * BINS).astype(np.int64) - 1, 0, BINS - 1)
    images = np.bincount(place, minlength=BINS)
    right = np.bincount(place, weights=correct, minlength=BINS)
    sure = np.bincount(place, weights=confidence, minlength=BINS)
    return {
        "expected_calibration_error": float(np.abs(right - sure).sum() / len(labels)),
        "bins": [
            {
                "above": b / BINS,
                "up_to": (b + 1) / BINS,
                "images": int(images[b]),
                "accuracy": float(right[b] / images[b]),
                "confidence": float(sure[b] / images[b]),
            }
            for b in np.flatnonzero(images).tolist()
        ],
    }
