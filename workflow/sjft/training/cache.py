"""Decoded images, kept in memory under a budget."""

from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from sjft.data.pixels import USUAL_LIMITS, load_pixels
from sjft.settings.image_limits import ImageLimits

MEGABYTE = 10**6


class ImageCache:
    """Images as they were decoded, for several threads at once.

    The first that come are kept until the budget is used up, and none is given up for another: in
    training every target image comes once before any comes again, so that they are all among the
    first. What is kept decides nothing but the time.
    """

    def __init__(
        self, megabytes: float, shorter_side: int, limits: ImageLimits = USUAL_LIMITS
    ) -> None:
        """Keep so many megabytes (10^6 bytes); images need ``shorter_side`` pixels at most."""
        self._left = int(megabytes * MEGABYTE)
        self._shorter_side = shorter_side
        self._limits = limits
        self._kept: dict[Path, NDArray[np.uint8]] = {}
        self._lock = Lock()

    def pixels(self, path: Path) -> NDArray[np.uint8]:
        """The image, uint8 [height, width, 3]; raises `BadImageError` as `load_pixels` does."""
        found = self._kept.get(path)
        if found is None:
            found = load_pixels(path, self._shorter_side, self._limits)
            with self._lock:
                if path not in self._kept and found.nbytes <= self._left:
                    self._kept[path] = found
                    self._left -= found.nbytes
        return found
