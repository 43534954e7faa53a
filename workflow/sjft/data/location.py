"""Where the images of data sets lie, told so that it is the same wherever data and results are."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from sjft.settings.image_limits import ImageLimits


def folder_at(place: Mapping[str, str], data_root: Path) -> Path:
    """The folder of a place: ``generated``, below the working folder, or ``root``, the data root's.

    An absolute ``root`` stands for itself.
    """
    return Path(place["generated"]) if "generated" in place else data_root / place["root"]


@dataclass(frozen=True)
class ImageFolders:
    """Where the images of a target and its sources lie, and which are too large to be opened."""

    target: Path
    sources: Mapping[str, Path]
    limits: ImageLimits

    @classmethod
    def at(cls, places: Mapping[str, Any], data_root: Path, limits: ImageLimits) -> Self:
        """Of the places of the ``target`` and, by name, of the ``sources``."""
        sources = {name: folder_at(place, data_root) for name, place in places["sources"].items()}
        return cls(folder_at(places["target"], data_root), sources, limits)

    def of(self, dataset: str) -> Path:
        """The folder of a source; under any other name, the target's."""
        return self.sources.get(dataset, self.target)
