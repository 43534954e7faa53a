"""What the explorer's page is made from."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RetrievalFiles:
    """One way of retrieval: its ranking of all sources, and the histograms that it rests on.

    ``descriptors`` is any shard of the bank's: it names the layers. ``leakage`` is, by source,
    what must not be used; nothing where it may be. ``seed`` draws random images for comparison.
    """

    name: str
    bank: str
    epsilon: float
    seed: int
    ranking: Path
    descriptors: Path
    target_histograms: Sequence[Path]
    source_histograms: Mapping[str, Sequence[Path]]
    leakage: Mapping[str, Path]

    def files(self) -> Iterator[Path]:
        """All of them."""
        yield from (self.ranking, self.descriptors, *self.target_histograms)
        for paths in self.source_histograms.values():
            yield from paths
        yield from self.leakage.values()


@dataclass(frozen=True)
class RoundFiles:
    """One round of an arm that borrows neighbours; ``difficulty`` is how hard images were after."""

    arm: str
    seed: int
    number: int
    retrieval: str
    subset: Path
    targets: Path
    difficulty: Path


@dataclass(frozen=True)
class ExplorerInputs:
    """All of an experiment's files that the page shows.

    ``other_arms`` says of the arms that are compared, and borrow no neighbours, why.
    """

    experiment: str
    target_images: Path
    source_images: Mapping[str, Path]
    retrievals: Sequence[RetrievalFiles]
    rounds: Sequence[RoundFiles]
    other_arms: Mapping[str, str]

    def files(self) -> list[Path]:
        """Every file that is read, but for the images."""
        of_rounds = [f for r in self.rounds for f in (r.subset, r.targets, r.difficulty)]
        of_retrievals = [file for retrieval in self.retrievals for file in retrieval.files()]
        files = [self.target_images, *self.source_images.values(), *of_retrievals, *of_rounds]
        return list(dict.fromkeys(files))
