"""Where a network's weights come from."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from sjft.settings.base import Seed, Settings

# What names of timm's networks begin with; others are torchvision's.
TIMM = "timm/"


class TorchvisionWeights(Settings):
    """Weights that torchvision publishes, by name; the rule `fetch_weights` gets them."""

    source: Literal["torchvision"] = Field(description="Where the weights come from.")
    name: str = Field(
        "DEFAULT", description="Name in torchvision's enumeration, for example IMAGENET1K_V2."
    )


class FileWeights(Settings):
    """A state dictionary on disk, of `torch.save(network.state_dict(), path)` or safetensors.

    It may stand under any key of the file, with the names of wrappers before its own.
    """

    source: Literal["file"] = Field(description="Where the weights come from.")
    path: str = Field(description="Absolute, or relative to `data_root`.")


class RandomWeights(Settings):
    """The network's own initialisation from a seed: training from scratch, and tests."""

    source: Literal["random"] = Field(description="Where the weights come from.")
    seed: Seed = Field(0, description="Seed of the initialisation.")


Weights = Annotated[
    TorchvisionWeights | FileWeights | RandomWeights,
    Field(discriminator="source", description="Where the weights come from."),
]


def check_published(network: str, weights: Weights) -> None:
    """Raise `ValueError` for weights that nobody publishes for a network."""
    if network.startswith(TIMM) and isinstance(weights, TorchvisionWeights):
        raise ValueError(
            f"weights: torchvision publishes none for {network}. Give `{{source: file, path: "
            "...}` with timm's, or `{source: random}`"
        )


def weights_file(weights: Weights | None, data_root: Path, fetched: Path | None) -> Path | None:
    """The file that a section `weights` is about: the user's, or the ``fetched`` one.

    None for random weights, and for a bank that has none.
    """
    return data_root / weights.path if isinstance(weights, FileWeights) else fetched
