"""Small histograms, tables and networks that several test modules share."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor, nn

from sjft.data.table import IMAGES_SCHEMA
from sjft.networks.joint import JointNetwork, TwoHeads
from sjft.retrieval.histograms import Histograms
from sjft.retrieval.neighbours import Neighbours
from sjft.retrieval.ranking import usable_sources
from sjft.selection.subset import SUBSET_SCHEMA, TARGETS_SCHEMA, Manifest
from sjft.settings.training import TrainingSettings

# Networks this small, on cores that others share, wait for their own threads.
torch.set_num_threads(1)


def random_histograms(seed: int, images: int, *, first_image: int = 0) -> Histograms:
    """Histograms of three channels over six bins, in two layers of equal weight."""
    rng = np.random.default_rng(seed)
    positions = (60, 60, 20)
    shares = rng.dirichlet(np.full(6, 0.7), (images, 3))
    counts = [
        [rng.multinomial(n, s) for n, s in zip(positions, image, strict=True)] for image in shares
    ]
    return Histograms(
        np.arange(first_image, first_image + images, dtype=np.int32),
        np.array(counts, np.uint16),
        np.array(positions),
        np.array([0.25, 0.25, 0.5]),
        "digest of the bins",
        f"digest {seed}",
    )


def random_neighbours(seed: int, targets: int, sources: int, on_file: int) -> Neighbours:
    """Lists of different source images with ascending divergences."""
    rng = np.random.default_rng(seed)
    return Neighbours(
        np.arange(targets, dtype=np.int32),
        np.array([rng.permutation(sources)[:on_file] for _ in range(targets)], np.int32),
        np.sort(rng.random((targets, on_file)).astype(np.float32), axis=1),
    )


def images_table(
    class_of_image: Sequence[int], *, folder: str = "a", style: str = "", split: str = "train"
) -> pl.DataFrame:
    """A table as images.csv holds it."""
    number = len(class_of_image)
    return pl.DataFrame(
        {
            "image": range(number),
            "path": [f"{folder}/{i}.png" for i in range(number)],
            "label": class_of_image,
            "class_name": [f"class {c}" for c in class_of_image],
            "split": [split] * number,
            "style": [style] * number,
            "shard": [0] * number,
            "bytes": [1000] * number,
            "modified": [10**18] * number,
            "digest": [""] * number,
        },
        schema=IMAGES_SCHEMA,
    )


def source_table(class_of_image: Sequence[int], *, folder: str = "a") -> pl.DataFrame:
    """The usable images of one source, `store`, as selection sees them."""
    return usable_sources({"store": images_table(class_of_image, folder=folder)}, {})


def manifest(
    target_styles: Sequence[str] = (), source_styles: Sequence[str] = (), neighbours: int = 1
) -> Manifest:
    """A manifest of one image per style, all of one class."""

    def columns(side: str, styles: Sequence[str]) -> dict[str, Any]:
        return {
            "image": range(len(styles)),
            "path": [f"{side}/{i}.png" for i in range(len(styles))],
            "label": [0] * len(styles),
            "class_name": [side] * len(styles),
            "style": list(styles),
        }

    return Manifest(
        pl.DataFrame(
            {
                **columns("source", source_styles),
                "source": ["store"] * len(source_styles),
                "chosen_by": [1] * len(source_styles),
                "nearest_divergence": [0.5] * len(source_styles),
            },
            schema=SUBSET_SCHEMA,
        ),
        pl.DataFrame(
            {
                **columns("target", target_styles),
                "neighbours": [neighbours] * len(target_styles),
                "sampling_level": [1.0] * len(target_styles),
                "draws": [1] * len(target_styles),
            },
            schema=TARGETS_SCHEMA,
        ),
    )


class SmallTrunk(nn.Module):
    """A convolution, pooled to a few features, and a classifier named `fc`."""

    def __init__(self, classifier: nn.Module, batch_norm: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, stride=2)
        self.norm = nn.BatchNorm2d(8) if batch_norm else nn.Identity()
        self.fc = classifier

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.norm(self.conv(images)).relu().mean((2, 3))
        scores: Tensor = self.fc(features)
        return scores


def small_network(
    targets: int = 2, sources: int = 3, *, batch_norm: bool = False, seed: int = 0
) -> JointNetwork:
    """A network with two heads that trains in milliseconds."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        heads = TwoHeads(nn.Linear(8, targets), nn.Linear(8, sources) if sources else None)
        module = SmallTrunk(heads, batch_norm)
    return JointNetwork(
        "small", module, [f"t{i}" for i in range(targets)], [f"s{i}" for i in range(sources)]
    )


def training_settings(**changes: Any) -> TrainingSettings:
    """Settings for images of about 20 pixels and a few updates."""
    values: dict[str, Any] = {
        "network": "squeezenet1_1",
        "weights": {"source": "random"},
        "input_size": 16,
        "resize": (16, 20),
        "target_batch": 4,
        "accumulate": 1,
        "updates": 4,
        "log_every": 2,
        "device": "cpu",
        "threads": 1,
    }
    return TrainingSettings.model_validate({**values, **changes})


def random_images(number: int = 4, side: int = 32, seed: int = 0) -> Tensor:
    """What a network is given: float32 [number, 3, side, side]."""
    return torch.randn(number, 3, side, side, generator=torch.Generator().manual_seed(seed))


def scores(network: JointNetwork, images: Tensor) -> Tensor:
    """Scores of both heads, in evaluation mode."""
    with torch.inference_mode():
        found: Tensor = network.module.eval()(images)
    return found
