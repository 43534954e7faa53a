"""List a data set's images."""

from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from job_runner import folder, run
from sjft.images_table import write_images
from sjft.listing import list_images
from sjft.settings.dataset import DatasetSettings


def main(snakemake: Any) -> None:
    """Read the data set's folder; write images.csv."""
    settings: DatasetSettings = TypeAdapter(DatasetSettings).validate_python(
        snakemake.params.settings
    )
    root = folder(snakemake.params.place, snakemake.config["data_root"])
    table = list_images(settings, root)
    write_images(Path(snakemake.output.images), table)


if __name__ == "__main__":
    run(main, snakemake)
