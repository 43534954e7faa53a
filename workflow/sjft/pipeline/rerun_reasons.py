"""Why a job runs again, in few words: which setting has changed, from what to what.

Of earlier settings a workflow manager may remember no more than Python's `repr` of each, without
the names. Which of today's settings an old value belongs to is told by its keys, or its type.
"""

import ast
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from sjft.settings.quoting import shown

MOST_NAMES = 3
MOST_CHANGES = 5
MOST_LETTERS = 60
# Settings that are digests, or sizes and times: there is nothing to read in their values.
UNREADABLE = {
    "code": "the program",
    "content": "the images",
    "opened": "the images",
    "originals": "the photographs",
    "rows": "the list of images",
    "weights": "the file of weights",
    "source_head_classes": "the file of source_head_classes",
}
UNREADABLE_VALUE = re.compile(r"[0-9a-f]{16,}|\d+ bytes, \d+")
NOTHING = object()


def changed_settings(settings: Mapping[str, Any], before: Collection[str]) -> str:
    """Which of the ``settings`` have changed, and how, as one line.

    ``settings`` are those that none of the earlier values fits; ``before`` the earlier values that
    fit none of today's settings, each as its `repr`.
    """
    earlier = [_value(text) for text in sorted(before)]
    found: list[str] = []
    for name, now in settings.items():
        if name in UNREADABLE:
            found.append(UNREADABLE[name])
        elif (was := _likeliest(now, earlier)) is NOTHING:
            found.append(f"{name}: {shown(now)}")
        else:
            earlier.remove(was)
            found += _differences(name, was, now)
    if not settings:
        found += [f"no longer {shown(was)}" for was in earlier]
    more = len(found) - MOST_CHANGES
    return ", ".join(found[:MOST_CHANGES]) + (f" and {more} more" if more > 0 else "")


def first_names(names: Iterable[str]) -> str:
    """The first few names in their order, and how many more there are."""
    ordered = sorted(names)
    more = len(ordered) - MOST_NAMES
    return ", ".join(ordered[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def named_by_kind(names: Mapping[str, Collection[str]]) -> str:
    """The first few names of each kind that there is: ``added: a.jpg, b.jpg; removed: c.jpg``."""
    return "; ".join(f"{kind}: {first_names(some)}" for kind, some in names.items() if some)


def _value(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):  # the repr of an object: it can be shown, not looked into
        return text


def _likeliest(now: Any, earlier: list[Any]) -> Any:
    """The earlier value with most of the same keys, or the only one of the same type."""
    if isinstance(now, Mapping):
        common = [len(now.keys() & was.keys()) if isinstance(was, dict) else 0 for was in earlier]
        most = max(common, default=0)
        return earlier[common.index(most)] if most else NOTHING
    same = [was for was in earlier if type(was) is type(now) and not _is_unreadable(was)]
    return same[0] if len(same) == 1 else NOTHING


def _is_unreadable(value: Any) -> bool:
    return isinstance(value, str) and UNREADABLE_VALUE.fullmatch(value) is not None


def _differences(name: str, was: Any, now: Any) -> Iterator[str]:
    if isinstance(was, Mapping) and isinstance(now, Mapping):
        for key in dict.fromkeys([*was, *now]):
            yield from _differences(f"{name}.{key}", was.get(key, NOTHING), now.get(key, NOTHING))
    elif was is NOTHING:
        yield f"{name}: {shown(now)}, which is new"
    elif now is NOTHING:
        yield f"{name}: no longer {shown(was)}"
    elif repr(was) != repr(now):
        yield f"{name}: {_step(was, now)}"


def _step(was: Any, now: Any) -> str:
    if len(repr(was)) + len(repr(now)) > MOST_LETTERS and isinstance(was, list | tuple):
        gone = [part for part in was if part not in now]
        new = [part for part in now if part not in was]
        parts = [f"without {shown(gone)}"] * bool(gone) + [f"with {shown(new)}"] * bool(new)
        return " and ".join(parts) or "in another order"
    return f"{shown(was)} -> {shown(now)}"
