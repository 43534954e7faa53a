"""What all experiments on the test split say together, where one alone sees too little."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from command_line import Row
from evidence_answers import TRIAL, by_arm, published
from evidence_difference import OfSeeds, ends, points
from evidence_record import Run, right_of
from numpy.typing import NDArray

from sjft.reports.intervals import RESAMPLES, Interval
from sjft.reports.variation import LEVEL, variation
from sjft.storage.files import stable_integer

# Of fewer seeds an experiment's own spread is not known.
LEAST_SEEDS = 3
PUBLISHED = "published"
ALL_SOURCE = "all-source"
# What the validation split chooses where the arm of the whole source is not among those it has.
OF_THE_REST = "published without all-source"
PHOTOGRAPHS = "photographs"
MADE = "made"


class Trainings(NamedTuple):
    """Experiments that are held against the very same trainings, as one.

    ``differences`` [seeds, images] are those of these experiments together, ``labels`` [images]
    the classes, ``pairs`` the pairs of runs in it.
    """

    differences: NDArray[np.float64]
    labels: NDArray[np.int64]
    pairs: int


class Kind(NamedTuple):
    """What an experiment learns from: the data set's name, or `MADE`, and which weights."""

    pictures: str
    weights: str


class Pooled(NamedTuple):
    """A difference of ``pair`` over a group's experiments: shares, over ``pairs`` of runs."""

    group: str
    pair: tuple[str, str]
    number: int
    pairs: int
    mean: float
    interval: Interval

    def row(self) -> Row:
        """Columns of a table."""
        return {
            "experiments": self.group,
            "difference": " - ".join(self.pair),
            "number": self.number,
            "pairs of runs": self.pairs,
            "points": points(self.mean, self.interval),
            "over both": ends(self.interval, "+"),
        }

    def in_short(self) -> str:
        """Points and the interval, in one cell."""
        return f"{points(self.mean, self.interval)} ({ends(self.interval, '+')})"


def together(
    runs: Sequence[Run],
    groups: Mapping[str, Sequence[str]],
    labels: Mapping[str, Sequence[int]],
    comparisons: Sequence[tuple[str, str]],
) -> Iterator[Pooled]:
    """The mean difference over all experiments of each group, every pair of runs counting alike.

    ``groups`` are names of experiments, by what they have in common, ``labels`` the classes of the
    images that runs of some settings were judged by, ``comparisons`` (arm, what it is held
    against), where `PUBLISHED` is what the validation split chooses, and `OF_THE_REST` what it
    would have chosen without `all-source`, where that was run.
    """
    for group, names in groups.items():
        for arm, other in comparisons:
            of_both = [_of_both(by_arm(runs, name), arm, other) for name in names]
            enough = [both for both in of_both if len(both[0]) >= LEAST_SEEDS]
            if not enough:
                continue
            trainings = list(_trainings(enough, labels))
            mean, interval = mean_difference(trainings, stable_integer(group, arm, other))
            pairs = sum(one.pairs for one in trainings)
            yield Pooled(group, (arm, other), len(enough), pairs, mean, interval)


def mean_difference(trainings: Sequence[Trainings], seed: int) -> tuple[float, Interval]:
    """The mean over all pairs of runs, a share, and its interval for other seeds and images.

    Seeds are independent from trainings to trainings, and their errors s / sqrt(n) are draws of
    Student's t with n - 1 degrees of freedom. Images are not: where trainings were judged by the
    same ones, what these add is that of the weighted sum, without what changes with each seed
    too, which the seeds' deviations hold already.
    """
    weights = np.array([one.pairs for one in trainings]) / sum(one.pairs for one in trainings)
    of_seeds = np.zeros(RESAMPLES)
    of_rest = overall = 0.0
    sums: dict[tuple[int, ...], NDArray[np.float64]] = {}
    rng = np.random.default_rng(seed)
    for weight, (differences, labels, _) in zip(weights, trainings, strict=True):
        mean = differences.mean(axis=0)
        of_classes = [mean[labels == label].mean() for label in np.unique(labels)]
        overall += weight * float(np.mean(of_classes))
        found, whole = variation(differences, labels), variation(mean[None], labels)
        assert found.of_seeds is not None, "of one seed nothing is known"
        error = np.sqrt(found.of_seeds / found.seeds)
        of_seeds += weight * error * rng.standard_t(found.seeds - 1, RESAMPLES)
        of_rest += weight**2 * (whole.of_images - found.of_images)
        same_images = tuple(labels.tolist())
        sums[same_images] = sums.get(same_images, 0) + weight * mean
    of_images = sum(variation(s[None], np.array(images)).of_images for images, s in sums.items())
    draws = rng.standard_normal(RESAMPLES) * np.sqrt(max(0.0, of_images - of_rest)) + of_seeds
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(overall + draws, [tail, 1 - tail])
    return overall, Interval(float(low), float(high))


def _of_both(of_arms: Mapping[str, OfSeeds], arm: str, other: str) -> tuple[OfSeeds, OfSeeds]:
    """The runs of both, of their common seeds."""
    if arm == PUBLISHED:
        ours: OfSeeds = published(of_arms)
    elif arm == OF_THE_REST:
        rest = {name: own for name, own in of_arms.items() if name != ALL_SOURCE}
        ours = published(rest) if len(rest) < len(of_arms) else {}
    else:
        ours = of_arms.get(arm, {})
    theirs = of_arms.get(other, {})
    common = sorted(ours.keys() & theirs.keys())
    return {s: ours[s] for s in common}, {s: theirs[s] for s in common}


def _trainings(
    of_both: Sequence[tuple[OfSeeds, OfSeeds]], labels: Mapping[str, Sequence[int]]
) -> Iterator[Trainings]:
    """One for all experiments that are held against the same answers, if only with some seeds.

    Another source leaves `fine-tune` as it is: such differences vary together with the seed.
    """
    held: list[tuple[set[object], list[tuple[OfSeeds, OfSeeds]]]] = []
    for both in of_both:
        theirs = both[1]
        classes = tuple(labels[next(iter(theirs.values())).settings])
        against: set[object] = {(classes, s, run.answers) for s, run in theirs.items()}
        shared = [one for one in held if one[0] & against]
        held = [one for one in held if not one[0] & against]
        keys = against.union(*(keys for keys, _ in shared))
        held.append((keys, [*(b for _, together in shared for b in together), both]))
    for _, several in held:
        yield _as_one(several, np.array(labels[next(iter(several[0][1].values())).settings]))


def _as_one(of_both: Sequence[tuple[OfSeeds, OfSeeds]], labels: NDArray[np.int64]) -> Trainings:
    """Experiments as one, whose mean is that of all pairs and which varies as much from it.

    With a seed go the deviations of all experiments that have it, each from its own mean. Fewer
    seeds than there are make deviations from their mean smaller: they are brought up to the rest.
    """
    seeds = sorted({seed for ours, _ in of_both for seed in ours})
    pairs = sum(len(ours) for ours, _ in of_both)
    mean = np.zeros(len(labels))
    deviations = np.zeros((len(seeds), len(labels)))
    for ours, theirs in of_both:
        found = np.array([right_of(ours[s]) - right_of(theirs[s]) for s in ours])
        own, number = found.mean(axis=0), len(found)
        mean += number / pairs * own
        brought_up = np.sqrt(number / (number - 1) * (len(seeds) - 1) / len(seeds))
        deviations[np.searchsorted(seeds, list(ours))] += brought_up * (found - own)
    return Trainings(mean + len(seeds) / pairs * deviations, labels, pairs)


def groups_of(names: Sequence[str], kinds: Mapping[str, Kind]) -> dict[str, list[str]]:
    """Experiments on the test split by what their pictures are, and by their weights."""
    reported = [name for name in names if TRIAL not in name]
    photographs = [name for name in reported if kinds[name].pictures != MADE]
    groups = {"made pictures, random weights": [n for n in reported if n not in photographs]}
    for weights in ("pre-trained", "random"):
        own = [name for name in photographs if kinds[name].weights == weights]
        groups[f"photographs, {weights} weights"] = own
    return {**groups, PHOTOGRAPHS: photographs}


def data_sets_of(names: Sequence[str], kinds: Mapping[str, Kind]) -> dict[str, list[str]]:
    """The photographs' experiments on the test split, by data set and weights."""
    groups: dict[str, list[str]] = {}
    for name in names:
        pictures, weights = kinds[name]
        if TRIAL not in name and pictures != MADE:
            groups.setdefault(f"`{pictures}`, {weights} weights", []).append(name)
    return dict(sorted(groups.items(), key=lambda group: group[0].partition(",")[2]))


def by_data_set(pooled: Sequence[Pooled]) -> Iterator[Row]:
    """A row for each group of ``pooled``: how many pairs of runs, and each difference in short."""
    pairs = dict.fromkeys(one.pair for one in pooled)
    for group in dict.fromkeys(one.group for one in pooled):
        own = {one.pair: one for one in pooled if one.group == group}
        yield {
            "photographs": group,
            "pairs of runs": max(one.pairs for one in own.values()),
            **{" - ".join(p): own[p].in_short() if p in own else "-" for p in pairs},
        }
