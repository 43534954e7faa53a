"""The report's page: what it says, what it must not read, and what its parts make of odd input."""

import re
from base64 import b64decode
from dataclasses import replace
from html import unescape
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from explored import Explored
from PIL import Image
from reported import KNOWN, LEFT_OUT, write_reported

from sjft.data.location import ImageFolders
from sjft.data.table import read_images
from sjft.errors import UserError
from sjft.leakage.table import read_leakage, write_leakage
from sjft.reports.report_page import write
from sjft.reports.report_page.blocks import MOST_ROWS, Chart, Table, Text
from sjft.reports.report_page.inputs import ReportInputs
from sjft.reports.report_page.rendered import rendered
from sjft.reports.report_page.thumbnails import Detail
from sjft.reports.report_page.training_sections import _thinned, difficulty
from sjft.reports.report_page.write import _with_code, write_report
from sjft.reports.summary import read_summary
from sjft.storage.files import write_json, write_with_digest

SECTIONS = (
    *("comparison", "data", "leakage", "bins", "retrieval", "galleries", "subset", "learning"),
    *("difficulty", "accuracy", "ablation", "costs", "settings", "card"),
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[ReportInputs, ImageFolders, Path]:
    folder = tmp_path_factory.mktemp("reported")
    inputs, folders = write_reported(folder)
    page = folder / "report/index.html"
    write_report(inputs, folders, KNOWN, page)
    return inputs, folders, page


def test_a_page_too_large_for_snakemakes_report_of_one_file_has_smaller_images_or_is_named(
    made: tuple[ReportInputs, ImageFolders, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    inputs, folders, page = made
    # The images of this page have 60 pixels at most.
    monkeypatch.setattr(write, "DETAILS", (Detail(60, 80), Detail(40, 75), Detail(30, 70)))
    again = tmp_path / "index.html"
    with caplog.at_level("INFO"):
        write_report(inputs, folders, KNOWN, again)
        assert "report.html" not in caplog.text
        assert largest_image(again) == 60
        most = page.stat().st_size - 1000
        monkeypatch.setattr(write, "MOST_BYTES_IN_ONE_FILE", most)
        write_report(inputs, folders, KNOWN, again)
        assert "have 40 pixels at their longer side instead of 60" in caplog.text
        assert "report.zip" not in caplog.text
        assert again.stat().st_size <= most
        assert largest_image(again) == 40
        monkeypatch.setattr(write, "MOST_BYTES_IN_ONE_FILE", 1000)
        write_report(inputs, folders, KNOWN, again)
        assert "Name a report.zip instead" in caplog.text
        assert largest_image(again) == 60


def largest_image(page: Path) -> int:
    """The longest side of all JPEGs in a page, in pixels."""
    found = re.findall(r'"data:image/jpeg;base64,([^"]+)"', page.read_text())
    return max(max(Image.open(BytesIO(b64decode(image))).size) for image in found)


def test_a_number_and_its_per_cent_stay_on_a_line_and_code_as_it_is() -> None:
    assert _with_code("95 % of `a 5 %`, <b>") == "95\u00a0% of <code>a 5 %</code>, &lt;b&gt;"


def test_a_drawing_loses_only_what_nobody_sees() -> None:
    drawing = (
        '<svg width="572"><g role="x" aria-label="axis at 0.123456"><path d="M1.23456,7e-05h0.25" '
        'opacity="0.123"/><text transform="translate(-4.987654,16)">0.00054 &lt;a d="1.23"</text>'
    )
    shown = b64decode(Chart("a", drawing, "").address.partition(",")[2]).decode()
    assert shown == (
        '<svg width="572"><g><path d="M1.2,7e-05h0.2" opacity="0.123"/>'
        '<text transform="translate(-4.9,16)">0.00054 &lt;a d="1.23"</text>'
    )


def section(page: Path, key: str) -> str:
    """A section's text, and nothing of its elements."""
    html = page.read_text().partition(f'<section id="{key}"')[2].partition("</section>")[0]
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))


def test_of_several_retrievals_each_one_s_recall_and_leaks_are_shown(tmp_path: Path) -> None:
    inputs, folders = write_reported(tmp_path, Explored(retrievals=("first", "second")))
    page = tmp_path / "report/index.html"
    write_report(inputs, folders, KNOWN, page)
    recalled = section(page, "retrieval")
    by_second = recalled[recalled.index("by exact, in the retrieval second") :]
    assert "things 10 0.950" in recalled and "things 10 0.850" in by_second
    leaked = section(page, "leakage")
    of_second = "things and held out in pets, by the retrieval second"
    found = leaked[leaked.index(f"Pairs that are in {of_second}, and not above") :]
    held_out = read_images(inputs.datasets[0].images).filter(pl.col("split") == "test")["path"]
    assert held_out[2] in found and held_out[0] not in found
    # One that has found nothing else says so.
    same = replace(inputs.retrievals[1], leakage={"things": tmp_path / "same.csv"})
    write_leakage(tmp_path / "same.csv", read_leakage(tmp_path / "leakage.csv"))
    write_report(replace(inputs, retrievals=[inputs.retrievals[0], same]), folders, KNOWN, page)
    assert "by the retrieval second" in section(page, "leakage")
    assert "none but those above" in section(page, "leakage")
    # Where the experiment's own looks for nothing, the other's are still there.
    alone = replace(inputs, leakage={}, duplicates=None)
    write_report(alone, folders, KNOWN, page)
    leaked = section(page, "leakage")
    assert "Copies of held-out images were not looked for" in leaked
    assert held_out[0] in leaked and held_out[2] in leaked


def test_a_damaged_file_of_another_retrieval_is_named(tmp_path: Path) -> None:
    inputs, folders = write_reported(tmp_path, Explored(retrievals=("first", "second")))
    second = inputs.retrievals[1]
    (neighbours,), (leaks,) = second.neighbours.values(), second.leakage.values()
    for path in (second.ranking, second.bins, second.descriptors[0], neighbours, leaks):
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2])
        with pytest.raises(UserError, match=rf"{path.name}: is (truncated|not what was written)"):
            write_report(inputs, folders, KNOWN, tmp_path / "report/index.html")
        path.write_bytes(content)


def test_each_section_says_what_the_files_say(
    made: tuple[ReportInputs, ImageFolders, Path],
) -> None:
    page = made[2]
    for key in SECTIONS:
        assert section(page, key), key
    compared = section(page, "comparison")
    assert "Did borrowing help? Borrowing helped here: 3 points." in compared
    # Where no data set knows styles there is no column of dashes for them.
    assert "style" not in compared
    assert "the arm fine-tune" in compared
    data = section(page, "data")
    assert f"pets, not listed: {LEFT_OUT}" in data
    assert "gone.png is truncated" in data
    assert "training images val test training images skipped" in data
    assert "pets target 3 12 0 3 0" in data and "things source 6 60 0 0 1" in data
    assert "2 images are in things and held out in pets: 2 pairs." in section(page, "leakage")
    assert "No image was found to be in the training images of pets" in section(page, "leakage")
    assert "things 10 0.950" in section(page, "retrieval")
    assert "Recall of the search by exact: the share" in section(page, "retrieval")
    assert "bad.png" in section(page, "accuracy")
    assert "selective, seed 0 0 4 4.0 4 0 12" in section(page, "difficulty")
    assert "finetune 4 1 12.5 900 8000" in section(page, "costs")
    assert "More memory than declared: evaluate." in section(page, "costs")
    assert "sjft 1.2.3" in section(page, "settings")
    assert "snakemake" in section(page, "ablation")


def test_where_k_stays_the_page_tells_one_round_from_several(
    made: tuple[ReportInputs, ImageFolders, Path],
) -> None:
    run = next(run for run in made[0].runs if run.arm == "selective")
    rounds = [replace(of_round, difficulty=None) for of_round in run.rounds]
    assert len(rounds) > 1
    told = {
        number: difficulty([replace(run, rounds=rounds[:number])]).blocks[-1]
        for number in (1, len(rounds))
    }
    assert told == {
        1: Text("One round alone: nothing grows by difficulty."),
        len(rounds): Text("No compared arm goes by difficulty: K stays from round to round."),
    }


def test_test_images_that_stand_in_training_are_told_beside_the_figures_with_and_without_them(
    made: tuple[ReportInputs, ImageFolders, Path], tmp_path: Path
) -> None:
    inputs, folders, page = made
    assert "stand among" not in section(page, "comparison") + section(page, "accuracy")
    summary = read_summary(inputs.summary)
    copies = {"images": ["a", "b"], "of": 60, "lost_classes": [], "left_out": True}
    summary["duplicated"] = copies
    for arm in summary["arms"].values():
        arm["runs"][0]["with_duplicates"] = {"mean_class_accuracy": 0.75, "test_images": 60}
    changed = replace(inputs, summary=tmp_path / "summary.json")
    write_json(changed.summary, summary)
    write_report(changed, folders, KNOWN, tmp_path / "index.html")
    compared = section(tmp_path / "index.html", "comparison")
    assert "2 of the 60 test images stand among the target's own training images, and are" in (
        compared
    )
    assert "with them, on all 60 test images: selective 75.0 %, fine-tune 75.0 %." in compared
    assert "of all 60 test images, also of the 2 that stand among" in section(
        tmp_path / "index.html", "accuracy"
    )
    write_json(changed.summary, summary | {"duplicated": copies | {"images": ["a"]}})
    write_report(changed, folders, KNOWN, tmp_path / "index.html")
    compared = section(tmp_path / "index.html", "comparison")
    assert "1 of the 60 test images stands among the target's own training images, and is" in (
        compared
    )
    assert "Mean class accuracy with it, on all 60 test images: " in compared
    assert "also of the 1 that stands among" in section(tmp_path / "index.html", "accuracy")


def test_held_out_images_are_shown_where_a_copy_was_found_and_nowhere_else(
    made: tuple[ReportInputs, ImageFolders, Path],
) -> None:
    # Of the held-out images one alone is there; one that leaks is not, nor one that does not.
    html = made[2].read_text()
    assert html.count("cannot be read") == 1
    for key in ("data", "subset", "accuracy"):
        assert "test/" not in section(made[2], key)


def test_it_is_one_file_that_names_no_address_and_reads_no_name_as_html(
    made: tuple[ReportInputs, ImageFolders, Path],
) -> None:
    html = made[2].read_text()
    assert [path.name for path in made[2].parent.iterdir()] == ["index.html"]
    assert not re.search(r"""(src|href)=["'](?!data:|#)""", html)
    assert "https://" not in html and "http://" not in html
    assert "<b>" not in html and "pet &lt;b&gt;0&lt;/b&gt;" in html


def test_names_do_not_turn_the_page_s_lines_around(tmp_path: Path) -> None:
    inputs, folders = write_reported(tmp_path, Explored(retrievals=("first",), called="\u202eא"))
    write_report(inputs, folders, KNOWN, tmp_path / "report/index.html")
    html = (tmp_path / "report/index.html").read_text("utf-8")
    assert "\u202e" not in html and '<th scope="row">\\u202eאpet ' in html
    isolated = "\u2068\\u202eא{} &lt;b&gt;0&lt;/b&gt;\u2069"
    for told in (
        f"<figcaption>{isolated.format('pet')}: pets",
        "Most images are of the class \u2068\\u202eאthing &lt;b&gt;",
        f'aria-label="{isolated.format("pet")}, told as {isolated.format("pet")}: ',
    ):
        assert told in html, told


def test_what_there_is_one_of_is_told_in_the_singular(tmp_path: Path) -> None:
    one = Explored(retrievals=("first",), targets=1, sources=4, kept=2, initial_neighbours=1)
    inputs, folders = write_reported(tmp_path, replace(one, classes=1, images=1))
    write_leakage(inputs.leakage["things"], read_leakage(inputs.leakage["things"]).head(1))
    write_report(inputs, folders, KNOWN, tmp_path / "report/index.html")
    keys = ("comparison", "data", "leakage", "retrieval", "galleries", "subset", "accuracy")
    text = "\n".join(section(tmp_path / "report/index.html", key) for key in keys)
    assert "1 image is in things and held out in pets: 1 pair." in text
    assert "1 of 1 target image, drawn" in text and "over 1 target image, from" in text
    assert not re.findall(r"\b1 (?:\w+ )?(?:images|pairs|classes|rows|mistakes)\b.*", text)


def test_no_heading_is_two_levels_below_the_one_before_it(
    made: tuple[ReportInputs, ImageFolders, Path],
) -> None:
    levels = [int(level) for level in re.findall(r"<h([1-6])\b", made[2].read_text("utf-8"))]
    assert levels[0] == 1 and 3 in levels
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_the_same_files_make_the_same_bytes(
    made: tuple[ReportInputs, ImageFolders, Path],
) -> None:
    inputs, folders, page = made
    again = page.parents[1] / "again/index.html"  # as far from the images: it links to them
    write_report(inputs, folders, KNOWN, again)
    assert again.read_bytes() == page.read_bytes()


def test_an_ablation_and_an_explorer_are_shown_where_they_are(tmp_path: Path) -> None:
    inputs, folders = write_reported(tmp_path)
    inputs.optional["ablation_text"].write_text("# Ablation of small\n\n| arm |\n| --- |\n| k4 |\n")
    inputs.optional["ablation_plot"].write_text('<svg xmlns="http://www.w3.org/2000/svg"></svg>')
    inputs.optional["explorer"].parent.mkdir()
    inputs.optional["explorer"].write_text("")
    page = tmp_path / "report/index.html"
    write_report(inputs, folders, KNOWN, page)
    assert "k4" in section(page, "ablation") and "data:image/svg+xml" in page.read_text()
    assert 'data-link="../explorer/index.html"' in page.read_text()


def test_a_damaged_or_foreign_table_is_named(tmp_path: Path) -> None:
    inputs, folders = write_reported(tmp_path)
    page = tmp_path / "index.html"
    table = inputs.runs[0].classes
    kept = table.read_text()
    write_with_digest(table, b"class_name,images\na,1\n")
    with pytest.raises(UserError, match=r"classes\.csv: has no column accuracy, predicted"):
        write_report(inputs, folders, KNOWN, page)
    write_with_digest(table, kept.encode())
    inputs.runs[0].rounds[0].history.unlink()
    with pytest.raises(UserError, match=r"history-0\.csv: there is no such file"):
        write_report(inputs, folders, KNOWN, page)
    assert not page.exists()


@pytest.mark.parametrize("name", ["classes", "history"])
def test_a_flipped_digit_in_a_table_is_noticed(tmp_path: Path, name: str) -> None:
    inputs, folders = write_reported(tmp_path)
    run = inputs.runs[0]
    table = run.classes if name == "classes" else run.rounds[0].history
    whole = table.read_bytes()
    place = whole.rindex(b".") + 1
    table.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
    with pytest.raises(UserError, match=rf"{name}.*\.csv: is not what was written"):
        write_report(inputs, folders, KNOWN, tmp_path / "index.html")


@pytest.mark.parametrize("name", ["card", "ablation_text", "ablation_plot"])
def test_a_text_that_is_none_is_named(tmp_path: Path, name: str) -> None:
    inputs, folders = write_reported(tmp_path)
    text = inputs.card if name == "card" else inputs.optional[name]
    text.write_bytes(b"# Small\n\xff\n")
    with pytest.raises(UserError, match=rf"{text.name}: is no UTF-8 text"):
        write_report(inputs, folders, KNOWN, tmp_path / "index.html")


def test_markdown_has_lower_headings_and_folds_but_no_html_of_names() -> None:
    html = rendered(
        "# Title\n\n<details><summary>More</summary>\n\n| a |\n| --- |\n| <i>x</i> |\n\n</details>"
    )
    assert "<h3>Title</h3>" in html and '<th scope="col">a</th>' in html
    assert "<details><summary>More</summary>" in html and "</details>" in html
    assert "<i>" not in html and "&lt;i&gt;x&lt;/i&gt;" in html


def test_long_tables_are_cut_and_counted_and_long_curves_keep_their_end() -> None:
    table = Table("long", ["n"], [[n] for n in range(MOST_ROWS + 7)])
    assert (len(table.shown), table.left_out) == (MOST_ROWS, 7)
    curve = pl.DataFrame({"run": ["a"] * 1000, "update": range(1000)})
    thinned = _thinned(curve)
    assert len(thinned) <= 300 and thinned["update"][-1] == 999
