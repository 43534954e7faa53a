"""How much better one arm's runs are than another's, seed by seed, and how sure that is."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from command_line import Row
from evidence_record import Run, right_of
from numpy.typing import NDArray

from sjft.reports.intervals import (
    Interval,
    interval_over_both,
    interval_over_images,
    interval_over_seeds,
    smallest_difference,
)
from sjft.storage.files import stable_integer

OfSeeds = Mapping[int, Run]


@dataclass(frozen=True)
class Difference:
    """A mean difference of shares over ``seeds``, with its intervals; None where one seed has none.

    ``could_be_seen`` is the smallest difference that as many seeds find four times of five.
    """

    seeds: int
    mean: float
    over_seeds: Interval | None
    over_images: Interval | None
    over_both: Interval | None
    could_be_seen: float | None

    def row(self) -> Row:
        """Columns of a table."""
        seen = self.could_be_seen
        return {
            "seeds": self.seeds,
            "points": points(self.mean, self.over_both),
            "over seeds": ends(self.over_seeds, "+"),
            "over images": ends(self.over_images, "+"),
            "over both": ends(self.over_both, "+"),
            "could be seen": "-" if seen is None else f"{100 * seen:.1f}",
        }

    def in_short(self) -> str:
        """Points and the interval over both, in one cell."""
        found = points(self.mean, self.over_both)
        return found if self.over_both is None else f"{found} ({ends(self.over_both, '+')})"


def difference(
    ours: OfSeeds, theirs: OfSeeds, labels: NDArray[np.int64], *names: str
) -> Difference | None:
    """The difference, taken seed by seed on the same images; None without a common seed.

    ``labels`` [images] are the classes; ``names`` seed the bootstraps.
    """
    seeds = sorted(ours.keys() & theirs.keys())
    if not seeds:
        return None
    by_seed = np.array([ours[s].mean_class_accuracy - theirs[s].mean_class_accuracy for s in seeds])
    by_image = np.array([right_of(ours[s]) - right_of(theirs[s]) for s in seeds])
    seed = stable_integer("evidence", *names)
    return Difference(
        len(seeds),
        float(by_seed.mean()),
        interval_over_seeds(by_seed),
        interval_over_images(by_image.mean(axis=0), labels, seed),
        interval_over_both(by_image, labels, seed),
        smallest_difference(by_seed),
    )


def points(share: float, interval: Interval | None) -> str:
    """A difference of shares in points, bold where its interval, as printed, is clear of 0."""
    text = f"{100 * share:+.1f}"
    if interval is None:
        return text
    return f"**{text}**" if is_clear(interval) else text


def is_clear(interval: Interval) -> bool:
    """Whether an interval of shares, printed in points, leaves out 0."""
    return round(100 * interval.low, 1) > 0 or round(100 * interval.high, 1) < 0


def ends(interval: Interval | None, sign: str = "") -> str:
    """An interval of shares, in points; a dash where there is none."""
    if interval is None:
        return "-"
    return f"{100 * interval.low:{sign}.1f} to {100 * interval.high:{sign}.1f}"
