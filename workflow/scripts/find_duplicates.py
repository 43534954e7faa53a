"""Look for the target's held-out pictures among its own training images."""

import logging
from pathlib import Path
from typing import Any

from job_runner import run
from sjft.images_table import numbers_in_shards, read_images
from sjft.leakage import count_leakage, find_copies, list_leakage, no_divergences, write_leakage
from sjft.picture_hashes import PictureHashes, read_hashes


def main(snakemake: Any) -> None:
    """Read the hashes of both parts; write duplicates.csv."""
    files = snakemake.input
    images = read_images(Path(files.images))

    def hashes(part: str, paths: list[str]) -> PictureHashes:
        numbers = numbers_in_shards(images, part, len(paths))
        return read_hashes([Path(path) for path in paths], numbers)

    copies = find_copies(
        hashes("heldout", files.heldout_hashes),
        hashes("train", files.train_hashes),
        snakemake.params.leakage["hash_distance"],
    )
    found = list_leakage([copies], no_divergences(), images, images)
    logging.info("duplicates of held-out images in the training images: %s", count_leakage(found))
    write_leakage(Path(snakemake.output.duplicates), found)


if __name__ == "__main__":
    run(main, snakemake)
