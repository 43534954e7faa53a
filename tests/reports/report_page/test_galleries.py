"""The page's galleries: whom they show, what each round borrowed, and random images beside it."""

from dataclasses import replace
from pathlib import Path

from explored import Explored
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
    ranking = read_neighbours(inputs.retrievals[0].ranking)
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
    assert f"; {grew} are among the " in told.text
    assert 0 < grew < TARGETS or all(by_round[1]["neighbours"] > by_round[0]["neighbours"])


def test_of_another_retrieval_what_it_finds_near_the_same_image_stands_below(
    tmp_path: Path,
) -> None:
    inputs, folders = write_reported(tmp_path, Explored(retrievals=("first", "second")))
    page = tmp_path / "report/index.html"
    iterated, alone, gabor = inputs.runs
    same = replace(iterated, arm="k100")
    runs = [iterated, alone, gabor, same, replace(iterated, seed=1)]
    inputs = replace(inputs, runs=runs)
    told, below, others, *shown = galleries(inputs, folders, "selective", page).blocks
    assert isinstance(below, Text) and isinstance(others, Text)
    assert "selective, seed 0 by the retrieval `first`" in below.text
    assert "gabor, seed 0 by the retrieval `second`" in below.text
    assert others.text.startswith("k100: the same order of source images as selective, seed 0")
    rankings = {of.name: read_neighbours(of.ranking) for of in inputs.retrievals}
    paths = read_targets(gabor.rounds[0].targets)["path"].to_list()
    for gallery in shown:
        assert isinstance(gallery, Gallery)
        row = paths.index(gallery.title.partition(": ")[2])
        for arm, name in (("selective", "first"), ("gabor", "second")):
            (nearest,) = (
                images[0].told
                for caption, images in gallery.rows
                if caption.startswith(f"{arm}, by {name}. Round 0: K = ")
            )
            assert nearest.startswith(f"1. {rankings[name].divergences[row, 0]:.3g} nat")
    # The published arm's retrieval is the first, and one that nothing borrows by is not shown.
    _, below, *_ = galleries(inputs, folders, "gabor", page).blocks
    assert isinstance(below, Text) and "same image: gabor, seed 0 by the retrieval" in below.text
    alone_by = replace(inputs, runs=[alone, gabor])
    told, first, *_ = galleries(alone_by, folders, "fine-tune", page).blocks
    assert isinstance(told, Text) and told.text.startswith("gabor, seed 0: 10 of 12")
    assert isinstance(first, Gallery) and first.rows[0][0].startswith("Round 0: K = ")


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
    alone = replace(inputs, runs=[replace(run, retrieval=None) for run in inputs.runs])
    (said,) = galleries(alone, folders, "selective", page).blocks
    assert isinstance(said, Text) and said.text.startswith("No arm")
