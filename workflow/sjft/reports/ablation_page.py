"""The ablation for people: a Markdown table with its caption, and a plot."""

from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import altair as alt
import polars as pl

from sjft.reports.intervals import RESAMPLES
from sjft.reports.variation import LEVEL, POWER
from sjft.reports.verdict import points
from sjft.storage import markdown
from sjft.storage.files import write_text
from sjft.wording import counted

BLUE = "#1f6fb2"
# What the plot's points are, with shape, colour and size: an upright bar for the mean.
KINDS = {
    "a seed": ("circle", "#6b7280", 35),
    "mean": ("M-0.2,-1L0.2,-1L0.2,1L-0.2,1Z", BLUE, 220),
    "the paper's": ("diamond", "#d9730d", 110),
}


def render_ablation(
    name: str,
    table: pl.DataFrame,
    split: str,
    sentences: Sequence[str] = (),
    left_out: str = "",
) -> str:
    """The table as Markdown, in per cent, with a caption that says what the intervals mean.

    The verdict's ``sentences`` stand before it, and what it has ``left_out``, as a sentence.
    """
    with_paper = table["paper"].is_not_null().any()
    head = ["arm", "mean class accuracy", "difference"]
    head += ["95 % over seeds", "95 % over test images", "95 % over both", "could be seen"]
    head += ["source images"]
    head += ["the paper's", "its difference"] if with_paper else []
    before = [*sentences, *([left_out] if left_out else [])]
    first = [line for sentence in before for line in (sentence, "")]
    rows = [head, *(_cells(row, with_paper) for row in table.iter_rows(named=True))]
    lines = [f"# Ablation of {name}", "", *first, *markdown.table(rows)]
    return "\n".join([*lines, "", _caption(table, split, with_paper)]) + "\n"


def _cells(row: Mapping[str, Any], with_paper: bool) -> list[str]:
    accuracy = f"{100 * row['mean_class_accuracy']:.1f}"
    if row["deviation"] is not None:
        accuracy += f" ± {100 * row['deviation']:.1f}"
    cells = [
        f"`{row['arm']}`: {markdown.cell(row['title'])}",
        accuracy,
        _signed(row["difference"], f" to `{row['reference']}`"),
        _between(row, "difference_low_over_seeds", "difference_high_over_seeds"),
        _between(row, "difference_low_over_images", "difference_high_over_images"),
        _between(row, "difference_low_over_both", "difference_high_over_both"),
        "" if row["smallest_difference"] is None else f"{100 * row['smallest_difference']:.1f}",
        "" if row["source_images"] is None else f"{row['source_images']:.0f}",
    ]
    if with_paper:
        paper = "" if row["paper"] is None else f"{100 * row['paper']:.1f}"
        cells += [paper, _signed(row["paper_difference"])]
    return cells


def _signed(share: float | None, behind: str = "") -> str:
    return "" if share is None else f"{points(share, sign=True)}{behind}"


def _between(row: Mapping[str, Any], low: str, high: str) -> str:
    return "" if row[low] is None else f"{_signed(row[low])} to {_signed(row[high])}"


def _caption(table: pl.DataFrame, split: str, with_paper: bool) -> str:
    seeds, images = int(table["seeds"].max()), int(table["images"].max())  # type: ignore[arg-type]
    updates = table["updates"].drop_nulls().unique().sort().to_list()
    level = f"{100 * LEVEL:g} %"
    parts = [
        f"Mean of the classes' accuracies in %, on the {counted(images, 'image')} of the split "
        f"`{split}`, "
        f"over {seeds} {'seed' if seeds == 1 else 'seeds, ± the standard deviation'}. Each arm was "
        f"trained by {' or '.join(map(str, updates))} {'update' if updates == [1] else 'updates'} "
        "with the same target images. Source "
        "images are those of the last round, a mean over seeds. Differences are taken seed by seed "
        "and image by image.",
        f"*Over seeds*: Student's t interval ({level}) of the seeds' differences. It says how the "
        "difference would move with other seeds on these very test images."
        + (
            " With one seed there is none, and the table cannot tell an arm's merit from a lucky "
            "training."
            if seeds == 1
            else " With so few seeds it rests on an estimated deviation and on differences that "
            "are normally distributed: it is wide because little is known."
            if seeds <= 5
            else ""
        ),
        f"*Over test images*: percentile bootstrap ({level}, {RESAMPLES} resamples, drawn class by "
        "class) of the differences on each image, averaged over the seeds. It says how the "
        "difference would move with other test images for these very trainings, and nothing about "
        "other seeds. It is empty where arms differ by whole classes alone, or answer all of a few "
        "images alike: these say nothing of others.",
        f"*Over both*: other seeds and other test images ({level}): to the measured difference "
        f"each of {RESAMPLES} draws adds what other images change, by a bootstrap, and what other "
        "seeds do, by Student's t. Neither of the first two covers both; take a difference for "
        "real only where this interval leaves out 0, and remember that every further row is a "
        "further chance to be misled." + (" With one seed there is none." if seeds == 1 else ""),
        f"*Could be seen*: the smallest true difference, in points, that so many seeds and test "
        f"images find with a probability of {100 * POWER:g} %, by the deviations that were "
        "measured. A smaller one may be there all the same."
        + (" With one seed it is so at best." if seeds == 1 else ""),
    ]
    if with_paper:
        parts.append(
            "The paper's figures are of ResNet-152, by several scales and crops, with ImageNet as "
            "the source but where Indoor 67's is another (Ge and Yu, CVPR 2017)."
        )
    return "\n\n".join(parts)


def plot_ablation(path: Path, name: str, table: pl.DataFrame, runs: pl.DataFrame) -> None:
    """Write a dot plot as SVG: each arm's seeds, mean, interval over seeds, the paper's figure."""
    chart = _chart(name, table, runs)
    drawn = StringIO()
    chart.save(drawn, format="svg")
    write_text(path, drawn.getvalue())


def _chart(name: str, table: pl.DataFrame, runs: pl.DataFrame) -> alt.LayerChart | alt.FacetChart:
    arms = table.with_columns(pl.selectors.float() * 100)
    y = alt.Y("arm:N", sort=arms["arm"].to_list(), title=None, axis=alt.Axis(grid=True))
    x = alt.X("mean_class_accuracy:Q", title="mean class accuracy, %", scale=alt.Scale(zero=False))
    marks = _marks(arms, runs)
    kinds = [kind for kind in KINDS if kind in set(marks["kind"])]

    def by_kind(column: int) -> dict[str, Any]:
        values = [KINDS[kind][column] for kind in kinds]
        legend = alt.Legend(title=None, orient="top")
        return {"scale": alt.Scale(domain=kinds, range=values), "legend": legend}

    points = alt.Chart(marks).mark_point(filled=True, opacity=0.9)
    intervals = alt.Chart(arms.filter(pl.col("low_over_seeds").is_not_null()))
    meaning = f"Bars: {100 * LEVEL:g} % t interval of the mean over seeds"
    title = alt.Title(
        f"Ablation of {name}",
        subtitle=meaning if arms["low_over_seeds"].is_not_null().any() else "One seed",
        anchor="start",
    )
    return alt.layer(
        intervals.mark_rule(color=BLUE, strokeWidth=2, opacity=0.5).encode(
            x=alt.X("low_over_seeds:Q"), x2="high_over_seeds:Q", y=y
        ),
        points.encode(
            x=x,
            y=y,
            shape=alt.Shape("kind:N", **by_kind(0)),
            color=alt.Color("kind:N", **by_kind(1)),
            size=alt.Size("kind:N", **by_kind(2)),
        ),
    ).properties(width=460, height=alt.Step(30), title=title)


def _marks(arms: pl.DataFrame, runs: pl.DataFrame) -> pl.DataFrame:
    """One row per point of the plot: arm, accuracy in per cent, and which of `KINDS` it is."""
    seed, mean, paper = (pl.lit(kind) for kind in KINDS)
    return pl.concat(
        [
            runs.select("arm", pl.col("mean_class_accuracy") * 100, kind=seed),
            arms.select("arm", "mean_class_accuracy", kind=mean),
            arms.select("arm", mean_class_accuracy="paper", kind=paper).drop_nulls(),
        ]
    )
