"""Hash files: what tells the copies of an image, for every image of a shard.

The digest finds a file that was copied byte by byte, the perceptual hash an image that was saved
anew, resized, slightly cropped or mirrored.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sjft.data.pixels import USUAL_LIMITS, load_rgb
from sjft.data.shard import ImagesOfShard
from sjft.data.table import of_shard, read_images
from sjft.errors import BadImageError
from sjft.leakage.digests import DIGEST, KIND, VERSION
from sjft.leakage.perceptual_hash import BITS, VIEWS, WORDS, perceptual_hash
from sjft.progress import progress
from sjft.settings.image_limits import ImageLimits
from sjft.storage.files import digest_of_file
from sjft.storage.hdf5 import Variable, create_hdf5, open_hdf5

IMAGES_A_BLOCK = 256
LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class ImageHashes:
    """Digests and perceptual hashes of some images.

    ``images`` int32 [images]: numbers of the images. ``digests``: BLAKE2b of each file, 32
    hexadecimal digits. ``bits`` uint64 [images, views, words] and ``detail`` float32 [images]:
    see `sjft.leakage.perceptual_hash.perceptual_hash`.
    """

    images: NDArray[np.int32]
    digests: NDArray[np.bytes_]
    bits: NDArray[np.uint64]
    detail: NDArray[np.float32]

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> "ImageHashes":
        """The hashes of some of the images."""
        return ImageHashes(
            self.images[rows], self.digests[rows], self.bits[rows], self.detail[rows]
        )


def hash_shard(images: ImagesOfShard, output: Path) -> None:
    """Hash a shard's images as `hash_images` does, numbered within its list."""
    listed = of_shard(read_images(images.table), images.part, images.shard)
    numbered = listed.with_columns(pl.int_range(pl.len(), dtype=pl.Int32).alias("image"))
    hash_images(numbered, images.root, output, {"images": images.state}, images.limits)


def hash_images(
    images: pl.DataFrame,
    root: Path,
    output: Path,
    inputs: dict[str, str],
    limits: ImageLimits = USUAL_LIMITS,
) -> pl.DataFrame:
    """Hash ``images`` (columns image and path) into an HDF5 file; there may be none.

    Images that cannot be read are left out and returned as a table of path and reason:
    extraction is where they stop the run or are skipped.
    """
    skipped: list[tuple[str, str]] = []
    written = 0
    with create_hdf5(
        output,
        kind=KIND,
        version=VERSION,
        config={"bits": BITS, "views": list(VIEWS)},
        inputs=inputs,
    ) as writer:
        for block in _blocks(images, root, limits, skipped):
            for name, variable in _variables(block).items():
                writer.add(name, variable)
            written += len(block.images)
    LOG.info("%d images hashed, %d that cannot be read left out", written, len(skipped))
    return pl.DataFrame(skipped, schema={"path": pl.String, "reason": pl.String}, orient="row")


def _blocks(
    images: pl.DataFrame, root: Path, limits: ImageLimits, skipped: list[tuple[str, str]]
) -> Iterator[ImageHashes]:
    """Yield the hashes in blocks: one at least, so that an empty file has its data sets too."""
    starts = range(0, max(len(images), 1), IMAGES_A_BLOCK)
    for start in progress(
        starts, total=len(images), what="hashes", unit="images", per_item=IMAGES_A_BLOCK
    ):
        rows, digests, bits, detail = [], [], [], []
        block = images.slice(start, IMAGES_A_BLOCK)
        for image, path in zip(block["image"], block["path"], strict=True):
            try:
                hashed = perceptual_hash(load_rgb(root / path, limits))
            except BadImageError as error:
                LOG.warning("left out %s: %s", error.path, error.reason)
                skipped.append((path, error.reason))
                continue
            rows.append(image)
            digests.append(digest_of_file(root / path))
            bits.append(hashed[0])
            detail.append(hashed[1])
        yield ImageHashes(
            np.array(rows, np.int32),
            np.array(digests, DIGEST),
            np.array(bits, np.uint64).reshape(-1, len(VIEWS), WORDS),
            np.array(detail, np.float32),
        )


def _variables(hashes: ImageHashes) -> dict[str, Variable]:
    return {
        "image": Variable(hashes.images, ("image",), "Number of the image in its shard's list"),
        "digest": Variable(
            hashes.digests, ("image",), "BLAKE2b of the file (b2sum --length 128), hexadecimal"
        ),
        "perceptual_hash": Variable(
            hashes.bits,
            ("image", "view", "word"),
            "Signs of low frequencies of the grey image, whole and in smaller views",
        ),
        "detail": Variable(
            hashes.detail, ("image",), "Median amplitude behind the bits", "grey levels, 0 to 255"
        ),
    }


def read_hashes(
    paths: Sequence[Path], numbers: Sequence[NDArray[np.int32]] | None = None
) -> ImageHashes:
    """Read one or more shards of a data set, in the order of their images' numbers.

    ``numbers`` holds, shard by shard, the rows of images.csv that the shard's own numbers stand
    for; without it, images keep the numbers in the files. Raises `UserError` for any other file.
    """
    shards = []
    for place, path in enumerate(paths):
        with open_hdf5(path, kind=KIND, version=VERSION) as file:
            images = file["image"][:]
            shards.append(
                ImageHashes(
                    images if numbers is None else numbers[place][images],
                    file["digest"][:],
                    file["perceptual_hash"][:],
                    file["detail"][:],
                )
            )
    joined = ImageHashes(
        np.concatenate([shard.images for shard in shards]),
        np.concatenate([shard.digests for shard in shards]),
        np.concatenate([shard.bits for shard in shards]),
        np.concatenate([shard.detail for shard in shards]),
    )
    return joined.take(np.argsort(joined.images, kind="stable"))
