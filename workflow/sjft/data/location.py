"""Where the images of data sets lie, told so that it is the same wherever data and results are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from sjft.settings.image_limits import ImageLimits


@dataclass(frozen=True)
class ImageFolders:
    """Where the images of a target and its sources lie, and which are too large to be opened."""

    target: Path
    sources: Mapping[str, Path]
    limits: ImageLimits

    @classmethod
    def among(
        cls, folders: Mapping[str, str], datasets: Sequence[str], limits: ImageLimits
    ) -> Self:
        """Of ``datasets``, the target before its sources, among the ``folders`` of all."""
        target, *sources = datasets
        of_sources = {name: Path(folders[name]) for name in sources}
        return cls(Path(folders[target]), of_sources, limits)

    def of(self, dataset: str) -> Path:
        """The folder of a source; under any other name, the target's."""
        return self.sources.get(dataset, self.target)
