"""The images of one shard of a data set: what the stages go through that look at pixels."""

from dataclasses import dataclass, field
from pathlib import Path

from sjft.settings.image_limits import ImageLimits


@dataclass(frozen=True)
class ImagesOfShard:
    """Which rows of images.csv a shard is, and the folder that their paths are below.

    ``state`` changes with the images, and with nothing else.
    """

    table: Path
    part: str
    shard: int
    root: Path
    state: str
    skip_bad: bool = False
    limits: ImageLimits = field(default_factory=ImageLimits)
