"""The neighbour explorer: how much of an experiment its page shows."""

from pydantic import Field

from sjft.settings.base import Settings


class ExplorerSettings(Settings):
    """How much `results/EXPERIMENT/explorer/` shows; the page says what it leaves out.

    With the defaults it takes up to 150 MB of disk.
    """

    targets: int = Field(
        5000, ge=1, description="Target images that are shown at most, spread evenly over the list."
    )
    neighbours: int = Field(
        100, ge=1, description="Nearest source images that are listed for each target image."
    )
    explained: int = Field(
        20,
        ge=0,
        description="Of these, how many of the nearest say which layers and channels made them "
        "near.",
    )
    thumbnails: int = Field(
        20000,
        ge=1,
        description="Source images that are shown, those of the lowest ranks first; "
        "others are listed by name.",
    )
