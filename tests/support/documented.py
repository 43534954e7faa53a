"""The command lines that the documentation gives, as a reader would copy them."""

import re
import shlex
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from chain import REPOSITORY

PROGRAMS = ("snakemake", "sjft", "make", "pip", "python", "pre-commit", ".")
NOT_RUN = re.compile(r"<!-- not run: (.+?) -->\s*\Z", re.DOTALL)
BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"(?<!`)`([^`]+)`(?!`)")


@dataclass(frozen=True)
class Command:
    """A command line, where it stands, and why it cannot be run as it stands, if that is said."""

    place: str
    words: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict, hash=False)
    not_run: str | None = None

    @property
    def program(self) -> str:
        return self.words[0]


def pages() -> list[Path]:
    """Everything that gives commands to a reader, but for what is history."""
    folders = [REPOSITORY, REPOSITORY / "config", REPOSITORY / "docs"]
    found = {page for folder in folders for page in folder.glob("*.md")}
    return sorted(found - {REPOSITORY / "CHANGELOG.md"})


def commented_files() -> list[Path]:
    """Settings whose comments give commands."""
    profiles = (REPOSITORY / "workflow/profiles").rglob("*.yaml")
    return sorted([*(REPOSITORY / "config").glob("*.yaml"), *profiles])


def commands() -> list[Command]:
    """All command lines, page by page, each once a page."""
    found = [*(c for page in pages() for c in commands_of_page(page))]
    found += [c for path in commented_files() for c in commands_of_comments(path)]
    return list(dict.fromkeys(found))


def commands_of_page(page: Path) -> Iterator[Command]:
    """Those of the blocks marked `sh`, then those that stand between backticks."""
    text = page.read_text(encoding="utf-8")
    place = str(page.relative_to(REPOSITORY))
    for before, language, block in blocks(text):
        if language == "sh":
            said = NOT_RUN.search(before)
            for line in block.replace("\\\n", " ").splitlines():
                found = list(_command(place, line, said[1] if said else None))
                assert found or not line.strip(), f"{place}: no test looks at `{line}`"
                yield from found
    yield from _spans(place, BLOCK.sub("", text))


def commands_of_comments(path: Path) -> Iterator[Command]:
    """Those between backticks, and lines that begin with a program of ours."""
    lines = path.read_text(encoding="utf-8").splitlines()
    comments = [line.strip()[1:].strip() for line in lines if line.strip().startswith("#")]
    place = str(path.relative_to(REPOSITORY))
    for line in comments:
        if line.startswith(("snakemake ", "sjft ")):
            yield from _command(place, line, None)
    yield from _spans(place, "\n".join(comments))


def blocks(text: str) -> Iterator[tuple[str, str, str]]:
    """Fenced blocks: the text before each, its language, and what it holds."""
    for found in BLOCK.finditer(text):
        yield text[: found.start()], found[2], textwrap.dedent(found[3])


def _spans(place: str, text: str) -> Iterator[Command]:
    for span in SPAN.findall(text):
        yield from _command(place, " ".join(span.split()), None)


def _command(place: str, line: str, not_run: str | None) -> Iterator[Command]:
    if not re.match(rf"(\w+=\S* )*({'|'.join(map(re.escape, PROGRAMS))}) ", f"{line} "):
        return
    words = shlex.split(line, comments=True)
    names = [word for word in words if re.fullmatch(r"[A-Z_]+=.*", word)]
    first = next(number for number, word in enumerate(words) if word in PROGRAMS)
    environment = dict(word.split("=", 1) for word in names if words.index(word) < first)
    if len(words) > first + 1:  # the name of a program alone is no command
        yield Command(place, tuple(words[first:]), environment, not_run)
