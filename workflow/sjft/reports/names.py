"""Names of classes and files within a page's sentences, whichever way they are read.

A folder may be called anything: letters that are read from right to left take figures beside them
along, and marks that only turn what follows, as U+202E, turn the rest of a line around.
"""

import re

_TURNING = "\u202a-\u202e\u2066-\u2069"
_MARK = re.compile(f"[{_TURNING}]")
_MARK_OR_ISOLATED = re.compile(f"(\u2068[^{_TURNING}]*\u2069)|[{_TURNING}]")
# Hebrew, Arabic and the scripts between and beside them, and marks that are as such a letter.
_RIGHT_TO_LEFT = re.compile(
    "[\u0590-\u08ff\u200f\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]"
)


def named(name: str) -> str:
    """A name as a part of a sentence: it neither turns what stands beside it, nor is turned by it.

    The same where it holds nothing that would.
    """
    plain = _MARK.sub(_told, name)
    return f"\u2068{plain}\u2069" if _RIGHT_TO_LEFT.search(plain) else plain


def visible(text: str) -> str:
    """A text whose turning marks are told as `\\u202e`, but for those that `named` has added."""
    return _MARK_OR_ISOLATED.sub(lambda found: found[1] or _told(found), text)


def _told(mark: re.Match[str]) -> str:
    return f"\\u{ord(mark[0]):04x}"
