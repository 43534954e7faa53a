"""Where the images of a target and its sources lie."""

from pathlib import Path

from sjft.data.location import ImageFolders
from sjft.settings.image_limits import ImageLimits


def test_the_target_comes_before_its_sources() -> None:
    lie = {"other": "/o", "birds": "/big/disk/birds", "store": "results/datasets/store/generated"}
    folders = ImageFolders.among(lie, ["birds", "store"], ImageLimits())
    assert folders == ImageFolders(
        Path("/big/disk/birds"), {"store": Path("results/datasets/store/generated")}, ImageLimits()
    )
    assert folders.of("store") == Path("results/datasets/store/generated")
    assert folders.of("birds") == Path("/big/disk/birds")
