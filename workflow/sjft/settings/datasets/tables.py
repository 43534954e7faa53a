"""Data sets by a table of the user's."""

from typing import Literal

from pydantic import Field

from sjft.settings.datasets.common import AnyOnDisk


class CsvList(AnyOnDisk):
    """A table with one row per image."""

    reader: Literal["csv"] = Field(description="Which reader this entry is for.")
    file: str = Field(description="The table: absolute, or relative to `root`.")
    delimiter: str = Field(",", min_length=1, max_length=1, description="Tab for TSV.")
    path_column: str = Field("path", description="Image path relative to `root`.")
    class_column: str = Field("class", description="Class name.")
    split_column: str | None = Field(
        "split", description="train, val or test. Null: every row is `train`."
    )
    style_column: str | None = Field(
        None,
        description="Where it is known which images look alike: the style. It is never used for "
        "selection, only to report how often selection found the target's own.",
    )

    @property
    def listing_files(self) -> tuple[str, ...]:
        """The table."""
        return (self.file,)
