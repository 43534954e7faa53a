"""Make a synthetic data set's pictures."""

import logging
import shutil
from pathlib import Path
from typing import Any

from job_runner import run
from sjft.settings.dataset import Synthetic
from sjft.synthetic import generate


def main(snakemake: Any) -> None:
    """Read the settings; write the folder of pictures."""
    settings = Synthetic.model_validate(snakemake.params.settings)
    folder = Path(snakemake.output[0])
    shutil.rmtree(folder, ignore_errors=True)
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


if __name__ == "__main__":
    run(main, snakemake)
