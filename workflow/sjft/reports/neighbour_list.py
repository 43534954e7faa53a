"""One target image's nearest source images, for a terminal, as JSON, or as a page of images."""

import base64
import difflib
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
import numpy as np
import polars as pl
from PIL import Image, ImageOps

from sjft.data.location import ImageFolders
from sjft.data.omissions import shown as printable
from sjft.data.pixels import load_pixels
from sjft.data.table import read_images
from sjft.errors import BadImageError, UserError
from sjft.reports.explorer.inputs import ExplorerInputs, RoundFiles
from sjft.reports.names import named
from sjft.retrieval.neighbours import Neighbours, read_neighbours
from sjft.retrieval.ranking import side_by_side
from sjft.selection.pairs import borrowed
from sjft.selection.subset import read_manifest
from sjft.settings.image_limits import ImageLimits
from sjft.settings.quoting import shown

TEMPLATE = resources.files("sjft.reports") / "explorer" / "page" / "neighbours.html"
SIDE = 192
NAMED = 5  # images that a message about an unclear name gives


@dataclass(frozen=True)
class Neighbour:
    """A source image in a target image's list; ``used`` is None where the round is not there."""

    rank: int
    divergence: float
    used: bool | None
    source: str
    class_name: str
    path: str


@dataclass(frozen=True)
class NeighbourList:
    """The nearest of one target image; ``neighbours`` is its K_i, None where unknown."""

    experiment: str
    arm: str
    seed: int
    round: int
    retrieval: str
    path: str
    class_name: str
    neighbours: int | None
    on_file: int
    nearest: list[Neighbour]

    def values(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return asdict(self)

    def text(self) -> str:
        """As a table for a terminal, below a line that says what it is."""
        rows = [["rank", "divergence", "used", "class", "path"]]
        for one in self.nearest:
            used = {None: "?", True: "yes", False: "no"}[one.used]
            path = f"{one.source}: {one.path}" if self.several_sources else one.path
            names = printable(one.class_name), printable(path)
            rows.append([str(one.rank), f"{one.divergence:.4g}", used, *names])
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = (
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        )
        title = f"{printable(self.path)} ({printable(self.class_name)}): {self.told}"
        return "\n".join([title, "", *lines])

    @property
    def told(self) -> str:
        """What the list is, behind the name of the image."""
        known = "not selected yet" if self.neighbours is None else f"K = {self.neighbours}"
        return (
            f"{len(self.nearest)} nearest of {self.on_file} on file by the retrieval "
            f"`{self.retrieval}`; {known} in {self.arm}-{self.seed}, round {self.round}"
        )

    @property
    def several_sources(self) -> bool:
        """Whether they come from more than one source, which is named then."""
        return len({one.source for one in self.nearest}) > 1


def list_neighbours(
    inputs: ExplorerInputs, of_round: RoundFiles, name: str, number: int
) -> NeighbourList:
    """The ``number`` nearest of a training image, given by its path or a part that no other has.

    Raises `UserError` where there is no such image or several, and where the ranking is not
    there yet.
    """
    ranking_file = next(r.ranking for r in inputs.retrievals if r.name == of_round.retrieval)
    if not ranking_file.exists():
        raise UserError(
            f"{ranking_file}: is not there yet. Make it: snakemake --cores N {ranking_file}"
        )
    ranking = read_neighbours(ranking_file)
    images = read_images(inputs.target_images)
    row = find_image(images, ranking.targets, name)
    place = int(np.searchsorted(ranking.targets, row))
    k, used = _of_round(of_round, ranking, place)
    tables = {name: read_images(path) for name, path in inputs.source_images.items()}
    sources = side_by_side(tables)[ranking.sources[place, :number]]
    nearest = [
        Neighbour(
            rank,
            float(f"{divergence:.6g}"),
            None if used is None else bool(used[rank - 1]),
            *(source["source"], source["class_name"], source["path"]),
        )
        for rank, (divergence, source) in enumerate(
            zip(ranking.divergences[place].tolist(), sources.iter_rows(named=True), strict=False), 1
        )
    ]
    return NeighbourList(
        *(inputs.experiment, of_round.arm, of_round.seed, of_round.number, of_round.retrieval),
        *(images["path"][row], images["class_name"][row], k, ranking.sources.shape[1], nearest),
    )


def _of_round(
    of_round: RoundFiles, ranking: Neighbours, place: int
) -> tuple[int | None, Sequence[bool] | None]:
    """A target image's K_i, and which of its list are used; None where the round is not there."""
    if not of_round.subset.exists():
        return None, None
    manifest = read_manifest(of_round.subset, of_round.targets)
    used = borrowed(manifest, ranking)[place]
    return int(manifest.targets["neighbours"][place]), used.tolist()


def find_image(images: pl.DataFrame, known: Sequence[int] | np.ndarray, name: str) -> int:
    """The row of images.csv of a training image that has neighbours.

    Raises `UserError` that names the nearest others where the name is none's, or several's.
    """
    usable = images[np.asarray(known)]
    holds_it = pl.col("path").str.contains(name, literal=True)
    exact = usable.filter(pl.col("path") == name)
    found = exact if len(exact) else usable.filter(holds_it)
    if len(found) == 1:
        return int(found["image"][0])
    if len(found):
        raise UserError(
            f"{shown(name)} is a part of {len(found)} target images' paths: "
            f"{_some(found['path'].to_list())}. Give more of it."
        )
    heldout = images.filter(pl.col("split") != "train", holds_it)
    if len(heldout):
        raise UserError(
            f"{heldout['path'][0]}: is held out ({heldout['split'][0]}); training images alone "
            "borrow source images."
        )
    paths = usable["path"].to_list()
    near = difflib.get_close_matches(name, paths, n=NAMED, cutoff=0.5) or _by_name(name, paths)
    guess = f"Did you mean {_some(near)}?" if near else f"There are {_some(paths)}."
    raise UserError(f"{shown(name)} is no training image of the target. {guess}")


def _by_name(name: str, paths: Sequence[str]) -> list[str]:
    """Paths whose file is named nearly so, wherever it lies."""
    of_name = {Path(path).name: path for path in paths}
    near = difflib.get_close_matches(Path(name).name, list(of_name), n=NAMED)
    return [of_name[name] for name in near]


def _some(paths: Sequence[str]) -> str:
    return ", ".join(map(shown, paths[:NAMED])) + ", ..." * (len(paths) > NAMED)


def page_of(listed: NeighbourList, images: ImageFolders, explorer: Path) -> str:
    """One HTML page with all images inside it; where the ``explorer`` is made, it leads there."""
    template = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(
        TEMPLATE.read_text("utf-8")
    )
    shown_images: Mapping[Neighbour, str | None] = {
        one: _inside(images.sources[one.source] / one.path, images.limits) for one in listed.nearest
    }
    target = _inside(images.target / listed.path, images.limits)
    link = f"{explorer.resolve().as_uri()}#/targets/{quote(listed.path, safe='')}"
    more = link if explorer.is_file() else None
    return (
        template.render(listed=listed, target=target, images=shown_images, more=more, named=named)
        + "\n"
    )


def _inside(path: Path, limits: ImageLimits) -> str | None:
    """An image's middle as a data address; None where it cannot be read."""
    try:
        image = Image.fromarray(load_pixels(path, SIDE, limits))
    except BadImageError:
        return None  # the page says so in its place
    content = io.BytesIO()
    ImageOps.fit(image, (SIDE, SIDE)).save(content, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(content.getvalue()).decode('ascii')}"
