"""Charts as SVG, drawn without a browser: told apart in print, and by those who see no colours."""

import json
import re
from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any

import altair as alt
import polars as pl

from sjft.reports.names import visible
from sjft.reports.report_page.blocks import Chart

# Okabe and Ito's, the light ones last; lines differ by their dashes too, points by their shapes.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#000000", "#56b4e9", "#e69f00")
DASHES = ([1, 0], [7, 3], [2, 2], [9, 3, 2, 3], [4, 1], [1, 3], [12, 4])
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "stroke")
CURVES = len(COLOURS)  # runs that a chart can tell apart
BLUE = COLOURS[0]
# A reader's letters may be broader than those that the drawing was measured with.
ROOM = {"titlePadding": 8}
MOST_TICKS = 6  # labels at the ends of an axis stand closer to the others than its marks
POINT, LINE = 100, 900  # size of a legend's sign; a line's is as long as its dashes need
_NUMBERED = re.compile(r"\b(gradient_|clip)\d+\b")


def drawn(chart: Any, title: str, meaning: str) -> Chart:
    """An altair chart as a block of the page."""
    text = StringIO()
    chart.configure(font="sans-serif", background="white").configure_axis(
        labelFontSize=12, titleFontSize=12, **ROOM
    ).configure_legend(labelFontSize=12, titleFontSize=12).configure_header(labelFontSize=12).save(
        text, format="svg"
    )
    return Chart(title, _numbered_anew(text.getvalue()), meaning)


def _numbered_anew(svg: str) -> str:
    """A drawing whose own names begin with 0, whatever the process has drawn before it."""
    places: dict[str, int] = {}
    return _NUMBERED.sub(lambda name: f"{name[1]}{places.setdefault(name[0], len(places))}", svg)


def by_name(
    column: str, names: Sequence[str], ranges: Sequence[Any], size: int = POINT
) -> dict[str, Any]:
    """The arguments of a scale that gives each name its own of the ``ranges``, in turn.

    ``size`` is that of the signs in its legend.
    """
    some = [ranges[place % len(ranges)] for place in range(len(names))]
    return {
        "shorthand": f"{column}:N",
        "scale": alt.Scale(domain=list(names), range=some),
        "legend": alt.Legend(
            title=None,
            orient="top",
            columns=2,
            columnPadding=36,
            labelLimit=260,
            symbolSize=size,
        ),
    }


def _whole(span: int) -> alt.Axis:
    """The axis of numbers of images over a ``span`` of so many: there are no half ones."""
    return alt.Axis(tickCount=max(1, min(span, MOST_TICKS)), tickMinStep=1, format=",d")


def curves(table: pl.DataFrame, x: str, y: str, title: str, meaning: str) -> Chart:
    """Lines over ``x``, one for each value of the column `run`, in the order of the rows.

    Of a run with a single row the line is a point.
    """
    names = table["run"].unique(maintain_order=True).to_list()
    lines = (
        alt.Chart(table)
        .mark_line(strokeWidth=2, point=bool(table.group_by("run").len()["len"].min() == 1))
        .encode(
            x=alt.X(f"{x}:Q", axis=alt.Axis(tickCount=8)),
            y=alt.Y(f"{y}:Q", scale=alt.Scale(zero=False)),
            color=alt.Color(**by_name("run", names, COLOURS, LINE)),
            strokeDash=alt.StrokeDash(**by_name("run", names, DASHES, LINE)),
        )
    )
    return drawn(lines.properties(width=440, height=210), title, meaning)


def band(table: pl.DataFrame, x: str, title: str, meaning: str) -> Chart:
    """A line of the column `median`, in a band from `low` to `high`; of one row, a point."""
    is_one = len(table) == 1
    base = alt.Chart(table).encode(x=alt.X(f"{x}:Q", scale=alt.Scale(type="log", nice=False)))
    y = alt.Y("low:Q", title="divergence, nat", scale=alt.Scale(zero=False))
    spread = base.mark_rule(color=BLUE) if is_one else base.mark_area(color=BLUE, opacity=0.25)
    area = spread.encode(y=y, y2="high:Q")
    line = base.mark_line(color=BLUE, strokeWidth=2.5, point=is_one).encode(y="median:Q")
    return drawn((area + line).properties(width=440, height=210), title, meaning)


def levels(
    columns: pl.DataFrame,
    stripes: pl.DataFrame,
    labels: Mapping[int, str],
    title: str,
    meaning: str,
) -> Chart:
    """Shares in per cent over levels (columns `from`, `to`, `share`), with bins as `stripes`.

    ``labels`` names the response at some of the levels.
    """
    span = alt.Scale(domain=[int(stripes["from"][0]), int(stripes["to"][-1])], nice=False)
    axis = alt.Axis(
        values=list(labels),
        labelExpr=f"{json.dumps(labels)}[datum.value]",
        labelFlush=True,
        grid=False,
    )
    top = 1.05 * float(columns["share"].max())  # type: ignore[arg-type]
    # Every second bin is grey, and a line stands at each edge: narrow bins are seen by both.
    banded = stripes.with_row_index("bin").with_columns(second=pl.col("bin") % 2 == 1)
    x = alt.X("from:Q", scale=span, title="response", axis=axis)
    bins = (
        alt.Chart(banded)
        .mark_rect(stroke="#8a8a8a", strokeWidth=0.4)
        .encode(
            x=x,
            x2="to:Q",
            color=alt.Color(
                "second:N",
                scale=alt.Scale(domain=[False, True], range=["#ffffff", "#dcdcdc"]),
                legend=None,
            ),
        )
    )
    shares = (
        alt.Chart(columns)
        .mark_rect(color=BLUE, opacity=0.85)
        .encode(
            x=x,
            x2="to:Q",
            y=alt.Y(
                "share:Q", title="% of the responses", scale=alt.Scale(domain=[0, top], nice=False)
            ),
            y2=alt.datum(0),
        )
    )
    return drawn((bins + shares).properties(width=520, height=170), title, meaning)


def bars(table: pl.DataFrame, name: str, value: str, title: str, meaning: str) -> Chart:
    """One bar a row, in the order of the rows."""
    table = _visible(table, name)
    order = table[name].to_list()
    chart = (
        alt.Chart(table)
        .mark_bar(color=BLUE)
        .encode(
            x=alt.X(f"{value}:Q", axis=_whole(int(table[value].to_numpy().max()))),
            y=alt.Y(f"{name}:N", sort=order, title=None, axis=alt.Axis(labelLimit=200)),
        )
    )
    return drawn(chart.properties(width=330, height=alt.Step(17)), title, meaning)


def _visible(table: pl.DataFrame, name: str) -> pl.DataFrame:
    """A drawing's labels are texts of their own: nothing stands beside them that would turn."""
    return table.with_columns(pl.Series(name, list(map(visible, table[name])), pl.String))


def dots(table: pl.DataFrame, name: str, value: str, title: str, meaning: str) -> Chart:
    """A point for each row's ``value``, in the line of its ``name``, by the column `run`."""
    table = _visible(table, name)
    runs = table["run"].unique(maintain_order=True).to_list()
    order = table[name].unique(maintain_order=True).to_list()
    chart = (
        alt.Chart(table)
        .mark_point(filled=True, size=70, opacity=0.85)
        .encode(
            x=alt.X(f"{value}:Q", scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=MOST_TICKS)),
            y=alt.Y(f"{name}:N", sort=order, title=None, axis=alt.Axis(grid=True, labelLimit=200)),
            color=alt.Color(**by_name("run", runs, COLOURS)),
            shape=alt.Shape(**by_name("run", runs, SHAPES)),
        )
    )
    return drawn(chart.properties(width=330, height=alt.Step(17)), title, meaning)


def growth(table: pl.DataFrame, title: str, meaning: str) -> Chart:
    """How many target images have which K (columns `round`, `K`, `images`), round below round."""
    k, most = table["K"].to_numpy(), int(table["images"].to_numpy().max())
    chart = (
        alt.Chart(table)
        .mark_bar(color=BLUE, size=14)
        .encode(
            x=alt.X(
                "K:Q",
                title="K, neighbours of a target image",
                scale=alt.Scale(zero=False, padding=14),
                axis=_whole(int(k.max() - k.min())),
            ),
            y=alt.Y("images:Q", title="images", axis=_whole(min(4, most))),
            row=alt.Row(
                "round:N", title=None, header=alt.Header(labelOrient="top", labelAnchor="start")
            ),
        )
    )
    return drawn(chart.properties(width=440, height=90), title, meaning)


def reliability(table: pl.DataFrame, title: str, meaning: str) -> Chart:
    """Accuracy over confidence (columns of calibration's bins), and the diagonal."""
    unit, few = alt.Scale(domain=[0, 1]), alt.Axis(tickCount=MOST_TICKS)
    points = (
        alt.Chart(table)
        .mark_point(filled=True, color=BLUE, opacity=0.9)
        .encode(
            x=alt.X("confidence:Q", scale=unit, title="mean confidence", axis=few),
            y=alt.Y("accuracy:Q", scale=unit, title="share that is right", axis=few),
            size=alt.Size(
                "images:Q", scale=alt.Scale(range=[40, 400]), legend=alt.Legend(orient="top")
            ),
        )
    )
    ends = pl.DataFrame({"confidence": [0.0, 1.0], "accuracy": [0.0, 1.0]})
    diagonal = (
        alt.Chart(ends)
        .mark_line(color="#555", strokeDash=[5, 4])
        .encode(x="confidence:Q", y="accuracy:Q")
    )
    return drawn((diagonal + points).properties(width=300, height=300), title, meaning)
