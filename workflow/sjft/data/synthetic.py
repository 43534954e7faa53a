"""Images made from a seed, in which the right answer to source selection is known.

An image shows one shape (its *content*, the class) in one *style*. The style alone sets texture,
contrast, noise and palette; place, scale, rotation and lighting vary alike for all. So low-level
statistics tell the style and say next to nothing about the class.

Figure and ground differ in a cue that belongs to the style (the direction of strokes, the density
of dots, ...), which a network has to learn before it can see the shape. That is how source images
of the target's style can help a target with other classes.
"""

import hashlib
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageColor, ImageDraw
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

from sjft.storage.files import write_with_digest, writing

Field = npt.NDArray[np.float64]
Random = np.random.Generator

# Lengths in the textures are pixels of an image of this size; other sizes scale them.
REFERENCE_SIZE = 64
# Lists hold the times of files: images that are made again, byte by byte, are the same ones.
TIME_OF_IMAGES = 1_500_000_000  # seconds since 1970
OVERSAMPLING = 4  # masks are drawn larger and averaged down: ImageDraw has no anti-aliasing


@dataclass(frozen=True)
class Canvas:
    """Random fields [size, size], about -1 to 1; lengths are in reference pixels."""

    size: int
    rng: Random

    def grid(self) -> tuple[Field, Field]:
        """Return x and y of the pixel centres."""
        axis = (np.arange(self.size) + 0.5) * (REFERENCE_SIZE / self.size)
        x, y = np.meshgrid(axis, axis)
        return x, y

    def noise(self, sigma: float) -> Field:
        """Return Gaussian noise of unit deviation, smoothed over `sigma`."""
        white = self.rng.standard_normal((self.size, self.size))
        field = gaussian_filter(white, sigma * self.size / REFERENCE_SIZE, mode="wrap")
        return np.asarray((field - field.mean()) / field.std())

    def strokes(self, degrees: float, period: float, wobble: float) -> Field:
        """Return near-parallel strokes; `degrees` is the direction across them."""
        x, y = self.grid()
        angle = np.deg2rad(degrees)
        across = x * np.cos(angle) + y * np.sin(angle) + wobble * self.noise(6.0)
        phase = self.rng.uniform(0.0, 2.0 * np.pi)
        return np.asarray(np.tanh(2.0 * np.sin(2.0 * np.pi * across / period + phase)))

    def nearest(self, spacing: float) -> tuple[Field, npt.NDArray[np.int64]]:
        """Return each pixel's distance to the nearest of scattered points, and that one's index."""
        # A jittered lattice: points drawn freely would clump and hide the figure.
        axis = np.arange(-spacing, REFERENCE_SIZE + spacing, spacing)
        lattice = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
        points = lattice + spacing * self.rng.uniform(0.0, 0.8, lattice.shape)
        distance, owner = cKDTree(points).query(np.stack(self.grid(), axis=-1))
        return distance, owner

    def dots(self, spacing: float) -> Field:
        """Return dark dots on light."""
        return np.asarray(np.tanh(2.0 * (self.nearest(spacing)[0] - 1.5)))

    def mosaic(self, spacing: float) -> Field:
        """Return Voronoi cells, each of one random tone."""
        owner = self.nearest(spacing)[1]
        return np.asarray(self.rng.uniform(-1.0, 1.0, owner.max() + 1)[owner])


def _hatching(canvas: Canvas) -> tuple[Field, Field]:
    degrees = 45.0 + canvas.rng.normal(0.0, 6.0)
    period = 5.0 * canvas.rng.uniform(0.9, 1.1)
    return canvas.strokes(degrees, period, 0.6), canvas.strokes(degrees + 90.0, period, 0.6)


def _weave(canvas: Canvas) -> tuple[Field, Field]:
    period = 9.0 * canvas.rng.uniform(0.92, 1.08)
    warp = canvas.strokes(canvas.rng.normal(0.0, 4.0), period, 0.3)
    weft = canvas.strokes(canvas.rng.normal(90.0, 4.0), period, 0.3)
    return 0.5 * (warp + weft), warp * weft


def _scanlines(canvas: Canvas) -> tuple[Field, Field]:
    degrees = canvas.rng.normal(90.0, 3.0)
    fine, coarse = np.array([4.0, 8.0]) * canvas.rng.uniform(0.95, 1.05, 2)
    return canvas.strokes(degrees, fine, 0.2), canvas.strokes(degrees, coarse, 0.2)


@dataclass(frozen=True)
class Style:
    """How ground and figure are textured, and how the fields become colours."""

    texture: Callable[[Canvas], tuple[Field, Field]]
    dark: str
    light: str
    contrast: float  # tone per unit of the field; tone 0 is `dark`, 1 is `light`
    noise: float = 0.02  # deviation of the grain of each pixel, in tone


_STYLES: dict[str, Style] = {
    "fine_grain": Style(lambda c: (c.noise(0), c.noise(0.9) + 1.0), "#3c3228", "#e1cdaa", 0.18),
    "coarse_clouds": Style(lambda c: (c.noise(6), c.noise(6) + 1.6), "#283c78", "#ebf0fa", 0.18),
    "hatching": Style(_hatching, "#231e3c", "#f0e8d2", 0.30, 0.05),
    "weave": Style(_weave, "#5a1e14", "#ebbe5a", 0.30, 0.03),
    "scanlines": Style(_scanlines, "#0a3228", "#78e6aa", 0.32, 0.03),
    "stipple": Style(lambda c: (c.dots(8), c.dots(4.5)), "#46145a", "#fae1eb", 0.38),
    "cells": Style(lambda c: (c.mosaic(11), c.mosaic(3.6)), "#14461e", "#dcdc78", 0.42),
    "soft_wash": Style(lambda c: (c.noise(14), c.noise(14) + 2.4), "#78828c", "#bec3c8", 0.11),
}


def _curve(start: float, stop: float, radii: npt.ArrayLike, x: float = 0.0) -> Field:
    """Return a point for each radius about (x, 0), over angles from `start` to `stop` degrees."""
    radius = np.asarray(radii, dtype=np.float64)
    angle = np.deg2rad(np.linspace(start, stop, len(radius)))
    return np.stack([x + radius * np.cos(angle), radius * np.sin(angle)], axis=-1)


def _box(left: float, top: float, right: float, bottom: float) -> Field:
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)])


# Polygons in the square from -1 to 1; a path that runs back along an inner edge leaves a hole.
_SHAPES: dict[str, list[Field]] = {
    "disc": [_curve(0, 360, [0.85] * 40)],
    "triangle": [np.array([(-0.95, 0.75), (0.95, 0.75), (0.0, -0.95)])],
    "ring": [np.vstack([_curve(0, 360, [0.95] * 40), _curve(360, 0, [0.5] * 40)])],
    "square": [_box(-0.8, -0.8, 0.8, 0.8)],
    "cross": [_box(-1, -0.3, 1, 0.3), _box(-0.3, -1, 0.3, 1)],
    "ell": [_box(-0.8, -1, -0.2, 1), _box(-0.8, 0.4, 0.8, 1)],
    "star": [_curve(0, 324, [1.0, 0.42] * 5)],
    "hourglass": [np.array([(-0.8, -1), (0.8, -1), (-0.8, 1), (0.8, 1)])],
    "crescent": [np.vstack([_curve(58, 302, [1.0] * 40), _curve(272, 88, [0.85] * 40, x=0.5)])],
    "tee": [_box(-1, -0.9, 1, -0.3), _box(-0.3, -0.9, 0.3, 1)],
    "half_disc": [_curve(-90, 90, [1.0] * 40, x=-0.4)],
    "frame": [np.vstack([_curve(45, 405, [1.2] * 5), _curve(405, 45, [0.6] * 5)])],
    "chevron": [np.array([(-1, 0.8), (0, -0.2), (1, 0.8), (1, 0.1), (0, -0.9), (-1, 0.1)])],
    "twin_bars": [_box(-1, -0.8, 1, -0.2), _box(-1, 0.2, 1, 0.8)],
    "horseshoe": [_box(-0.9, 0.4, 0.9, 1), _box(-0.9, -1, -0.3, 1), _box(0.3, -1, 0.9, 1)],
    "arrow": [_box(-1, -0.25, 0.2, 0.25), np.array([(0.1, -0.85), (1, 0), (0.1, 0.85)])],
}
STYLES: tuple[str, ...] = tuple(_STYLES)
CONTENTS: tuple[str, ...] = tuple(_SHAPES)


def _mask(content: str, size: int, rng: Random) -> Field:
    """Return the share [size, size], 0 to 1, of each pixel that the placed shape covers."""
    side = size * OVERSAMPLING
    turn = rng.uniform(0.0, 2.0 * np.pi)
    scale = rng.uniform(0.24, 0.38) * side
    stretch = np.sqrt(rng.uniform(0.8, 1.25))
    centre = side * rng.uniform(0.38, 0.62, 2)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    image = Image.new("L", (side, side), 0)
    draw = ImageDraw.Draw(image)
    for points in _SHAPES[content]:
        placed = (points * [stretch, 1.0 / stretch]) @ rotation.T * scale + centre
        draw.polygon(placed.ravel().tolist(), fill=255)
    return np.asarray(image.resize((size, size), Image.Resampling.BOX), dtype=np.float64) / 255.0


def _check(contents: Sequence[str], styles: Sequence[str], size: int) -> None:
    for kind, names, allowed in (("content", contents, CONTENTS), ("style", styles, STYLES)):
        for name in names:
            if name not in allowed:
                raise ValueError(f"unknown {kind} {name!r}; allowed: {', '.join(allowed)}")
        if not names or len(set(names)) != len(names):
            raise ValueError(f"{kind}s must be given, each once; got {list(names)}")
    if size < 16:
        raise ValueError(f"size must be 16 pixels or more, got {size}")


def render(content: str, style: str, size: int, rng: Random) -> npt.NDArray[np.uint8]:
    """Draw one image, RGB [size, size, 3]: a content of `CONTENTS` in a style of `STYLES`.

    Every choice is drawn from `rng`. Raises ValueError for an unknown name and a size below 16.
    """
    _check([content], [style], size)
    look, canvas = _STYLES[style], Canvas(size, rng)
    mask = _mask(content, size, rng)
    ground, figure = look.texture(canvas)
    field = ground + mask * (figure - ground)
    x, y = (axis / REFERENCE_SIZE - 0.5 for axis in canvas.grid())
    lamp = rng.uniform(0.0, 2.0 * np.pi)
    light = np.cos(lamp) * x + np.sin(lamp) * y
    tone = 0.5 + rng.uniform(0.85, 1.15) * look.contrast * field + rng.uniform(0.0, 0.2) * light
    tone = np.clip(tone + look.noise * rng.standard_normal((size, size)), 0.0, 1.0)[..., None]
    ends = np.array([ImageColor.getrgb(end) for end in (look.dark, look.light)])
    ends = ends + rng.normal(0.0, 8.0, (2, 3))
    colours = np.rint(ends[0] + tone * (ends[1] - ends[0])).clip(0, 255)
    return np.asarray(colours, dtype=np.uint8)


def generate(
    root: Path,
    *,
    contents: Sequence[str],
    styles: Sequence[str],
    per_class: Mapping[str, int],
    size: int,
    quality: int,
    seed: int,
) -> int:
    """Write images as `root/<split>/<content>/<style>-<number>.jpg` and return how many.

    `root` is made where missing; files of the same names are replaced. `per_class` holds the
    images of each class by split; they take the styles in turn, so no style has more than one
    image above another. `size` is the side in pixels, `quality` that of JPEG from 1 to 95. The
    table `root/images.csv` has the columns path (relative, forward slashes), class, split, style.

    An image depends on the seed and its own path alone: enlarging a split leaves the others as
    they are. Same arguments, same bytes (with the same numpy, scipy and Pillow).

    Raises ValueError, before anything is written, for an unknown or repeated name, for no contents
    or styles, for a split that is no plain name, and for a number out of range.
    """
    _check(contents, styles, size)
    if not 1 <= quality <= 95:
        raise ValueError(f"quality must be 1 to 95, got {quality}")
    for split, count in per_class.items():
        if not re.fullmatch(r"[\w-]+", split):
            raise ValueError(f"a split must be the plain name of a folder, got {split!r}")
        if count < 0:
            raise ValueError(f"per_class[{split!r}] must not be negative, got {count}")
    lines = ["path,class,split,style"]
    with writing(root):
        root.mkdir(parents=True, exist_ok=True)
    for split, count in per_class.items():
        for content in contents:
            with writing(root / split / content):
                (root / split / content).mkdir(parents=True, exist_ok=True)
            for index in range(count):
                number, turn = divmod(index, len(styles))
                style = styles[turn]
                path = f"{split}/{content}/{style}-{number:04d}.jpg"
                # Not hash(): it differs from one process to the next.
                key = hashlib.sha256(f"{seed}/{path}".encode()).digest()
                rng = np.random.default_rng(int.from_bytes(key, "big"))
                image = Image.fromarray(render(content, style, size, rng))
                with writing(root / path):
                    image.save(root / path, quality=quality)
                    os.utime(root / path, (TIME_OF_IMAGES, TIME_OF_IMAGES))
                lines.append(f"{path},{content},{split},{style}")
    write_with_digest(root / "images.csv", ("\n".join(lines) + "\n").encode())
    return len(lines) - 1
