"""Sprite sheets: many small images in one JPEG, so that a page loads few files."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from sjft.data.pixels import load_pixels
from sjft.errors import BadImageError
from sjft.progress import progress
from sjft.settings.image_limits import ImageLimits
from sjft.storage.files import written_beside

QUALITY = 78


@dataclass(frozen=True)
class Sheets:
    """Sheets of ``columns`` by ``columns`` images, each ``side`` pixels high and wide.

    ``side`` is a multiple of 16, of JPEG's own blocks: images do not run into each other.
    """

    name: str
    side: int
    columns: int

    @property
    def images(self) -> int:
        """Images of a whole sheet."""
        return self.columns**2

    def file(self, number: int) -> str:
        """The file of a sheet."""
        return f"{self.name}-{number:04d}.jpg"

    def write(
        self, folder: Path, paths: Sequence[Path], limits: ImageLimits, threads: int
    ) -> list[BadImageError]:
        """Write all sheets of the images at ``paths``; grey stands for those that are bad.

        Returns what is wrong with these, in their order.
        """
        bad: list[BadImageError] = []
        starts = range(0, len(paths), self.images)
        with ThreadPoolExecutor(threads) as readers:
            for start in progress(
                starts, total=len(paths), what=self.name, unit="images", per_item=self.images
            ):
                some = paths[start : start + self.images]
                tiles = readers.map(lambda path: _small(path, self.side, limits), some)
                bad += self._write_sheet(folder / self.file(start // self.images), tiles)
        return bad

    def _write_sheet(
        self, path: Path, tiles: Iterable[NDArray[np.uint8] | BadImageError]
    ) -> list[BadImageError]:
        bad = []
        side = self.side * self.columns
        sheet = np.full((side, side, 3), 128, np.uint8)
        for place, tile in enumerate(tiles):
            if isinstance(tile, BadImageError):
                bad.append(tile)
                continue
            top, left = (self.side * n for n in divmod(place, self.columns))
            sheet[top : top + self.side, left : left + self.side] = tile
        with written_beside(path) as beside:
            Image.fromarray(sheet).save(beside, "JPEG", quality=QUALITY)
        return bad


def _small(path: Path, side: int, limits: ImageLimits) -> NDArray[np.uint8] | BadImageError:
    """An image's middle as a square, or what is wrong with it."""
    try:
        image = Image.fromarray(load_pixels(path, side, limits))
    except BadImageError as error:
        return error
    return np.asarray(ImageOps.fit(image, (side, side), Image.Resampling.LANCZOS))
