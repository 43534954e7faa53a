"""Filter banks of Gabor filters."""

from typing import Literal

from pydantic import Field

from sjft.settings.banks.common import FilterBankSettings


class GaborBank(FilterBankSettings):
    """Gabor filters on the grey image: scales x orientations, real and imaginary parts."""

    type: Literal["gabor"] = Field(description="Which kind of filter bank this is.")
    scales: int = Field(4, ge=1, le=8, description="Number of wavelengths.")
    orientations: int = Field(6, ge=1, le=32, description="Number of directions in [0, pi).")
    shortest_wavelength: float = Field(4.0, ge=2.0, description="In pixels of the crop.")
    wavelength_factor: float = Field(
        1.4142135623730951, gt=1.0, description="Ratio of one scale's wavelength to the next."
    )

    @property
    def layer_names(self) -> tuple[str, ...]:
        """All filters are one layer."""
        return ("gabor",)
