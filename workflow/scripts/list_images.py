"""List a data set's images."""

from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from job_runner import folder, run
from sjft.data_state import Record, listed, listed_by, snapshot, state_of, write_listing
from sjft.settings.dataset import DatasetSettings


def main(snakemake: Any) -> None:
    """Read the data set's folder; write images.csv and the state that it stands for."""
    settings: DatasetSettings = TypeAdapter(DatasetSettings).validate_python(
        snakemake.params.settings
    )
    data_root = Path(snakemake.config["data_root"])
    # Taken first: what changes while the list is made is noticed by the next run.
    before = snapshot(settings, data_root)
    images = listed(settings, folder(snakemake.params.place, str(data_root)))
    record = Record(
        listed_by(settings, snakemake.params.code), before, state_of(images, settings.shards)
    )
    write_listing(Path(snakemake.output.images).parent, images, record)


if __name__ == "__main__":
    run(main, snakemake)
