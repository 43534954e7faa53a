"""What torchvision's networks take, read from a table: nobody has to load torch to know it."""

import csv
from functools import cache
from pathlib import Path
from typing import NamedTuple

SIDE = 224  # of the images that the table is for
TABLE = Path(__file__).with_suffix(".csv")


class Footprint(NamedTuple):
    """Of a network at `SIDE` px: MB of 1,000,000 bytes in float32, and billions of operations.

    ``weights`` are parameters and statistics; ``training`` and ``scoring`` what an image adds to
    the most that is alive at once; ``forward`` the operations of an image's forward pass.
    """

    weights: float
    training: float
    scoring: float
    forward: float

    def at(self, side: int) -> "Footprint":
        """With images of another side: layers of pixels grow with their number."""
        larger = (side / SIDE) ** 2
        return Footprint(
            self.weights, self.training * larger, self.scoring * larger, self.forward * larger
        )


@cache
def footprints() -> dict[str, Footprint]:
    """Of all networks of the table, by name."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        return {
            row.pop("network"): Footprint(**{key: float(value) for key, value in row.items()})
            for row in csv.DictReader(file)
        }


def footprint_of(network: str) -> Footprint:
    """Of a network; one that the table does not have is taken for a ResNet-152."""
    found = footprints()
    return found.get(network) or found["resnet152"]
