"""Which file a section `weights` is about."""

from pathlib import Path

import pytest

from sjft.settings.weights import (
    FileWeights,
    RandomWeights,
    TorchvisionWeights,
    Weights,
    weights_file,
)

FETCHED = Path("results/weights/alexnet/DEFAULT.pth")


@pytest.mark.parametrize(
    ("weights", "fetched", "file"),
    [
        (FileWeights(source="file", path="own.pth"), None, Path("/data/own.pth")),
        (FileWeights(source="file", path="/usr/own.pth"), None, Path("/usr/own.pth")),
        (TorchvisionWeights(source="torchvision"), FETCHED, FETCHED),
        (RandomWeights(source="random"), None, None),
        (None, None, None),  # a bank without weights
    ],
)
def test_the_file_is_the_users_or_the_fetched_one(
    weights: Weights | None, fetched: Path | None, file: Path | None
) -> None:
    assert weights_file(weights, Path("/data"), fetched) == file
