"""The page's galleries: whom they show, what each round borrowed, and random images beside it."""

from dataclasses import replace
from pathlib import Path

from reported import write_reported

from sjft.reports.report_page.blocks import Gallery, Text
from sjft.reports.report_page.galleries_section import FIRST, GROWN, RANDOM, TARGETS, galleries
from sjft.retrieval.neighbours import read_neighbours
from sjft.selection.subset import read_targets


def test_each_round_shows_what_it_added_beside_random_images(tmp_path: Path) -> None:
    inputs, folders = write_reported(tmp_path)
    page = tmp_path / "report/index.html"
    told, *shown = galleries(inputs, folders, "selective", page).blocks
    assert isinstance(told, Text) and "10 of 12 target images" in told.text
    assert len(shown) == TARGETS
    assert inputs.ranking is not None
    ranking = read_neighbours(inputs.ranking)
    by_round = [read_targets(of_round.targets) for of_round in inputs.runs[0].rounds]
    paths = by_round[0]["path"].to_list()
    grew = 0
    for gallery in shown:
        assert isinstance(gallery, Gallery)
        row = paths.index(gallery.title.partition(": ")[2])
        first, second = (int(table["neighbours"][row]) for table in by_round)
        *rounds, (caption, at_random) = gallery.rows
        assert caption.startswith("Random") and len(at_random) == RANDOM
        assert [len(images) for _, images in rounds[:1]] == [min(FIRST, first)]
        nearest = rounds[0][1][0].told
        assert nearest.startswith(f"1. {ranking.divergences[row, 0]:.3g} nat; thing <b>")
        assert len(rounds) == 1 + (second > first)
        if second > first:
            grew += 1
            assert f"K grew from {first} to {second}" in rounds[1][0]
            assert rounds[1][1][0].told.startswith(f"{first + 1}. ")
            assert len(rounds[1][1]) == min(GROWN, second - first)
    assert 0 < grew < TARGETS or all(by_round[1]["neighbours"] > by_round[0]["neighbours"])


def test_they_lead_to_the_explorer_where_it_is_and_are_left_out_where_nothing_is_borrowed(
    tmp_path: Path,
) -> None:
    inputs, folders = write_reported(tmp_path)
    page = tmp_path / "report/index.html"
    inputs.optional["explorer"].parent.mkdir()
    inputs.optional["explorer"].write_text("")
    _, first, *_ = galleries(inputs, folders, "selective", page).blocks
    assert isinstance(first, Gallery)
    assert first.link.startswith("../explorer/index.html#/targets/pets%20%26%20%3Cmore%3E%2F")
    alone = replace(inputs, runs=[replace(run, borrows=False) for run in inputs.runs])
    (said,) = galleries(alone, folders, "selective", page).blocks
    assert isinstance(said, Text) and said.text.startswith("No arm")
