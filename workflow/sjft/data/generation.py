"""Data sets that are made: from a seed, or from photographs seen through known cameras."""

import logging
import shutil
from pathlib import Path

from sjft.data.cameras import photograph_all
from sjft.data.listing import list_images
from sjft.data.readers import ListedImage
from sjft.data.synthetic import generate
from sjft.settings.dataset import Cameras, Synthetic

LOG = logging.getLogger(__name__)


def generate_images(settings: Synthetic | Cameras, data_root: Path, folder: Path) -> None:
    """Make a data set's images anew in ``folder``, whatever was there.

    Photographs lie below ``data_root``. Raises `UserError` where they cannot be listed, and
    `BadImageError` for one that cannot be read.
    """
    shutil.rmtree(folder, ignore_errors=True)
    if isinstance(settings, Synthetic):
        _from_a_seed(settings, folder)
    else:
        _from_photographs(settings, data_root / settings.root, folder)


def _from_a_seed(settings: Synthetic, folder: Path) -> None:
    images = generate(
        folder,
        contents=settings.contents,
        styles=settings.styles,
        per_class=dict(settings.per_class.items()),
        size=settings.size,
        quality=settings.quality,
        seed=settings.seed,
    )
    LOG.info("%d images", images)


def _from_photographs(settings: Cameras, originals: Path, folder: Path) -> None:
    table = list_images(settings.originals(), originals)
    columns = table.select("path", "class_name", "split")
    seen = photograph_all(
        [ListedImage(*row) for row in columns.iter_rows()],
        originals,
        folder,
        limits=settings,
        skip_bad_images=settings.on_bad_image == "skip",
        cameras=dict(settings.cameras.items()),
        size=settings.size,
        quality=settings.quality,
        seed=settings.seed,
    )
    for camera, images in seen.items():
        LOG.info("%s: %d images", camera, images)
