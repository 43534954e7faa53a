"""Fetch a data set."""

from pydantic import TypeAdapter

from job_runner import Job, data_root, run
from sjft.fetch.dataset import fetch_dataset
from sjft.settings.dataset import FilesOnDisk


def main(job: Job) -> None:
    """Read the data set's entry; download, check and lay out what it names."""
    settings: FilesOnDisk = TypeAdapter(FilesOnDisk).validate_python(job.params.settings)
    print(f"\n{fetch_dataset(job.params.name, settings, data_root(job))}\n", flush=True)


if __name__ == "__main__":
    run(main)
