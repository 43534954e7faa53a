"""Fetch a data set."""

from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from job_runner import run
from sjft.fetch.dataset import fetch_dataset
from sjft.settings.dataset import FilesOnDisk


def main(snakemake: Any) -> None:
    """Read the data set's entry; download, check and lay out what it names."""
    settings: FilesOnDisk = TypeAdapter(FilesOnDisk).validate_python(snakemake.params.settings)
    data_root = Path(snakemake.config["data_root"])
    print(f"\n{fetch_dataset(snakemake.params.name, settings, data_root)}\n", flush=True)


if __name__ == "__main__":
    run(main, snakemake)
