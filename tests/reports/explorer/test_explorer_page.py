"""The explorer in a browser, at the width of a desk and of a phone."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from browser import Watched, browser, on_paper
from explored import Explored, write_explored

from sjft.reports.explorer.write import write_explorer
from sjft.settings.explorer import ExplorerSettings

pytestmark = pytest.mark.slow  # a browser is started, and looks at each view
SETTINGS = ExplorerSettings(neighbours=30, explained=4, thumbnails=70)
SIZE = Explored(targets=50, sources=100, kept=40, initial_neighbours=12)


@pytest.fixture(scope="module")
def chrome() -> Iterator[Any]:
    with browser() as running:
        yield running


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, chrome: Any) -> Path:
    folder = tmp_path_factory.mktemp("explored")
    inputs, images = write_explored(folder, SIZE)
    write_explorer(inputs, images, SETTINGS, folder / "explorer", 1)
    return folder / "explorer" / "index.html"


@pytest.mark.parametrize(("width", "scheme"), [("desktop", "light"), ("phone", "dark")])
def test_every_view_is_whole_and_accessible(
    chrome: Any, page: Path, width: str, scheme: str
) -> None:
    watched = Watched(chrome, width, scheme)
    watched.open(page)
    seen = watched.page
    seen.wait_for_selector("#detail .card")
    watched.check("target images")
    watched.check_accessibility("target images")
    seen.click("#detail .card >> nth=0")
    seen.wait_for_selector("#dialog h3")
    assert "channel" in seen.inner_text("#dialog")
    watched.check("a pair")
    watched.check_accessibility("a pair")
    seen.keyboard.press("Escape")
    assert not seen.is_visible("#dialog")
    seen.click("text=Show all 30")
    watched.check("all neighbours")
    for title, sign in (
        ("Most borrowed", "source images are used in this round"),
        ("Classes", "Source classes that give most"),
        ("About this page", "of these, the others by name"),
    ):
        seen.click(f"nav >> text={title}")
        seen.wait_for_selector(f"main >> text={sign}")
        watched.check(title)
        watched.check_accessibility(title)


def test_what_is_shown_follows_the_round_and_the_filters(chrome: Any, page: Path) -> None:
    watched = Watched(chrome, "desktop")
    watched.open(page)
    seen = watched.page
    seen.wait_for_selector("#detail .card.used")
    names = seen.locator("#round option").all_inner_texts()
    assert names == [
        *("selective, seed 0, round 0 (first)", "selective, seed 0, round 1 (first)"),
        *("gabor, seed 0, round 0 (second)", "gabor, seed 0, round 1 (second)"),
    ]
    assert seen.locator("#round").input_value() == "1", "the published arm's last round"
    seen.select_option("#round", "0")
    seen.wait_for_selector("text=12 of the 30 listed are used in this round (K = 12)")
    near = seen.inner_text("#detail ol")
    seen.select_option("#round", "2")
    seen.wait_for_selector("text=by the retrieval second (filter bank ")
    assert seen.inner_text("#detail ol") != near, "another bank has other neighbours"
    seen.select_option("text=After the round", "wrong")
    entries = seen.locator("#list small").all_inner_texts()
    assert entries and all("wrong" in entry for entry in entries)
    seen.fill("input[type=search]", "/4")
    paths = seen.locator("#list a").all_inner_texts()
    assert paths and all(path.startswith("4") for path in paths)
    seen.fill("input[type=search]", "no such name")
    assert "No target image is like this." in seen.inner_text("#list")
    watched.check("filters")


def test_it_is_used_by_keys_alone_and_the_address_leads_back(chrome: Any, page: Path) -> None:
    watched = Watched(chrome, "desktop")
    watched.open(page)
    seen = watched.page
    seen.wait_for_selector("#detail .card")
    seen.focus("#list a >> nth=0")
    for key in ("ArrowDown", "ArrowDown", "ArrowUp", "Enter"):
        seen.keyboard.press(key)
    seen.wait_for_selector("#detail h2:text-is('1.png')")
    assert seen.evaluate("location.hash") == "#1/targets/1"
    assert seen.get_attribute("#list a >> nth=1", "aria-current") == "true"
    assert seen.evaluate("document.activeElement.getAttribute('href')") == "#1/targets/1"
    seen.focus("#detail .card >> nth=0")
    seen.keyboard.press("Enter")
    seen.wait_for_selector("#dialog ul .card")
    seen.keyboard.press("Escape")
    assert seen.evaluate("document.activeElement.classList.contains('card')")
    seen.go_back()
    seen.wait_for_selector("#detail h2:text-is('0.png')")
    # Another page knows an image's path alone, and no number of the round.
    path = seen.evaluate("Explorer.index.targets.path[2]")
    seen.evaluate("path => { location.hash = `#/targets/${encodeURIComponent(path)}`; }", path)
    seen.wait_for_selector("#detail h2:text-is('2.png')")
    assert seen.evaluate("location.hash") == "#1/targets/2"
    seen.evaluate("location.hash = '#/targets/gone.png'")
    seen.wait_for_selector("#lost:text-is('gone.png is not among the images of this page')")
    watched.check("keys")


def test_who_borrows_a_source_image_leads_to_that_target_image(chrome: Any, page: Path) -> None:
    watched = Watched(chrome, "desktop")
    watched.open(page)
    seen = watched.page
    seen.wait_for_selector("#detail .card")
    seen.click("nav >> text=Most borrowed")
    seen.wait_for_selector("h2:text('The most borrowed source images')")
    first = seen.locator("main .card >> nth=0")
    borrowed_by = int(first.locator(".mark").inner_text().split()[1])
    first.click()
    seen.wait_for_selector("#dialog ul .card")
    # Lists are cut: some borrow it at a rank that is not listed.
    assert 0 < seen.locator("#dialog ul .card").count() <= borrowed_by
    path = seen.locator("#dialog ul .card .unseen >> nth=0").inner_text()
    seen.click("#dialog ul .card >> nth=0")
    seen.wait_for_selector(f"#detail h2:text-is('{Path(path).name}')")
    assert not seen.is_visible("#dialog")
    watched.check("the target image")


def test_a_file_that_was_not_copied_is_named(chrome: Any, page: Path, tmp_path: Path) -> None:
    part = tmp_path / "part"
    for file in page.parent.rglob("*.*"):
        if file.name != "targets-0000.js":
            copy = part / file.relative_to(page.parent)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(file.read_bytes())
    watched = Watched(chrome, "desktop")
    watched.open(part / "index.html")
    watched.page.wait_for_selector("[role=alert]")
    told = watched.page.inner_text("[role=alert]")
    assert told == (
        "data/targets-0000.js cannot be loaded. Copy the whole folder, or make it again."
    )


def test_in_print_the_image_with_its_neighbours_stands_alone_and_is_light(
    chrome: Any, page: Path
) -> None:
    watched = on_paper(chrome, page)
    seen = watched.page
    seen.wait_for_selector("#detail .card")
    seen.emulate_media(media="print")
    paper = seen.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == "rgb(255, 255, 255)", "also where the screen is dark"
    for hidden in ("nav", "[role=search]", "text=Show all 30"):
        assert not seen.locator(hidden).is_visible(), hidden
    box = seen.locator("#detail").bounding_box()
    assert box["width"] > 600, "all of the paper is its own"
    assert seen.locator("#detail .card").count() == 24 + 12
    watched.check("print")


def test_names_do_not_turn_lines_around_and_lead_to_their_files(
    chrome: Any, tmp_path: Path
) -> None:
    inputs, images = write_explored(tmp_path, replace(SIZE, called="\u202eא"))
    write_explorer(inputs, images, SETTINGS, tmp_path / "explorer", 1)
    watched = Watched(chrome, "desktop")
    watched.open(tmp_path / "explorer" / "index.html")
    seen = watched.page
    seen.wait_for_selector("#detail .card")
    pet, thing = (f"\u2068\\u202eא{name} <b>" for name in ("pet", "thing"))
    assert f"{pet}0</b>\u2069, " in seen.inner_text("#list small >> nth=0")
    assert re.search(r"\b[1-9]\d* of the 30 listed are used", seen.inner_text("#detail"))
    shown = [seen.inner_text("body")]
    seen.click("#detail .card >> nth=0")
    seen.wait_for_selector("#dialog h3")
    assert f"Neighbour 1: {thing}" in seen.inner_text("#dialog-title")
    files = seen.eval_on_selector_all("#dialog a", "links => links.map((link) => link.href)")
    assert len(files) == 2 and all(Path(unquote(urlsplit(f).path)).is_file() for f in files)
    seen.keyboard.press("Escape")
    for title in ("Most borrowed", "Classes"):
        seen.click(f"nav >> text={title}")
        seen.wait_for_selector(f"main h2 >> text={title.lower().split()[-1]}")
        shown.append(seen.inner_text("body"))
    assert all("\u202e" not in text and thing in text for text in shown)
    watched.check("names")
