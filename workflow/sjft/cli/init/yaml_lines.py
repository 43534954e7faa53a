"""Lines of YAML, with comments that say why a value is so."""

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

WIDTH = 99


def keys(
    indent: int,
    values: Mapping[str, Any],
    why: Mapping[str, str],
    root: str | None = None,
    raw: Mapping[str, str] | None = None,
) -> Iterator[str]:
    """A line a key, below its comment; ``root`` and ``raw`` texts stand behind the first key."""
    for place, (key, value) in enumerate(values.items()):
        if key in why:
            yield from comment(indent, why[key])
        yield f"{' ' * indent}{key}: {flow(value)}"
        if place == 0 and root is not None:
            yield f"{' ' * indent}root: {flow(root)}"
        if place == 0:
            yield from (f"{' ' * indent}{name}: {text}" for name, text in (raw or {}).items())


def comment(indent: int, text: str) -> Iterator[str]:
    """The text in lines of a comment."""
    start = " " * indent + "# "
    yield from textwrap.wrap(
        printable(text),
        WIDTH,
        initial_indent=start,
        subsequent_indent=start,
        break_long_words=False,
        break_on_hyphens=False,
    )


def printable(text: str) -> str:
    """The text with line breaks and other signs that end a comment written out."""
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)


def flow(value: Any) -> str:
    """A value in one line of YAML; a text that YAML takes for something else (2024) in quotes."""
    plain = dict(value) if isinstance(value, Mapping) else value
    text: str = yaml.safe_dump(
        plain, default_flow_style=True, sort_keys=False, allow_unicode=True, width=1 << 30
    )
    return text.removesuffix("...\n").strip()
