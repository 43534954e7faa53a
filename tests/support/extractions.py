"""A small extraction: its bank, and the rows of its images."""

import polars as pl

from sjft.descriptors.banks.bank import FilterBank
from sjft.descriptors.banks.gabor import GaborFilterBank
from sjft.descriptors.extraction import Extraction
from sjft.settings.bank import GaborBank, LevelGrid

GABOR = GaborBank(type="gabor", resize=40, crop=32, scales=2, orientations=2)
NAMES = [f"cat/{i}.png" for i in range(20)]  # more than a batch


def job(bank: FilterBank | None = None, *, skip: bool = False, grid: LevelGrid | None = None):
    """An extraction with a bank of a few Gabor filters."""
    bank = bank or GaborFilterBank(GABOR, None)
    grid = grid or LevelGrid()
    return Extraction(
        bank, grid, {"type": "test", "grid": grid.model_dump()}, {"images.csv": "1"}, skip
    )


def rows(names: list[str], first: int = 0) -> pl.DataFrame:
    """What extraction takes of images.csv."""
    return pl.DataFrame(
        {"image": range(first, first + len(names)), "path": names},
        schema={"image": pl.Int32, "path": pl.String},
    )
