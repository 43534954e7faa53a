"""The report, from a finished run on: by itself, and as an entry of Snakemake's own report."""

import re
import zipfile
from pathlib import Path
from typing import Any

from browser import Watched, browser
from chain import Chain, copy_all
from tiny_runs import ABLATION

PAGE = "results/twice/report/index.html"
# What Snakemake's report shows in itself; anything else is offered as a download.
OPENED = {"text/html", "image/svg+xml"}


def test_the_page_is_made_without_training_again_and_opens_in_snakemakes_report(
    chain: Chain, tmp_path: Path
) -> None:
    copy = copy_all(chain, tmp_path / "copy")
    assert copy.make(PAGE).planned == {"describe": 1}
    html = (copy.root / PAGE).read_text()
    for said in ("Model card: twice", "selective, seed 0", "finetune", "Ablation of twice"):
        assert said in html, said
    assert not copy.plan(PAGE)
    with copy.edited("workflow/sjft/reports/report_page/page/report.css", lambda t: t + "\n"):
        assert copy.plan(PAGE) == {"describe": 1}
    copy.make(PAGE, ABLATION, "--report", "report.html")
    report = copy.root / "report.html"
    kinds = re.findall(r'"mime_type": "([^"]+)"', report.read_text())
    assert len(kinds) == 2 and set(kinds) == OPENED
    # In the archive, pages may be of any size: Chromium shows no framed data URI above 2 MB.
    (copy.root / PAGE).write_text(f"{(copy.root / PAGE).read_text()}<!-- {'x' * 3_000_000} -->")
    copy.make(PAGE, ABLATION, "--report", "report.zip")
    with zipfile.ZipFile(copy.root / "report.zip") as archive:
        archive.extractall(tmp_path / "unpacked")
    unpacked = tmp_path / "unpacked/report/report.html"
    with browser() as running:
        for width in ("desktop", "phone"):
            look_at_page(running, copy.root / PAGE, width)
            look_at_report(running, report, width)
        look_at_report(running, unpacked, "desktop")
        for whole in (report, unpacked):
            look_at_plot(running, whole)


def look_at_page(running: Any, page: Path, width: str) -> None:
    """Open the page by itself, and fail on its faults."""
    alone = Watched(running, width)
    alone.open(page)
    alone.check(f"the page, {width}")
    alone.check_accessibility(f"the page, {width}")


def opened(running: Any, report: Path, width: str, category: str) -> Watched:
    """Snakemake's report without a network, with the only entry of a category open in it."""
    watched = Watched(running, width)
    watched.page.context.set_offline(True)
    watched.open(report)
    watched.page.click(f"a:has-text('{category}') >> nth=-1")
    assert not watched.page.locator("a[iconname=download]").count(), "an entry is a download"
    watched.page.click("a[iconname=eye]")
    return watched


def check(watched: Watched, where: str) -> None:
    """Fail on faults; Snakemake's own page warns of a style sheet that it has inside itself."""
    watched.faults = [
        fault for fault in watched.faults if "cdn.tailwindcss.com should" not in fault
    ]
    watched.check(where)


def look_at_plot(running: Any, report: Path) -> None:
    """Open the ablation's plot in the report."""
    watched = opened(running, report, "desktop", "Ablation")
    watched.page.wait_for_selector("img:not([src*='logo.svg'])")
    check(watched, f"the plot in {report.parent.name}")


def look_at_report(running: Any, report: Path, width: str) -> None:
    """Open the page in the report, and fail on its faults there."""
    watched = opened(running, report, width, "Report")
    seen = watched.page
    seen.wait_for_selector("iframe")
    # Beside its menu Snakemake leaves a phone no room.
    seen.click("nav h1 a")
    seen.wait_for_timeout(400)  # it slides away
    frame = seen.frame_locator("iframe")
    assert frame.locator("h1").inner_text() == "twice: report"
    frame.locator("nav a:has-text('Model card')").click()
    heading = frame.locator("h2:text-is('Model card')")
    assert heading.bounding_box()["y"] < seen.viewport_size["height"]
    inner = seen.frames[-1]
    wide, room = inner.evaluate(
        "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    assert wide <= room, f"in the report, {width}: {wide} pixels wide in {room}"
    frame.locator(".gallery").first.scroll_into_view_if_needed()
    sides = frame.locator(".gallery[open] img").evaluate_all(
        "all => all.map((i) => i.naturalWidth)"
    )
    assert len(sides) >= 6 and all(sides), "what was borrowed is in the page itself"
    number = frame.locator(".matrix button").first
    number.click()
    assert frame.locator("#taken li").count() == int(number.inner_text())
    assert not frame.locator("#taken a, #taken img").count(), "the report may lie anywhere"
    check(watched, f"in {report.parent.name}, {width}")
