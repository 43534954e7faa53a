"""Charts of `sjft inspect --plot`: drawn by altair, without a browser."""

from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import altair as alt

from sjft.storage.files import write_bytes, write_text
from sjft.storage.inspection import Plot

# Okabe and Ito's: told apart by colour-blind people, and in grey.
COLOURS = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00"]
WIDTH, HEIGHT = 460, 300


def draw(plot: Plot, output: Path) -> None:
    """Write a plot as PNG or SVG, as the file's name says, atomically; raises `UserError`."""
    with alt.data_transformers.enable("default", max_rows=None):
        if output.suffix.lower() == ".svg":
            drawn = StringIO()
            _chart(plot).save(drawn, format="svg")
            write_text(output, drawn.getvalue())
        else:
            painted = BytesIO()
            _chart(plot).save(painted, format="png", scale_factor=2)
            write_bytes(output, painted.getvalue())


def _chart(plot: Plot) -> Any:
    (x, x_title), (y, y_title) = plot.x, plot.y
    data = alt.InlineData(values=[dict(row) for row in plot.rows])
    scale = alt.Scale(zero=plot.mark != "point")
    along: Any = alt.X(f"{x}:Q", title=x_title)
    up: Any = alt.Y(f"{y}:Q", title=y_title)
    size: dict[str, Any] = {"height": HEIGHT}
    if plot.discrete:  # names read from left to right
        along = alt.X(f"{y}:Q", title=y_title, scale=scale)
        up = alt.Y(f"{x}:N", title=x_title, sort=None)
        size = {"height": alt.Step(18)}
    encoded: dict[str, Any] = {"x": along, "y": up}
    if plot.colour is not None:
        colours = alt.Scale(range=COLOURS)
        encoded["color"] = alt.Color(f"{plot.colour}:N", scale=colours)
        if plot.mark == "line":
            encoded["strokeDash"] = alt.StrokeDash(f"{plot.colour}:N")
    chart = alt.Chart(data)
    drawn: Any = _marked(chart, plot).encode(**encoded)
    if plot.band is not None:
        low, high = plot.band
        band = chart.mark_area(opacity=0.25, color=COLOURS[0]).encode(
            x=along, y=alt.Y(f"{low}:Q", title=y_title), y2=f"{high}:Q"
        )
        drawn = alt.layer(band, drawn)
    return drawn.properties(title=alt.Title(plot.title, anchor="start"), width=WIDTH, **size)


def _marked(chart: alt.Chart, plot: Plot) -> Any:
    options: dict[str, Any] = {} if plot.colour is not None else {"color": COLOURS[0]}
    if plot.mark == "line":
        return chart.mark_line(point=len(plot.rows) < 40, **options)
    if plot.mark == "point":
        return chart.mark_point(filled=True, size=70, **options)
    if not plot.discrete:
        options["size"] = max(1.0, 0.9 * WIDTH / max(1, len(plot.rows)))
    return chart.mark_bar(**options)
