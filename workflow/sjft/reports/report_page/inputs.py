"""What the report's page is made from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sjft.data.columns import ListFile


@dataclass(frozen=True)
class DatasetFiles:
    """A data set: its list, what was left out of that, and the images that extraction skipped.

    ``user_list`` is the user's own list, where there is one, with columns that images.csv has not.
    """

    name: str
    role: str
    images: Path
    state: Path
    skipped: Sequence[Path]
    user_list: ListFile | None = None


@dataclass(frozen=True)
class RetrievalFiles:
    """A way of retrieval that a compared arm borrows by, of an experiment's target and sources.

    ``descriptors`` are those of the target's training images, which the bins were made from;
    ``leakage`` is by source, empty where no image is left out, and ``neighbours`` too, found by
    the ``backend``.
    """

    name: str
    bank: str
    ranking: Path
    bins: Path
    descriptors: Sequence[Path]
    leakage: Mapping[str, Path]
    backend: str
    neighbours: Mapping[str, Path]

    @property
    def told(self) -> str:
        """As the page calls it."""
        return f"retrieval `{self.name}`, filter bank `{self.bank}`"


@dataclass(frozen=True)
class RoundFiles:
    """One round of a run; ``difficulty`` is there where the next round went by it."""

    number: int
    subset: Path
    targets: Path
    history: Path
    difficulty: Path | None


@dataclass(frozen=True)
class RunFiles:
    """An arm with a seed: all of its rounds, and how good it is.

    ``retrieval`` is the name of the one by which it borrows neighbours; None where it does not.
    """

    arm: str
    seed: int
    title: str
    retrieval: str | None
    evaluation: Path
    classes: Path
    probabilities: Path
    rounds: Sequence[RoundFiles]

    @property
    def name(self) -> str:
        """As the page calls it."""
        return f"{self.arm}, seed {self.seed}"


@dataclass(frozen=True)
class ReportInputs:
    """All of an experiment's files that the page shows.

    ``published`` is the arm that the configuration names, where the summary says none.
    ``leakage`` is by source, empty, and ``duplicates`` None, where nothing was looked for;
    ``retrievals`` are those that compared arms use, the experiment's own first. ``optional`` are
    files that are shown where they are there, and that nobody has to make for the page:
    `ablation_text`, `ablation_plot`, `explorer`.
    """

    experiment: str
    published: str
    summary: Path
    card: Path
    datasets: Sequence[DatasetFiles]
    leakage: Mapping[str, Path]
    duplicates: Path | None
    retrievals: Sequence[RetrievalFiles]
    runs: Sequence[RunFiles]
    optional: Mapping[str, Path]

    def files(self) -> list[Path]:
        """Every file that must be there, but for the images and what is read in part."""
        files = [self.summary, self.card]
        for dataset in self.datasets:
            files += [dataset.images, dataset.state, *dataset.skipped]
        files += self.leakage.values()
        files += [self.duplicates] if self.duplicates else []
        for retrieval in self.retrievals:
            files += [retrieval.ranking, retrieval.bins, *retrieval.leakage.values()]
        for run in self.runs:
            files += [run.evaluation, run.classes, run.probabilities]
            for of_round in run.rounds:
                files += [of_round.subset, of_round.targets, of_round.history]
                files += [of_round.difficulty] if of_round.difficulty else []
        return list(dict.fromkeys(files))

    @property
    def read_in_part(self) -> list[Path]:
        """All retrievals' descriptors, block by block, and the recall in their neighbours."""
        files = [f for of in self.retrievals for f in (*of.descriptors, *of.neighbours.values())]
        return list(dict.fromkeys(files))


@dataclass(frozen=True)
class RuleCost:
    """What all jobs of a rule took; memory in MB, None where no job's log says it."""

    rule: str
    jobs: int
    not_measured: int
    seconds: float
    peak: int | None
    declared: int | None


@dataclass(frozen=True)
class Circumstances:
    """What the page says of how its results came about: costs, versions, settings as YAML."""

    costs: Sequence[RuleCost]
    versions: Mapping[str, str]
    settings: str
