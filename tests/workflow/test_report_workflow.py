"""The report, from a finished run on: by itself, and as an entry of Snakemake's own report."""

import re
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
    with browser() as running:
        for width in ("desktop", "phone"):
            look_at(running, copy.root / PAGE, report, width)


def look_at(running: Any, page: Path, report: Path, width: str) -> None:
    """Open the page by itself and in the report; fail on faults of either."""
    alone = Watched(running, width)
    alone.open(page)
    alone.check(f"the page, {width}")
    alone.check_accessibility(f"the page, {width}")
    watched = Watched(running, width)
    watched.open(report)
    seen = watched.page
    seen.click("a:has-text('Report') >> nth=-1")
    seen.click("a[iconname=eye] >> nth=0")
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
    # Snakemake's own page warns of a style sheet that it has inside itself.
    watched.faults = [
        fault for fault in watched.faults if "cdn.tailwindcss.com should" not in fault
    ]
    watched.check(f"in the report, {width}")
