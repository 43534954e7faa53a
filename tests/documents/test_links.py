"""The pages hold together: links, anchors, names of files and rules, and how long a page is."""

import re
import runpy
from pathlib import Path

import pytest
from chain import REPOSITORY
from documented import BLOCK, SPAN, pages

PAGES = pages()
DOCS = REPOSITORY / "docs"
# Written by a program, and looked up rather than read.
GENERATED = {DOCS / f"{name}.md" for name in ("reference", "evidence", "evidence-by-experiment")}
LINK = re.compile(r"\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^)\s]+)\)")
FOLDERS = "benchmarks|config|docs|envs|tests|workflow"
# What the reader writes, or has written.
OWN = {"config/example.yaml", "config/mushrooms.yaml"}


def prose(page: Path) -> str:
    """The text of a page without its blocks of code."""
    return BLOCK.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> list[str]:
    """What its headings can be linked by, as GitHub and Sphinx make it."""
    found = []
    for heading in re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE):
        shown = LINK.sub(lambda link: link[0].partition("]")[0][1:], heading)
        found.append(re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-"))
    return found


def links(page: Path) -> list[str]:
    """Where a page's links lead, but for those to other hosts."""
    found = LINK.findall(SPAN.sub("``", prose(page)))
    return [target for target in found if not re.match(r"https?://|mailto:", target)]


def test_the_pages_are_those_of_the_repository() -> None:
    named = {str(page.relative_to(REPOSITORY)) for page in PAGES}
    assert {"README.md", "CONTRIBUTING.md", "config/README.md", "docs/index.md"} <= named
    assert {str(page.relative_to(REPOSITORY)) for page in DOCS.rglob("*.md")} <= named


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in links(page):
        path, _, anchor = target.partition("#")
        place = (page.parent / path).resolve() if path else page
        assert place.exists(), f"{page.name}: ({target})"
        assert place.is_relative_to(REPOSITORY.resolve()), f"{page.name}: ({target})"
        if anchor:
            assert anchor in anchors(place), f"{page.name}: ({target})"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_headings_can_be_told_apart(page: Path) -> None:
    # The generated evidence has one table of the same kind for each experiment, by its own name.
    assert len(set(anchors(page))) == len(anchors(page))
    assert len(re.findall(r"^# ", prose(page), re.MULTILINE)) == 1


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_files_of_the_repository_that_a_page_names_are_there(page: Path) -> None:
    for span in SPAN.findall(prose(page)):
        for word in span.split():
            # Without what is to be put in by the reader, and what a run writes.
            if re.fullmatch(rf"({FOLDERS})/[\w./-]+", word) and not re.search("[A-Z]{2}", word):
                assert word in OWN or (REPOSITORY / word).exists(), f"{page.name}: {word}"


def test_the_index_names_every_page_once() -> None:
    groups = runpy.run_path(str(DOCS / "conf.py"))["groups"]()
    named = [name for names in groups.values() for name in names]
    assert sorted([*named, "index"]) == sorted(page.stem for page in DOCS.glob("*.md"))
    assert len(groups) > 3


def test_pages_that_the_program_names_are_there() -> None:
    files = [*REPOSITORY.glob("workflow/**/*.py"), *REPOSITORY.glob("config/*.yaml")]
    texts = [path.read_text(encoding="utf-8") for path in [*files, REPOSITORY / "Makefile"]]
    named = {page for text in texts for page in re.findall(r"\b(?:docs|config)/[\w-]+\.md", text)}
    assert {"docs/reference.md", "docs/readers.md"} <= named
    assert [page for page in named if not (REPOSITORY / page).exists()] == []


def test_pages_are_short_enough_to_be_read() -> None:
    for page in set(PAGES) - GENERATED:
        most = 150 if page == REPOSITORY / "README.md" else 200
        lines = len(page.read_text(encoding="utf-8").splitlines())
        assert lines < most, f"{page.relative_to(REPOSITORY)} has {lines} lines"


def rules() -> set[str]:
    """The rules of the workflow that make files, those that fetch data sets as one."""
    texts = [path.read_text(encoding="utf-8") for path in REPOSITORY.glob("workflow/rules/*.smk")]
    return {name for text in texts for name in re.findall(r"^ *rule (\w+):", text, re.MULTILINE)}


def test_every_rule_stands_in_the_table_of_files() -> None:
    table = (DOCS / "files.md").read_text(encoding="utf-8")
    named = {
        name for line in re.findall(r"^\| (`.+?) \|", table, re.M) for name in SPAN.findall(line)
    }
    assert rules() - named == set()


def test_the_image_names_rules_that_there_are() -> None:
    image = (DOCS / "pipeline.svg").read_text(encoding="utf-8")
    shown = {
        w for line in re.findall(r'class="rule"[^>]*>([^<]+)<', image) for w in line.split(" · ")
    }
    assert len(shown) > 10
    assert shown <= rules()
