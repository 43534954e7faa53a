"""What a plan speaks of: data sets by their sizes, what a job costs, and all jobs of a rule."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

BYTES_OF_A_ROW = 120  # of images.csv


@dataclass(frozen=True)
class Collection:
    """A data set in a plan: how many images, in how many shards, and where they are, if here.

    ``by_split`` and ``classes`` are empty and 0 where numbers alone were given. ``left_out`` says
    in words what was found there and is not in the list.
    """

    name: str
    train: int
    heldout: int
    shards: int
    by_split: Mapping[str, int] = field(default_factory=dict)
    classes: int = 0
    root: Path | None = None
    paths: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def a_shard(self) -> int:
        """Training images of its largest shard."""
        return -(-self.train // self.shards)

    def images(self, part: str) -> float:
        """Images of a part's shard, on average."""
        return (self.train if part == "train" else self.heldout) / self.shards

    @property
    def table_bytes(self) -> int:
        """Of its images.csv."""
        return BYTES_OF_A_ROW * (self.train + self.heldout)


@dataclass(frozen=True)
class Price:
    """What one job costs: bytes on disk, core-seconds, and megabytes of memory."""

    disk: float
    seconds: float
    memory: int


@dataclass(frozen=True)
class Stage:
    """A rule's part of a plan: jobs, bytes on disk, core-seconds, and memory of its largest job."""

    rule: str
    jobs: int
    disk: float
    seconds: float
    memory: int
