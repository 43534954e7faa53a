"""Tables in Markdown, narrow and in columns."""

import re
from html import unescape

import pytest

from sjft.reports.report_page.rendered import rendered
from sjft.storage.markdown import aligned, cell, table


def test_a_table_has_its_head_first_and_a_line_a_row() -> None:
    found = table([("what", "figure"), ("images", 12), ("seconds", 0.5)])
    assert found == ["| what | figure |", "| --- | --- |", "| images | 12 |", "| seconds | 0.5 |"]
    assert table([["alone"]]) == ["| alone |", "| --- |"]


def test_columns_are_as_broad_as_their_broadest_cell() -> None:
    assert aligned([["a", "head"], ["longer", ""]]) == [
        "| a      | head |",
        "| ------ | ---- |",
        "| longer |      |",
    ]


@pytest.mark.parametrize(
    "name",
    [
        *("*star*", "_u_", "__init__", "`code` x", "[l](http://x.y)", "![i](j)", "a|b", "\\*"),
        *("<b>x</b>", "&amp;", "a &lt; b", "R&D", "~~no~~", "n_", "# x", "1. x", "**", "\\"),
    ],
)
def test_a_name_in_a_cell_is_shown_as_it_is(name: str) -> None:
    shown = re.search("<td>(.*?)</td>", rendered("\n".join(table([["class"], [cell(name)]]))))
    assert shown and unescape(shown[1]) == name


def test_usual_names_are_read_in_the_text_as_they_are() -> None:
    for name in ("half_disc", "n01440764", "R&D", "tench, Tinca tinca", "a~b", "Grün (hell)"):
        assert cell(name) == name
