"""Photographs seen through known cameras, in which the right answer to source selection is known.

Each photograph of a folder is brought to one size and seen through one *camera*: low light, a
blurred lens, a strong JPEG, halftone lines, few tones, or none of these. What is shown does not
depend on the camera; low-level statistics do. A source in which cameras are mixed then holds a
known share of images that look as the target does.
"""

import csv
import io
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

from sjft.data.pixels import USUAL_LIMITS, load_rgb
from sjft.data.readers.listed import ListedImage
from sjft.data.synthetic import TIME_OF_IMAGES
from sjft.errors import BadImageError
from sjft.settings.image_limits import ImageLimits
from sjft.storage.files import digest_of_text, stable_integer, write_with_digest, writing

LOG = logging.getLogger(__name__)
Pixels = NDArray[np.float64]
Random = np.random.Generator
# What red, green and blue add to the brightness (ITU-R BT.601).
BRIGHTNESS = np.array([0.299, 0.587, 0.114])


def _plain(pixels: Pixels, _: Random) -> Pixels:
    return pixels


def _low_light(pixels: Pixels, rng: Random) -> Pixels:
    """Grey and dark, with the noise of few photons and of the sensor."""
    light = (pixels @ BRIGHTNESS) * rng.uniform(0.25, 0.4)
    photons = rng.poisson(light * 60.0) / 60.0
    return np.repeat((photons + rng.normal(0.0, 0.03, light.shape))[..., None], 3, axis=2)


def _blur(pixels: Pixels, rng: Random) -> Pixels:
    sigma = rng.uniform(0.012, 0.02) * min(pixels.shape[:2])
    return np.asarray(gaussian_filter(pixels, (sigma, sigma, 0.0)))


def _strong_jpeg(pixels: Pixels, rng: Random) -> Pixels:
    content = io.BytesIO()
    _as_image(pixels).save(content, "JPEG", quality=int(rng.integers(5, 11)))
    return np.asarray(Image.open(content), np.float64) / 255.0


def _halftone(pixels: Pixels, rng: Random) -> Pixels:
    """Black lines on white, the broader the darker the image is there."""
    height, width = pixels.shape[:2]
    angle, start = rng.uniform(0.0, np.pi), rng.uniform(0.0, 2.0 * np.pi)
    y, x = np.mgrid[:height, :width]
    wave = np.sin((np.cos(angle) * x + np.sin(angle) * y) * (2.0 * np.pi / 5.0) + start)
    ink = np.clip(4.0 * (pixels @ BRIGHTNESS - (0.5 + 0.45 * wave)) + 0.5, 0.0, 1.0)
    return np.repeat(ink[..., None], 3, axis=2)


def _posterised(pixels: Pixels, rng: Random) -> Pixels:
    steps = int(rng.integers(2, 4))
    return np.rint(pixels * steps) / steps


# By name: what a camera makes of pixels in [0, 1], [height, width, 3], with draws of its own.
CAMERAS: dict[str, Callable[[Pixels, Random], Pixels]] = {
    "plain": _plain,
    "low_light": _low_light,
    "blur": _blur,
    "strong_jpeg": _strong_jpeg,
    "halftone": _halftone,
    "posterised": _posterised,
}


def seen_through(photograph: Image.Image, camera: str, size: int, rng: Random) -> Image.Image:
    """A photograph as one of `CAMERAS` shows it, its shorter side ``size`` pixels long.

    Every choice is drawn from ``rng``. Raises KeyError for an unknown camera.
    """
    scale = size / min(photograph.size)
    sides = (
        max(size, round(photograph.width * scale)),
        max(size, round(photograph.height * scale)),
    )
    pixels = np.asarray(photograph.resize(sides, Image.Resampling.LANCZOS), np.float64) / 255.0
    return _as_image(CAMERAS[camera](pixels, rng))


def _as_image(pixels: Pixels) -> Image.Image:
    return Image.fromarray(np.rint(pixels.clip(0.0, 1.0) * 255.0).astype(np.uint8))


def photograph_all(
    photographs: Sequence[ListedImage],
    originals: Path,
    root: Path,
    *,
    limits: ImageLimits = USUAL_LIMITS,
    skip_bad_images: bool = False,
    cameras: Mapping[str, float],
    size: int,
    quality: int,
    seed: int,
) -> dict[str, int]:
    """Write each photograph of ``originals`` as one camera sees it; how many each one has seen.

    ``cameras`` are weights: a seeded hash of the path draws one, so that a photograph keeps its
    camera whatever others are added. Images are written as `root/<split>/<class>/<name>.jpg`, and
    listed in `root/images.csv` with the columns path, class, split, style (the camera). Same
    arguments, same bytes. Raises `BadImageError` for a photograph that cannot be read or is over
    the ``limits``, where such are not skipped, each named in the log.
    """
    seen = dict.fromkeys(cameras, 0)
    rows = [("path", "class", "split", "style")]
    for photograph in photographs:
        rng = np.random.default_rng(stable_integer("camera", seed, photograph.path))
        camera = _drawn(cameras, rng)
        # By a digest of its path: two folders of a class may hold photographs of one name.
        name = f"{photograph.split}/{photograph.class_name}/{digest_of_text(photograph.path)}.jpg"
        try:
            original = load_rgb(originals / photograph.path, limits)
        except BadImageError as error:
            if not skip_bad_images:
                raise
            LOG.warning("skipped %s: %s", error.path, error.reason)
            continue
        with writing(root / name):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
        image = seen_through(original, camera, size, rng)
        with writing(root / name):
            image.save(root / name, quality=quality)
            os.utime(root / name, (TIME_OF_IMAGES, TIME_OF_IMAGES))
        rows.append((name, photograph.class_name, photograph.split, camera))
        seen[camera] += 1
    table = io.StringIO()
    csv.writer(table, lineterminator="\n").writerows(rows)
    write_with_digest(root / "images.csv", table.getvalue().encode("utf-8"))
    return seen


def _drawn(cameras: Mapping[str, float], rng: Random) -> str:
    names, ends = list(cameras), np.cumsum(list(cameras.values()))
    drawn = int(np.searchsorted(ends, rng.uniform(0.0, ends[-1]), side="right"))
    return names[min(drawn, len(names) - 1)]
