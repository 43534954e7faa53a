"""What all filter banks have: images of a size, and a grid of levels for their responses."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, model_validator

from sjft.settings.base import LARGEST_SIDE, Settings
from sjft.settings.weights import Weights


class LevelGrid(Settings):
    """The fixed logarithmic grid on which responses are counted (see `sjft.descriptors.levels`)."""

    lowest_octave: int = Field(
        -16, ge=-126, le=126, description="Magnitudes below 2^this share one level a sign."
    )
    highest_octave: int = Field(
        12, ge=-126, le=127, description="Magnitudes of 2^this and above share one level a sign."
    )
    levels_per_octave: Literal[1, 2, 4, 8, 16, 32, 64, 128, 256] = Field(
        64, description="A power of two: the leading bits of the float's mantissa."
    )

    @model_validator(mode="after")
    def _octaves_in_order(self) -> Self:
        if self.lowest_octave >= self.highest_octave:
            raise ValueError("lowest_octave must be smaller than highest_octave")
        levels = 2 * (self.highest_octave - self.lowest_octave) * self.levels_per_octave + 5
        if levels > 65535:
            raise ValueError(f"{levels} levels do not fit 16 bits: take fewer octaves or levels")
        return self


@dataclass(frozen=True)
class NetworkWeights:
    """A network by torchvision's name, and where its weights come from."""

    network: str
    weights: Weights


class FilterBankSettings(Settings):
    """What all filter banks have, and what each says of itself."""

    if TYPE_CHECKING:
        type: str  # each kind's own; it stands behind what all have

    resize: int = Field(
        256,
        ge=8,
        le=LARGEST_SIDE,
        description="Both sides are resized to this, without keeping the aspect ratio.",
    )
    crop: int = Field(224, ge=8, description="Side of the central crop, in pixels.")
    grid: LevelGrid = Field(default_factory=LevelGrid, description="Grid of response levels.")
    device: Literal["auto", "cpu", "cuda"] = Field(
        "cpu",
        description="Where responses are computed. Of jobs that may use a GPU, as many run at a "
        "time as there are GPUs (one where there is none); on the CPU, as many as there are cores.",
    )
    threads: int = Field(
        1,
        ge=1,
        description="Threads of an extraction job: beside a GPU all but one load images, beside a "
        "CPU one in four. Without a GPU, more jobs gain more than more threads.",
    )

    @property
    def deciding(self) -> dict[str, Any]:
        """The settings that decide the responses, as plain values: not where they are computed."""
        return self.model_dump(mode="json", exclude={"device", "threads"})

    @property
    @abstractmethod
    def layer_names(self) -> tuple[str, ...]:
        """What its layers are called, in the order of its responses."""

    @property
    def network_weights(self) -> NetworkWeights | None:
        """The network whose weights decide the responses; None of a bank that has no weights."""
        return None

    @property
    def weights_or_none(self) -> Weights | None:
        """Where the weights come from, of a bank that has some."""
        return None if self.network_weights is None else self.network_weights.weights

    def without_file(self) -> Self:
        """The same bank with other weights that need no file, and cost as much to compute with."""
        return self

    @model_validator(mode="after")
    def _crop_fits(self) -> Self:
        if self.crop > self.resize:
            raise ValueError(f"crop ({self.crop}) must not exceed resize ({self.resize})")
        return self
