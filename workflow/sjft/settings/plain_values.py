"""What no key of the configuration may hold, whatever its type: looked at before any model.

Texts become names of files, and numbers become figures in messages and records. What neither can
hold is refused here, once, with its key.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from sjft.settings.quoting import shortened, shown

# A section of the configuration is seven levels deep at most.
DEEPEST = 20
MOST_VALUES = 20_000
LONGEST_NAME = 255  # bytes, of a file or folder, on all common file systems
LONGEST_PATH = 1024  # bytes: macOS has no more, and several are joined to one of 4,096 on Linux
LONGEST_ADDRESS = 4000
LARGEST_INTEGER = 2**63 - 1
# Texts for the reader, of any length, on several lines.
FOR_READING = frozenset({"how_to_get"})
ADDRESSES = frozenset({"url", "weights_url"})
TABULATED = frozenset({"delimiter"})
PLAIN = (str, bool, int, float, type(None))


def wrong_values(raw: Mapping[Any, Any]) -> Iterator[str]:
    """What is wrong, one line each that begins with the key; nothing where all is well.

    Ends for any value, also one that stands in itself or, by anchors of YAML, in so many places
    that nobody could write it down.
    """
    waiting: list[tuple[tuple[str, ...], Any]] = [((), raw)]
    looked_at = 0
    while waiting:
        path, value = waiting.pop()
        looked_at += 1
        if len(path) > DEEPEST:
            yield f"{dotted(path[:3])}...: is nested more than {DEEPEST} levels deep"
            return
        if looked_at > MOST_VALUES:
            yield f"{dotted(path[:3])}...: the configuration holds more than {MOST_VALUES} values"
            return
        if isinstance(value, Mapping):
            yield from _wrong_keys(path, value)
            inner = [((*path, k), v) for k, v in value.items() if isinstance(k, str)]
            waiting += reversed(inner)
        elif isinstance(value, list | tuple):
            waiting += reversed([((*path, str(i)), v) for i, v in enumerate(value)])
        elif wrong := wrong_in(value, path[-1]):
            yield f"{dotted(path)}: {wrong}"


def dotted(path: tuple[str, ...]) -> str:
    """A key as messages name it, each of its parts on one line and cut where it is long."""
    return ".".join(shortened(part) for part in path)


def _wrong_keys(path: tuple[str, ...], mapping: Mapping[Any, Any]) -> Iterator[str]:
    for key in mapping:
        where = f"{dotted(path)}: " if path else ""
        if not isinstance(key, str):
            yield f"{where}the key {shown(key)} is no text: put it into quotes"
        elif wrong := wrong_in_text(key):
            yield f"{where}the key {shown(key)} {wrong}"


def wrong_in(value: Any, key: str) -> str | None:
    """What is wrong with a single value below ``key`` (the last part of its path), or None."""
    if not isinstance(value, PLAIN):
        # Numbers and dates of YAML that are meant as texts get pydantic's message about the type.
        if isinstance(value, bytes | set | frozenset):
            return f"{shown(value)} is no text, number, list or mapping"
        return None
    if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
        return f"{shown(value)} is out of range; allowed are integers of 64 bits"
    if not isinstance(value, str) or key in FOR_READING:
        return None
    if wrong := wrong_in_text(
        value,
        LONGEST_ADDRESS if key in ADDRESSES else LONGEST_PATH,
        LONGEST_ADDRESS if key in ADDRESSES else LONGEST_NAME,
        "\t" if key in TABULATED else "",
    ):
        return f"{shown(value)} {wrong}"
    return None


def wrong_in_text(
    text: str, longest: int = LONGEST_NAME, longest_name: int = LONGEST_NAME, allowed: str = ""
) -> str | None:
    """Why a text can be no name or path of a file, to be read behind the text, or None.

    ``longest`` bytes are allowed in all, ``longest_name`` between two slashes, and the control
    characters in ``allowed``.
    """
    try:
        data = text.encode()
    except UnicodeEncodeError:
        return "holds characters that are no UTF-8"
    if any(c not in allowed and not c.isprintable() and c.isascii() for c in text):
        return "holds a control character (a line break, a tab or NUL, say)"
    if len(data) > longest:
        return f"has {len(data):,} bytes; allowed are {longest:,}"
    if (most := max(map(len, data.split(b"/")))) > longest_name:
        return f"holds a name of {most:,} bytes; files and folders have {longest_name} at most"
    return None


def truth_for_numbers(value: Any, raw: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Where ``raw`` has true or false and the validated ``value`` has made a number of it.

    One line each, that begins with the key. YAML takes `yes` and `on` for true as well.
    """
    if isinstance(raw, bool) and isinstance(value, int | float) and not isinstance(value, bool):
        yield f"{dotted(path)}: a number is expected, got {str(raw).lower()}"
    elif isinstance(raw, Mapping) and isinstance(value, BaseModel | Mapping):
        held = value if isinstance(value, Mapping) else vars(value)
        for name, inner in raw.items():
            if name in held:
                yield from truth_for_numbers(held[name], inner, (*path, str(name)))
    elif isinstance(raw, list | tuple) and isinstance(value, list | tuple):
        for place, (new, old) in enumerate(zip(value, raw, strict=False)):
            yield from truth_for_numbers(new, old, (*path, str(place)))
