"""Filter banks: what responses are measured, and on which grid of levels they are counted."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from sjft.settings.base import IMAGENET_MEAN, IMAGENET_STD, Channels, Settings
from sjft.settings.weights import TorchvisionWeights, Weights


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


class _BankSettings(Settings):
    resize: int = Field(
        256, ge=8, description="Both sides are resized to this, without keeping the aspect ratio."
    )
    crop: int = Field(224, ge=8, description="Side of the central crop, in pixels.")
    grid: LevelGrid = Field(default_factory=LevelGrid, description="Grid of response levels.")
    device: Literal["auto", "cpu", "cuda"] = Field(
        "cpu",
        description="Where responses are computed. Jobs that may use a GPU run one at a time; on "
        "the CPU, as many as there are cores.",
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

    @model_validator(mode="after")
    def _crop_fits(self) -> Self:
        if self.crop > self.resize:
            raise ValueError(f"crop ({self.crop}) must not exceed resize ({self.resize})")
        return self


class CnnBank(_BankSettings):
    """Kernels of chosen layers of any torchvision network."""

    type: Literal["cnn"] = Field(description="Which kind of filter bank this is.")
    network: str = Field("alexnet", description="torchvision's name of the network.")
    weights: Weights = Field(
        default_factory=lambda: TorchvisionWeights(source="torchvision", name="IMAGENET1K_V1")
    )
    layers: tuple[str, ...] = Field(
        ("features.0", "features.3"),
        min_length=1,
        description="Modules whose outputs are measured; AlexNet's conv1 and conv2 by default.",
    )
    activation: Literal["before", "after"] = Field(
        "after",
        description="Responses before, or after, the first activation that follows the layer. "
        "The paper's text says after; its authors' program bins before.",
    )
    mean: Channels = Field(IMAGENET_MEAN, description="Subtracted from RGB in [0, 1].")
    std: Channels = Field(IMAGENET_STD, description="Divides RGB after the mean.")


class GaborBank(_BankSettings):
    """Gabor filters on the grey image: scales x orientations, real and imaginary parts."""

    type: Literal["gabor"] = Field(description="Which kind of filter bank this is.")
    scales: int = Field(4, ge=1, le=8, description="Number of wavelengths.")
    orientations: int = Field(6, ge=1, le=32, description="Number of directions in [0, pi).")
    shortest_wavelength: float = Field(4.0, ge=2.0, description="In pixels of the crop.")
    wavelength_factor: float = Field(
        1.4142135623730951, gt=1.0, description="Ratio of one scale's wavelength to the next."
    )


BankSettings = Annotated[CnnBank | GaborBank, Field(discriminator="type")]
