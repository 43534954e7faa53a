"""What the pages quote of the evidence is what the evidence says."""

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
QUOTING = ("docs/when-borrowing-does-not-help.md", "docs/training.md")
EVIDENCE = ("docs/evidence.md", "docs/evidence-by-experiment.md")
INTERVAL = re.compile(r"([+-]?\d+\.\d)\s+to\s+([+-]?\d+\.\d)\)")
IN_EVIDENCE = re.compile(r"([+-]\d+\.\d) to ([+-]\d+\.\d)")


def signed(figure: str) -> str:
    return figure if figure[0] in "+-" else f"+{figure}"


@pytest.mark.parametrize("page", QUOTING)
def test_every_interval_that_a_page_quotes_stands_in_the_evidence(page: str) -> None:
    evidence = [(REPOSITORY / page).read_text("utf-8") for page in EVIDENCE]
    known = {pair for text in evidence for pair in IN_EVIDENCE.findall(text)}
    quoted = INTERVAL.findall((REPOSITORY / page).read_text("utf-8"))
    assert quoted
    outdated = [pair for pair in quoted if tuple(map(signed, pair)) not in known]
    assert not outdated, f"{page}: no such interval in the evidence (more seeds?): {outdated}"
