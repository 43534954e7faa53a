"""How a sentence counts, and how what others wrote in it is shown."""

import re

# What a terminal obeys instead of showing it, and what turns the order of the letters around. Line
# breaks and tabs are the program's own layout.
_OBEYED = re.compile(
    "[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069]"
)


def counted(number: int, one: str, several: str = "") -> str:
    """A number with what it counts: `1 image`, `1,200 images`.

    ``several`` is the plural of ``one`` where that is not a mere s behind it; with a verb in both,
    `1 pair is`, it is given whole.
    """
    return f"{number:,} {one if number == 1 else several or f'{one}s'}"


def harmless(text: str) -> str:
    r"""The text with control characters written as Python and JSON write them: `\u001b`.

    What a string of JSON may hold as it is stays the same string: JSON stays JSON.
    """
    return _OBEYED.sub(lambda sign: f"\\u{ord(sign[0]):04x}", text)
