"""One target image's neighbours, as text, JSON and page."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from browser import Watched, browser
from explored import Explored, write_explored

from sjft.data.location import ImageFolders
from sjft.data.table import read_images
from sjft.errors import UserError
from sjft.reports.explorer.inputs import ExplorerInputs
from sjft.reports.explorer.write import write_explorer
from sjft.reports.neighbour_list import list_neighbours, page_of
from sjft.retrieval.neighbours import read_neighbours
from sjft.settings.explorer import ExplorerSettings

SIZE = Explored(targets=12, sources=40, kept=10, initial_neighbours=3)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[ExplorerInputs, ImageFolders]:
    return write_explored(tmp_path_factory.mktemp("explored"), SIZE)


def test_the_nearest_are_the_ranking_s(made: tuple[ExplorerInputs, ImageFolders]) -> None:
    inputs, _ = made
    listed = list_neighbours(inputs, inputs.rounds[0], "pets & <more>/7.png", 5)
    ranking = read_neighbours(inputs.retrievals[0].ranking)
    sources = read_images(inputs.source_images["things"])
    own = ranking.sources[7, :5].tolist()
    assert [one.path for one in listed.nearest] == [sources["path"][n] for n in own]
    assert [one.class_name for one in listed.nearest] == [sources["class_name"][n] for n in own]
    told = [one.divergence for one in listed.nearest]
    assert told == pytest.approx(ranking.divergences[7, :5].tolist(), rel=1e-5)
    assert [one.used for one in listed.nearest] == [True, True, True, False, False]
    assert (listed.neighbours, listed.on_file, listed.class_name) == (3, 10, "pet <b>1</b>")
    assert listed.values()["nearest"][4]["rank"] == 5
    first, _, head, *rows = listed.text().splitlines()
    assert "K = 3 in selective-0, round 0" in first
    assert head.split() == ["rank", "divergence", "used", "class", "path"]
    assert [row.split()[2] for row in rows] == ["yes"] * 3 + ["no"] * 2


def test_before_the_round_is_there_the_ranking_alone_is_told(
    made: tuple[ExplorerInputs, ImageFolders],
) -> None:
    inputs, _ = made
    later = replace(inputs.rounds[0], subset=Path("not/there.csv"))
    listed = list_neighbours(inputs, later, "/7.png", 2)
    assert listed.neighbours is None and {one.used for one in listed.nearest} == {None}
    assert "not selected yet" in listed.text()


@pytest.mark.parametrize(
    ("image", "message"),
    [
        ("more>/", r"is a part of 12 target images' paths: .*, \.\.\.\. Give more of it"),
        ("pets & <more>/77.png", r"no training image of the target\. Did you mean 'pets"),
        ("elsewhere/entirely/7.pgn", r"Did you mean 'pets & <more>/7\.png'"),
        ("zzz", r"There are 'pets & <more>/0\.png', "),
        ("test/1.png", r"test/1\.png: is held out \(test\); training images alone"),
    ],
)
def test_a_name_that_is_none_s_or_several_s(
    made: tuple[ExplorerInputs, ImageFolders], image: str, message: str
) -> None:
    inputs, _ = made
    with pytest.raises(UserError, match=message):
        list_neighbours(inputs, inputs.rounds[0], image, 5)


def test_a_path_that_is_a_part_of_another_s_means_itself(
    made: tuple[ExplorerInputs, ImageFolders],
) -> None:
    inputs, _ = made
    assert list_neighbours(inputs, inputs.rounds[0], "pets & <more>/1.png", 1).path.endswith(
        "/1.png"
    )


def test_the_page_has_all_images_inside_it(
    made: tuple[ExplorerInputs, ImageFolders],
) -> None:
    inputs, images = made
    listed = list_neighbours(inputs, inputs.rounds[0], "/7.png", 5)
    page = page_of(listed, images, Path("not/made.html"))
    assert page.count("data:image/jpeg;base64,") == 6
    assert not re.search(r'(src|href)="(?!data:)', page)
    assert "<code>first</code>" in page and "things: " not in page
    assert "its K nearest, is marked" in page
    unknown = replace(listed, neighbours=None)
    assert "is marked" not in page_of(unknown, images, Path("not/made.html"))
    other = replace(listed.nearest[0], source="more & things")
    two = replace(listed, nearest=[other, *listed.nearest[1:]])
    images_of_two = replace(images, sources=dict.fromkeys(["things", other.source], images.target))
    assert "more &amp; things: things" in page_of(two, images_of_two, Path("not/made.html"))
    assert "<more>" not in page and "pets &amp; &lt;more&gt;/7.png" in page
    gone = replace(images, sources={"things": Path("not/there")})
    assert page_of(listed, gone, Path("not/made.html")).count("cannot be read") == 5


def test_names_neither_turn_lines_around_nor_command_the_terminal(
    made: tuple[ExplorerInputs, ImageFolders],
) -> None:
    inputs, images = made
    listed = list_neighbours(inputs, inputs.rounds[0], "/7.png", 2)
    first, *others = listed.nearest
    odd = replace(first, class_name="א\u202e\x1b[2Jx")
    renamed = replace(listed, class_name="a`b\u202e", nearest=[odd, *others])
    text = renamed.text()
    assert "(a`b\\u202e): 2 nearest of 10" in text and "א\\u202e\\x1b[2Jx  things" in text
    assert "\u202e" not in text and "\x1b" not in text
    page = page_of(renamed, images, Path("not/made.html"))
    assert "\u202e" not in page and "\u2068א\\u202e" in page
    assert "(a`b\\u202e): 2 nearest" in page and "<code>first</code>" in page


@pytest.mark.slow
def test_the_page_is_whole_in_a_browser_and_leads_to_the_explorer_where_that_is_made(
    made: tuple[ExplorerInputs, ImageFolders], tmp_path: Path
) -> None:
    inputs, images = made
    listed = list_neighbours(inputs, inputs.rounds[0], "/7.png", 10)
    page, explorer = tmp_path / "page.html", tmp_path / "a folder/index.html"
    with browser() as chrome:
        write_explorer(inputs, images, ExplorerSettings(), explorer.parent, 1)
        for width, scheme in (("desktop", "light"), ("phone", "dark")):
            page.write_text(page_of(listed, images, Path("not/made.html")))
            watched = Watched(chrome, width, scheme)
            watched.open(page)
            seen = watched.page
            assert seen.locator("h1").inner_text() == listed.path == "pets & <more>/7.png"
            assert seen.locator("li").count() == 10 and seen.locator("li.used").count() == 3
            assert seen.locator("img").count() == 11 and not seen.locator("a").count()
            watched.check(width)
            watched.check_accessibility(width)
            page.write_text(page_of(listed, images, explorer))
            watched.open(page)
            watched.check_accessibility(f"{width}, with the link")
            seen.click("a:has-text('in the explorer')")
            seen.wait_for_selector("#detail .card")
            assert seen.inner_text("#detail").startswith("7.png\n")
            watched.check(f"{width}, the explorer")
