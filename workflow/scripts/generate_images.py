"""Make the pictures of a data set that is made: from a seed, or from photographs."""

import logging
import shutil
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from job_runner import run
from sjft.data.cameras import photograph_all
from sjft.data.folders import Walk
from sjft.data.readers import read_image_folder
from sjft.data.synthetic import generate
from sjft.settings.dataset import Cameras, Synthetic


def main(snakemake: Any) -> None:
    """Read the settings, and the photographs where there are any; write the folder of pictures."""
    settings: Synthetic | Cameras = TypeAdapter(Synthetic | Cameras).validate_python(
        snakemake.params.settings
    )
    folder = Path(snakemake.output[0])
    shutil.rmtree(folder, ignore_errors=True)
    if isinstance(settings, Synthetic):
        pictures = generate(
            folder,
            contents=settings.contents,
            styles=settings.styles,
            per_class=settings.per_class,
            size=settings.size,
            quality=settings.quality,
            seed=settings.seed,
        )
        logging.info("%d pictures", pictures)
        return
    originals = Path(snakemake.config["data_root"]) / settings.root
    walk = Walk(originals)
    listed = read_image_folder(settings.originals(), originals, walk)
    walk.omissions.log(logging.getLogger("sjft.generate_images"), originals)
    seen = photograph_all(
        listed,
        originals,
        folder,
        cameras=settings.cameras,
        size=settings.size,
        quality=settings.quality,
        seed=settings.seed,
    )
    for camera, pictures in seen.items():
        logging.info("%s: %d pictures", camera, pictures)


if __name__ == "__main__":
    run(main, snakemake)
