"""What the pages quote of the evidence is what the evidence says."""

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
QUOTING = (
    "docs/when-borrowing-does-not-help.md",
    "docs/settings-that-were-tried.md",
    "docs/training.md",
    "README.md",
    "workflow/sjft/cli/init/text.py",
)
EVIDENCE = ("docs/evidence.md", "docs/evidence-by-experiment.md")
COLUMNS = (
    ("selective", "fine-tune"),
    ("selective", "random-source"),
    ("all-source", "fine-tune"),
    ("published", "fine-tune"),
)
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


@pytest.mark.parametrize("page", QUOTING)
def test_a_difference_stands_before_its_own_interval(page: str) -> None:
    evidence = [(REPOSITORY / page).read_text("utf-8") for page in EVIDENCE]
    lines = [re.sub(r"\*", "", line) for text in evidence for line in text.splitlines()]
    known = {
        (points, *ends)
        for line in lines
        for ends in IN_EVIDENCE.findall(line)
        for points in re.findall(r"[+-]\d+\.\d", line)
    }
    text = re.sub(r"\*", "", (REPOSITORY / page).read_text("utf-8"))
    quoted = re.findall(r"([+-]\d+\.\d)\s\(([+-]\d+\.\d)\s+to\s+([+-]\d+\.\d)\)", text)
    assert not [found for found in quoted if found not in known]


def test_the_table_of_the_first_page_is_that_of_all_together() -> None:
    """Each cell, its bold ones too: what is told of all experiments is read there first."""
    evidence = (REPOSITORY / EVIDENCE[0]).read_text("utf-8")
    pattern = r"^\| (.+?) \| (\S+) - (\S+) \| \d+ \| (\d+) \| (\S+) \| (.+?) \|$"
    known = {
        (group, arm, other): (pairs, f"{points} ({ends})")
        for group, arm, other, pairs, points, ends in re.findall(pattern, evidence, re.MULTILINE)
    }
    section = (REPOSITORY / "README.md").read_text("utf-8").split("## Does it help?")[1]
    rows = [line.strip("| ").split(" | ") for line in section.split("\n## ")[0].splitlines()]
    quoted = [row for row in rows if len(row) == 6][2:]  # below the head and its line
    assert [row[0] for row in quoted] == [
        f"{images}, {weights} weights"
        for images, weights in (
            ("made pictures", "random"),
            ("photographs", "random"),
            ("photographs", "pre-trained"),
        )
    ]
    for group, pairs, *cells in quoted:
        for (arm, other), cell in zip(COLUMNS, cells, strict=True):
            found = known.get((group, arm, other), (pairs, "-"))
            assert (pairs if arm != "all-source" else found[0], cell) == found
