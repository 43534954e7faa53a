"""Tables in Markdown: in columns also where they are not rendered, or narrow."""

import re
from collections.abc import Iterable, Sequence

# What Markdown reads as more than itself within a cell. An underscore within a word is none of it,
# nor a single tilde, nor an ampersand that begins no entity.
_MEANT = re.compile(r"[\\|<*`\[\]]|&(?=#?\w+;)|~(?=~)|(?<=~)~|(?<![^\W_])_|_(?![^\W_])")


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table; its head is the first of the ``rows``."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    head, *others = (
        line([cell.ljust(width) for cell, width in zip(row, widths, strict=True)]) for row in rows
    )
    return [head, line(["-" * width for width in widths]), *others]


def table(rows: Iterable[Sequence[object]]) -> list[str]:
    """The lines of a table as narrow as can be; its head is the first of the ``rows``."""
    head, *others = rows
    return [line(head), line(["---"] * len(head)), *map(line, others)]


def cell(text: str) -> str:
    """A text that a user wrote, such as the name of a class, as a table in Markdown shows it."""
    return _MEANT.sub(lambda sign: {"<": "&lt;", "&": "&amp;"}.get(sign[0], f"\\{sign[0]}"), text)


def line(cells: Sequence[object]) -> str:
    """A row of a table."""
    return f"| {' | '.join(map(str, cells))} |"
