"""How a message quotes what it refuses: on one line, cut in the middle."""

from reprlib import Repr
from typing import Any

from sjft.settings.addresses import without_secrets

WIDTH = 80
LOOKED_AT = 1000  # characters, of a text of any length
FIGURES_SHOWN = 40  # longer integers are named by their length: Python refuses to print the longest


class _Short(Repr):
    """Python's own abbreviation, which also ends for values that hold themselves."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = self.maxdict = self.maxset = 3
        self.maxlist = self.maxtuple = 4
        self.maxstring = self.maxother = 60

    def repr_str(self, x: str, level: int) -> str:
        """A text without its secrets, which are looked for before it is cut."""
        return super().repr_str(without_secrets(x[:LOOKED_AT]), level)

    def repr_int(self, x: int, level: int) -> str:
        """An integer, or how long it is."""
        figures = int(x.bit_length() * 0.30103) + 1
        return f"an integer of {figures} figures" if figures > FIGURES_SHOWN else repr(x)


_SHORT = _Short()


def shown(value: Any) -> str:
    """A value as Python writes it, at most `WIDTH` characters, without a line break."""
    return shortened(_SHORT.repr(value))


def shortened(text: str, width: int = WIDTH) -> str:
    """A text of at most ``width`` characters, its middle left out; what breaks lines is escaped."""
    half = (width - 3) // 2
    text = without_secrets(text[:LOOKED_AT])
    if len(text) > width:
        text = f"{text[:half]}...{text[-half:]}"
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return text if len(text) <= width else f"{text[:half]}...{text[-half:]}"
