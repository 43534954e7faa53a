"""The verdict: did borrowing help, by how much, how sure is that, and what could not be seen.

All of it follows from the class probabilities of the compared runs on the same test images. Which
arm is published is another question: `sjft.reports.choice`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sjft.errors import UserError
from sjft.evaluation.probabilities import Probabilities, aligned
from sjft.reports.intervals import (
    WORTH_IT,
    Interval,
    interval_over_both,
    interval_over_images,
    interval_over_seeds,
    says_nothing,
)
from sjft.reports.variation import LEVEL, variation
from sjft.settings.arm import AT_RANDOM, METHOD, WITHOUT_SOURCE
from sjft.storage.files import stable_integer
from sjft.wording import counted

Outcome = Literal["helped", "did not help", "hurt", "cannot be told"]
SEEDS_OF_AN_ABLATION = 5


@dataclass(frozen=True)
class Comparison:
    """An arm beside another, of the same seeds, on the same test images; all figures are shares.

    ``accuracy`` and ``other_accuracy`` are mean class accuracies, means over the seeds.
    ``interval`` is the one that decides ``outcome``: over seeds and images (``over_both``), or with
    a single seed over images alone. ``smallest`` is the smallest true difference that these runs
    could have seen, and ``with_more_seeds`` the smallest that ``more_seeds`` would; with a single
    seed both are what is seen at best, since nothing is known of how seeds differ. None where the
    images say nothing of others: each class has one, or all of each class differ alike. The
    intervals are None there too, and where both arms answer all of a few images alike.
    """

    arm: str
    against: str
    seeds: list[int]
    images: int
    accuracy: float
    other_accuracy: float
    difference: float
    over_seeds: Interval | None
    over_images: Interval | None
    over_both: Interval | None
    outcome: Outcome
    smallest: float | None
    more_seeds: int
    with_more_seeds: float | None

    @property
    def interval(self) -> Interval | None:
        """What decides the outcome."""
        return self.over_both or self.over_images


@dataclass(frozen=True)
class Verdict:
    """Comparisons, the most important one first, and what they say."""

    comparisons: list[Comparison]

    @property
    def sentences(self) -> list[str]:
        """One for each comparison."""
        return [sentence(comparison) for comparison in self.comparisons]

    def plain(self) -> dict[str, Any]:
        """Plain values for JSON, with the sentences."""
        return {
            "level": LEVEL,
            "worth_it": WORTH_IT,
            "comparisons": [
                {**asdict(comparison), "sentence": sentence(comparison)}
                for comparison in self.comparisons
            ],
        }


def verdict(runs: Mapping[tuple[str, int], Probabilities], published: str) -> Verdict:
    """The verdict on ``runs``, by arm and seed, of which the arm ``published`` is handed over.

    The published arm and then the method's are set beside fine-tuning without a source and beside
    random source images, as far as these were run with the same seeds. Where what is published
    does not borrow, ``published`` is `WITHOUT_SOURCE`, and the method's alone are. There may be
    nothing to compare. Raises `UserError` where
    the runs' images or classes differ.
    """
    if not runs:
        raise UserError("There is no run to compare. Run the experiment's arms first.")
    same = aligned({f"{arm}, seed {seed}": found for (arm, seed), found in runs.items()})
    by_run = dict(zip(runs, same.values(), strict=True))
    return Verdict([_comparison(by_run, *pair) for pair in _pairs(runs, published)])


def _pairs(runs: Mapping[tuple[str, int], Any], published: str) -> Iterator[tuple[str, str]]:
    """The arms to compare, each with the one that it is compared with."""
    seeds = {arm: {seed for other, seed in runs if other == arm} for arm, _ in runs}
    subjects = [arm for arm in dict.fromkeys((published, METHOD)) if arm in seeds]
    for arm in subjects:
        for against in (WITHOUT_SOURCE, AT_RANDOM):
            stands_alone = arm in (WITHOUT_SOURCE, AT_RANDOM) and against != WITHOUT_SOURCE
            if arm != against and not stands_alone and seeds[arm] & seeds.get(against, set()):
                yield arm, against


def _comparison(
    runs: Mapping[tuple[str, int], Probabilities], arm: str, against: str
) -> Comparison:
    seeds = sorted(seed for other, seed in runs if other == arm and (against, seed) in runs)
    labels = runs[arm, seeds[0]].labels
    answers = {
        name: np.array([answers_of(runs[name, s]) for s in seeds]) for name in (arm, against)
    }
    return compare(arm, against, seeds, answers[arm], answers[against], labels)


def is_behind(runs: Mapping[tuple[str, int], Probabilities], arm: str, other: str) -> bool:
    """Whether an arm is told to be worse than another by the seeds that both have in ``runs``."""
    both = {key: found for key, found in runs.items() if key[0] in (arm, other)}
    by_run = dict(zip(both, aligned({str(key): both[key] for key in both}).values(), strict=True))
    return any((other, seed) in by_run for name, seed in by_run if name == arm) and (
        _comparison(by_run, arm, other).outcome == "hurt"
    )


def answers_of(probabilities: Probabilities) -> NDArray[np.float64]:
    """Whether each image was told right, float64 [images]: 1 or 0."""
    return np.asarray(probabilities.values.argmax(axis=1) == probabilities.labels, np.float64)


def compare(
    arm: str,
    against: str,
    seeds: Sequence[int],
    answers: NDArray[np.float64],
    other_answers: NDArray[np.float64],
    labels: NDArray[np.int64],
) -> Comparison:
    """Compare two arms by their answers [seeds, images], 1 where right, and the images' classes."""
    differences = answers - other_answers
    by_seed = mean_over_classes(differences, labels)
    drawn_by = stable_integer("verdict", arm, against)
    over_images = interval_over_images(differences.mean(axis=0), labels, drawn_by)
    over_both = interval_over_both(differences, labels, drawn_by)
    found = variation(differences, labels)
    known = found.can_be_told
    if says_nothing(differences, labels, over_both or over_images):
        over_images, over_both, known = None, None, known and not differences.any()
    more = max(SEEDS_OF_AN_ABLATION, len(seeds) + 1)
    return Comparison(
        arm=arm,
        against=against,
        seeds=list(seeds),
        images=len(labels),
        accuracy=float(mean_over_classes(answers, labels).mean()),
        other_accuracy=float(mean_over_classes(other_answers, labels).mean()),
        difference=float(by_seed.mean()),
        over_seeds=_of_shares(interval_over_seeds(by_seed)),
        over_images=_of_shares(over_images),
        over_both=_of_shares(over_both),
        outcome=_outcome(over_both or over_images),
        smallest=found.smallest_difference() if known else None,
        more_seeds=more,
        with_more_seeds=found.smallest_difference(more) if known else None,
    )


def _of_shares(interval: Interval | None) -> Interval | None:
    """There is no difference of more than 100 points, however little two seeds say."""
    return None if interval is None else interval.within(-1.0, 1.0)


def mean_over_classes(
    values: NDArray[np.float64], labels: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The mean of the classes' means, of each seed."""
    means = [values[:, labels == label].mean(axis=1) for label in np.unique(labels)]
    return np.asarray(np.mean(means, axis=0))


def _outcome(interval: Interval | None) -> Outcome:
    """What an interval says: no gain of `WORTH_IT` in it is no help, 0 and such a gain is no word.

    An interval that is a single point comes of arms that answer many images alike, each of them.
    """
    if interval is None:
        return "cannot be told"
    if interval.low > 0:
        return "helped"
    if interval.high < 0:
        return "hurt"
    return "did not help" if interval.high < WORTH_IT else "cannot be told"


def sentence(comparison: Comparison) -> str:
    """The comparison in one plain sentence, figures in per cent and in points."""
    accuracies = (
        f"{comparison.against} {points(comparison.other_accuracy)}, "
        f"{comparison.arm} {points(comparison.accuracy)}: "
        f"{points(comparison.difference, sign=True)} points"
    )
    return f"{_beginning(comparison)}: {accuracies}, {_how_sure(comparison)}; {_power(comparison)}."


def _beginning(comparison: Comparison) -> str:
    what = "Borrowing" if comparison.against == WITHOUT_SOURCE else "Choosing by likeness"
    if comparison.arm == AT_RANDOM:
        what = "Borrowing at random"
    elif comparison.arm != METHOD:
        what = f"Borrowing as `{comparison.arm}` does"
    if comparison.arm != METHOD and comparison.against == AT_RANDOM:
        what += ", against random source images,"
    where = "here" if len(comparison.seeds) > 1 else "in this one training"
    if comparison.outcome == "cannot be told":
        return f"Whether {what[0].lower()}{what[1:]} helped cannot be told {where}"
    return f"{what} {comparison.outcome} {where}"


def _how_sure(comparison: Comparison) -> str:
    if comparison.interval is None:
        return "without an interval, since no class has test images that differ in it"
    low, high = (
        points(end, sign=True) for end in (comparison.interval.low, comparison.interval.high)
    )
    return f"{100 * LEVEL:g} % between {low} and {high}"


def _power(comparison: Comparison) -> str:
    one = len(comparison.seeds) == 1
    seeds = "one seed" if one else f"{len(comparison.seeds)} seeds"
    runs = f"{seeds} of {counted(comparison.images, 'test image')}"
    if comparison.smallest is None or comparison.with_more_seeds is None:
        return f"{runs} {'says' if one else 'say'} nothing of other images"
    if not comparison.smallest:  # no image and no seed differs from another: nothing to go by
        return f"on all of {runs} both answer alike"
    unknown = ", and how far seeds differ is unknown" if one else ""
    # There is none of more than 100 points.
    sees = (
        f"cannot see less than {points(comparison.smallest)} points"
        if comparison.smallest < 1
        else "can see no difference, however large"
    )
    would_see = (
        f"would see {points(comparison.with_more_seeds)}{' at best' if one else ''}"
        if comparison.with_more_seeds < 1
        else "would see none either: more test images are needed"
    )
    return f"{runs} {sees}{unknown}; an ablation with {comparison.more_seeds} seeds {would_see}"


def points(share: float, *, sign: bool = False) -> str:
    """A share in per cent with one figure behind the point; 0 has no sign."""
    rounded = round(100 * share, 1) + 0.0  # makes 0 of -0
    return f"{rounded:+.1f}" if sign and rounded else f"{rounded:.1f}"
