"""What the pages quote of the evidence is what the evidence says."""

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
QUOTING = (
    "docs/when-borrowing-does-not-help.md",
    "docs/training.md",
    "README.md",
    "workflow/sjft/cli/init/text.py",
)
EVIDENCE = ("docs/evidence.md", "docs/evidence-by-experiment.md")
INTERVAL = re.compile(r"([+-]?\d+\.\d)\s+to\s+([+-]?\d+\.\d)[);]")
IN_EVIDENCE = re.compile(r"([+-]\d+\.\d) to ([+-]\d+\.\d)")


def signed(figure: str, sign: str = "+") -> str:
    return figure if figure[0] in "+-" else f"{sign}{figure}"


def stands_in(known: set[tuple[str, str]], low: str, high: str) -> bool:
    """Whether an interval is known, or, of what something cost, the one that mirrors it."""
    costs = low[0] not in "+-" and (signed(high, "-"), signed(low, "-")) in known
    return costs or (signed(low), signed(high)) in known


@pytest.mark.parametrize("page", QUOTING)
def test_every_interval_that_a_page_quotes_stands_in_the_evidence(page: str) -> None:
    evidence = [(REPOSITORY / page).read_text("utf-8") for page in EVIDENCE]
    known = {pair for text in evidence for pair in IN_EVIDENCE.findall(text)}
    text = re.sub(r'"\n\s+"', "", (REPOSITORY / page).read_text("utf-8"))  # a text on several lines
    quoted = INTERVAL.findall(text)
    assert quoted
    outdated = [pair for pair in quoted if not stands_in(known, *pair)]
    assert not outdated, f"{page}: no such interval in the evidence (more seeds?): {outdated}"
