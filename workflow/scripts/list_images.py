"""List a data set's images."""

import logging
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from job_runner import folder, run
from sjft.data.omissions import Omissions
from sjft.data.state import Record, listed, listed_by, snapshot, state_of, write_listing
from sjft.settings.dataset import DatasetSettings

LOG = logging.getLogger("sjft.list_images")


def main(snakemake: Any) -> None:
    """Read the data set's folder; write images.csv and the state that it stands for."""
    # What does not decide the list is in no parameter, and decides how the list is looked at.
    beside = snakemake.config["beside_the_list"][snakemake.wildcards.dataset]
    settings: DatasetSettings = TypeAdapter(DatasetSettings).validate_python(
        {**snakemake.params.settings, **beside}
    )
    data_root = Path(snakemake.config["data_root"])
    # Taken first: what changes while the list is made is noticed by the next run.
    before = snapshot(settings, data_root)
    root, omissions = folder(snakemake.params.place, str(data_root)), Omissions()
    images = listed(settings, root, omissions=omissions)
    omissions.log(LOG, root)
    state = state_of(images, settings.shards, omissions)
    record = Record(listed_by(settings, snakemake.params.code), before, state)
    write_listing(Path(snakemake.output.images).parent, images, record)


if __name__ == "__main__":
    run(main, snakemake)
