"""Where the images of a data set lie, told so that it is the same wherever data and results are."""

from collections.abc import Mapping
from pathlib import Path


def folder_at(place: Mapping[str, str], data_root: Path) -> Path:
    """The folder of a place: ``generated``, below the working folder, or ``root``, the data root's.

    An absolute ``root`` stands for itself.
    """
    return Path(place["generated"]) if "generated" in place else data_root / place["root"]
