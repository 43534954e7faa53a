"""Drawings: nothing that there is one of is invisible, and images are counted in whole numbers."""

import re

import polars as pl

from sjft.reports.report_page import charts


def test_a_run_with_a_single_row_is_a_point_and_one_with_more_a_line() -> None:
    one = pl.DataFrame({"run": ["a", "b"], "update": [2, 2], "loss": [0.5, 0.75]})
    drawn = charts.curves(one, "update", "loss", "Loss", "").svg
    assert drawn.count('aria-roledescription="point"') == 2
    two = pl.DataFrame({"run": ["a", "a"], "update": [2, 4], "loss": [0.5, 0.75]})
    assert 'aria-roledescription="point"' not in charts.curves(two, "update", "loss", "", "").svg


def test_a_band_of_one_rank_is_a_point_on_a_rule() -> None:
    one = pl.DataFrame({"rank": [1], "low": [0.1], "median": [0.2], "high": [0.4]})
    drawn = charts.band(one, "rank", "Near", "").svg
    assert drawn.count('aria-roledescription="point"') == 1 and "mark-rule" in drawn
    two = pl.concat([one, one.with_columns(rank=pl.lit(2, pl.Int64))])
    assert 'aria-roledescription="point"' not in charts.band(two, "rank", "Near", "").svg


def test_images_are_counted_in_whole_numbers() -> None:
    table = pl.DataFrame({"class_name": ["s", "t"], "images": [2, 1]})
    drawn = charts.bars(table, "class_name", "images", "Most", "").svg
    assert re.findall(r">(\d+(?:\.\d+)?)</text>", drawn) == ["0", "1", "2"]
    growth = pl.DataFrame({"K": [1, 2], "images": [1, 2], "round": ["round 0", "round 0"]})
    assert not re.findall(r">\d+\.\d+</text>", charts.growth(growth, "K", "").svg)
