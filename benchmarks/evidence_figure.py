"""The evidence at a glance: each experiment's difference on the test split, and all together."""

from collections.abc import Iterator, Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import altair as alt
import numpy as np
from evidence_answers import by_arm, published
from evidence_difference import difference, is_clear
from evidence_record import Run
from evidence_together import LEAST_SEEDS, PUBLISHED, Pooled

from sjft.reports.intervals import Interval
from sjft.settings.arm import WITHOUT_SOURCE
from sjft.storage.files import write_text

# (arm, what it is held against) with what the column of panels asks.
SHOWN = {
    ("selective", WITHOUT_SOURCE): "does borrowing help?",
    ("selective", "random-source"): "does the choice?",
    (PUBLISHED, WITHOUT_SOURCE): "what validation chooses",
}
ALL = "all together"
# Okabe and Ito's: told apart by colour-blind people, and in grey.
COLOURS = {"better": "#0072B2", "worse": "#D55E00", "cannot be told": "#8a8f98"}
SHAPES = alt.Scale(domain=["one", "all"], range=["circle", "diamond"])
# Points either way: a few intervals of three seeds reach further, and end in the frame.
WIDEST = 12


class Mark(NamedTuple):
    """An interval of the figure: shares, of one experiment or of a group's (`ALL`)."""

    group: str
    experiment: str
    pair: tuple[str, str]
    mean: float
    interval: Interval


def marks(
    runs: Sequence[Run],
    groups: Mapping[str, Sequence[str]],
    labels: Mapping[str, Sequence[int]],
    pooled: Sequence[Pooled],
) -> Iterator[Mark]:
    """Those of ``groups`` (names of experiments), each with what it is all together."""
    for group, names in groups.items():
        for name in names:
            of_arms = by_arm(runs, name)
            of_arms = {**of_arms, PUBLISHED: published(of_arms)}
            for pair in SHOWN:
                ours, theirs = (of_arms.get(arm, {}) for arm in pair)
                if len(ours.keys() & theirs.keys()) < LEAST_SEEDS:
                    continue
                classes = np.array(labels[next(iter(theirs.values())).settings])
                # Drawn as in the tables, so that an end near 0 lies on the same side.
                drawn_by = (name, "best") if PUBLISHED in pair else pair
                found = difference(ours, theirs, classes, *drawn_by)
                if found and found.over_both:
                    yield Mark(group, name, pair, found.mean, found.over_both)
        for one in pooled:
            if one.group == group and one.pair in SHOWN:
                yield Mark(group, ALL, one.pair, one.mean, one.interval)


def draw(path: Path, found: Sequence[Mark]) -> None:
    """Write the figure, as SVG."""
    drawn = StringIO()
    _chart(found).save(drawn, format="svg")
    write_text(path, drawn.getvalue())


def _chart(found: Sequence[Mark]) -> Any:
    groups = list(dict.fromkeys(mark.group for mark in found))
    rows = []
    for group in groups:
        own = [mark for mark in found if mark.group == group]
        ends = (group == groups[0], group == groups[-1])
        panels = [_panel(own, pair, *ends) for pair in SHOWN]
        title = alt.Title(group, anchor="start", fontSize=13)
        rows.append(alt.hconcat(*panels, spacing=12).properties(title=title))
    return alt.vconcat(*rows, spacing=14).configure_view(stroke="#c9ccd1")


def _panel(own: Sequence[Mark], pair: tuple[str, str], is_first: bool, is_last: bool) -> Any:
    rows = dict.fromkeys(mark.experiment for mark in own if mark.experiment != ALL)
    data = alt.InlineData(values=[_row(mark) for mark in own if mark.pair == pair])
    is_left = pair == next(iter(SHOWN))
    # Of one width, so that the panels of all groups stand below each other.
    width = 150 if is_left else 0
    y = alt.Y(
        "experiment:N",
        scale=alt.Scale(domain=[*rows, ALL]),
        axis=alt.Axis(
            title=None, labels=is_left, ticks=False, grid=True, minExtent=width, maxExtent=width
        ),
    )
    scale = alt.Scale(domain=[-WIDEST, WIDEST], clamp=True)
    axis = alt.Axis(title=f"{' - '.join(pair)}, points" if is_last else None)
    colours = alt.Scale(domain=list(COLOURS), range=list(COLOURS.values()))
    colour = alt.Color("says:N", scale=colours, legend=None)
    base = alt.Chart(data)
    zero = alt.Chart(alt.InlineData(values=[{"zero": 0}])).mark_rule(color="black")
    asked = SHOWN[pair] if is_first else ""
    return alt.layer(
        zero.encode(x=alt.X("zero:Q", scale=scale)),
        base.mark_rule(strokeWidth=2).encode(
            x=alt.X("low:Q", scale=scale, axis=axis), x2="high:Q", y=y, color=colour
        ),
        base.mark_point(filled=True, opacity=1, size=70).encode(
            x=alt.X("mean:Q", scale=scale, axis=axis),
            y=y,
            color=colour,
            shape=alt.Shape("kind:N", scale=SHAPES, legend=None),
        ),
    ).properties(
        width=230,
        height=alt.Step(16),
        title=alt.Title(asked, anchor="middle", fontWeight="normal", fontSize=12),
    )


def _row(mark: Mark) -> dict[str, object]:
    says = "cannot be told"
    if is_clear(mark.interval):
        says = "better" if mark.mean > 0 else "worse"
    return {
        "experiment": mark.experiment,
        "mean": round(100 * mark.mean, 2),
        "low": round(100 * mark.interval.low, 2),
        "high": round(100 * mark.interval.high, 2),
        "kind": "all" if mark.experiment == ALL else "one",
        "says": says,
    }
