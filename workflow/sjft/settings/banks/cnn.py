"""Filter banks that are layers of a network."""

from typing import Literal, Self

from pydantic import Field, model_validator

from sjft.settings.banks.common import FilterBankSettings, NetworkWeights
from sjft.settings.base import IMAGENET_MEAN, IMAGENET_STD, Channels
from sjft.settings.weights import RandomWeights, TorchvisionWeights, WeightsOfBank, check_published


class CnnBank(FilterBankSettings):
    """Kernels of chosen layers of any torchvision network."""

    type: Literal["cnn"] = Field(description="Which kind of filter bank this is.")
    network: str = Field(
        "alexnet", description="torchvision's name of the network, or `timm/NAME`."
    )
    weights: WeightsOfBank = Field(
        default_factory=lambda: TorchvisionWeights(source="torchvision", name="IMAGENET1K_V1"),
        description="The network's. Default: `{source: torchvision, name: IMAGENET1K_V1}`.",
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

    @model_validator(mode="after")
    def _weights_are_published(self) -> Self:
        check_published(self.network, self.weights)
        return self

    @property
    def layer_names(self) -> tuple[str, ...]:
        """The modules' own names."""
        return self.layers

    @property
    def network_weights(self) -> NetworkWeights:
        """See `FilterBankSettings`."""
        return NetworkWeights(self.network, self.weights)

    def without_file(self) -> Self:
        """With random weights."""
        return self.model_copy(update={"weights": RandomWeights(source="random", seed=0)})
