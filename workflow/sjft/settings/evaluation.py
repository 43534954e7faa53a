"""Evaluation: which images are scored, and in which views."""

from typing import Annotated, Literal, Self

from pydantic import Field

from sjft.settings.base import LARGEST_SIDE, Settings


class EvaluationSettings(Settings):
    """Class scores averaged over scales, crops and mirrors, as VGG does it (paper, section 4)."""

    split: Literal["val", "test"] = Field("test", description="Choose settings on `val`.")
    scales: tuple[Annotated[int, Field(le=LARGEST_SIDE)], ...] = Field(
        (256,), min_length=1, description="Shorter sides, in pixels, at least `input_size`."
    )
    crops: Literal["centre", "five"] = Field(
        "centre", description="The central crop alone, or with the four corners."
    )
    mirror: bool = Field(False, description="Add every crop's mirror image.")
    batch: int = Field(64, ge=1, description="Crops a forward pass.")

    @property
    def views(self) -> int:
        """How many squares of an image are scored."""
        return len(self.scales) * (5 if self.crops == "five" else 1) * (1 + self.mirror)

    def single_view(self) -> Self:
        """The first scale's central crop alone, which is what the training images are scored by."""
        return self.model_copy(
            update={"scales": self.scales[:1], "crops": "centre", "mirror": False}
        )
