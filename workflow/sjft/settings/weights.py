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


class ExperimentWeights(Settings):
    """What another experiment learns: its published model, which is trained before this one.

    For weights of one's own: an experiment whose target is the source, which nothing borrows.
    """

    source: Literal["experiment"] = Field(description="Where the weights come from.")
    experiment: str = Field(
        description="Name under `experiments`. Its published arm trains the same `network`."
    )


WeightsOfBank = Annotated[
    TorchvisionWeights | FileWeights | RandomWeights,
    Field(discriminator="source", description="Where the weights come from."),
]
Weights = Annotated[
    TorchvisionWeights | FileWeights | RandomWeights | ExperimentWeights,
    Field(discriminator="source", description="Where the weights come from."),
]


def check_published(network: str, weights: Weights) -> None:
    """Raise `ValueError` for weights that nobody publishes for a network."""
    if network.startswith(TIMM) and isinstance(weights, TorchvisionWeights):
        raise ValueError(
            f"weights: torchvision publishes none for {network}. Give `{{source: file, path: "
            "...}` with timm's, or `{source: random}`"
        )


def name_of_weights(file: Path) -> str:
    """How a file of weights that a rule made is told from others, wherever results/ lies."""
    return "/".join(file.parts[-2:])


def weights_file(weights: Weights | None, data_root: Path, made: Path | None) -> Path | None:
    """The file that a section `weights` is about: the user's, or the one that a rule made.

    None for random weights, and for a bank that has none.
    """
    return data_root / weights.path if isinstance(weights, FileWeights) else made
