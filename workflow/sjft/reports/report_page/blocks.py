"""What a section of the page consists of; the template knows each kind, and nothing else."""

import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass

from sjft.reports.report_page.thumbnails import Thumbnail

MOST_ROWS = 500
# A drawing is an image of the page: of what stands in its elements' tags, nobody hears what a part
# is called, or sees more than a tenth of a pixel.
_TAG = re.compile(r"<[a-z][^>]*>")
_TOLD = re.compile(r' (?:role|aria-[a-z]+)="[^"]*"')
_PLACES = re.compile(r'(?<= )(d|transform|x|y|x1|x2|y1|y2|width|height|points)="[^"]*"')
_FRACTION = re.compile(r"(\.\d)\d+")

Cell = str | int | None


@dataclass(frozen=True)
class Text:
    """A paragraph; ``mark`` is `warning` for what must not be overlooked.

    ``link`` leads to a file beside the page, where the page is opened as a file.
    """

    text: str
    mark: str = ""
    link: str = ""
    kind: str = "text"


@dataclass(frozen=True)
class Table:
    """A table that its reader can sort; the first cell of a row names it."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    kind: str = "table"

    @property
    def shown(self) -> Sequence[Sequence[Cell]]:
        """The first `MOST_ROWS`."""
        return self.rows[:MOST_ROWS]

    @property
    def left_out(self) -> int:
        """How many rows are not shown."""
        return max(0, len(self.rows) - MOST_ROWS)


@dataclass(frozen=True)
class Chart:
    """A drawing, with what it says for those who do not see it, which stands below it too."""

    title: str
    svg: str
    meaning: str
    kind: str = "chart"

    @property
    def address(self) -> str:
        """The drawing as an address: names inside of one are no other's.

        To a tenth of a pixel, as pages hold many of them.
        """
        slim = _TAG.sub(_slim, self.svg)
        return "data:image/svg+xml;base64," + b64encode(slim.encode("utf-8")).decode("ascii")


def _slim(tag: re.Match[str]) -> str:
    shown = _TOLD.sub("", tag[0])
    return _PLACES.sub(lambda found: _FRACTION.sub(r"\1", found[0]), shown)


@dataclass(frozen=True)
class ShownImage:
    """A small image, None where it cannot be read; ``told`` stands below it."""

    thumbnail: Thumbnail | None
    told: str


@dataclass(frozen=True)
class ShownImages:
    """ShownImages beside each other: in each row one, or those that are to be compared."""

    caption: str
    rows: Sequence[Sequence[ShownImage]]
    kind: str = "images"


@dataclass(frozen=True)
class Matrix:
    """Counts by two names, each count a button that leads to what is behind it.

    ``rows`` hold a count for each of the ``columns``, and the share of its row that it is; None
    where nothing is. ``behind`` is what the page's script shows, as JSON: see `confusion`.
    """

    caption: str
    names: Sequence[str]
    columns: Sequence[str]
    rows: Sequence[Sequence[tuple[int, float] | None]]
    behind: str
    kind: str = "matrix"


@dataclass(frozen=True)
class Gallery:
    """Rows of images that belong to one image: each has a caption of its own.

    ``link`` leads to a file beside the page, as that of a `Text`; ``folded`` ones are seen when
    they are asked for.
    """

    title: str
    image: ShownImage
    rows: Sequence[tuple[str, Sequence[ShownImage]]]
    link: str = ""
    folded: bool = False
    kind: str = "gallery"


@dataclass(frozen=True)
class Rendered:
    """HTML that was rendered from Markdown of this program's own."""

    html: str
    kind: str = "rendered"


Block = Text | Table | Chart | ShownImages | Gallery | Matrix | Rendered


@dataclass(frozen=True)
class Section:
    """A part of the page; ``key`` is its address."""

    key: str
    title: str
    blocks: Sequence[Block]


def percent(share: float | None) -> str:
    """A share in per cent with one figure behind the point; a dash where there is none."""
    return "-" if share is None else f"{100 * share:.1f} %"
