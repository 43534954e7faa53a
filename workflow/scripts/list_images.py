"""List a data set's images."""

from pathlib import Path

from job_runner import Job, beside_the_list, data_root, image_folder, run
from sjft.data.state import list_dataset
from sjft.settings.dataset import dataset_settings


def main(job: Job) -> None:
    """Read the data set's folder; write images.csv and the state that it stands for."""
    list_dataset(
        dataset_settings({**beside_the_list(job), **job.params.settings}),
        image_folder(job, job.wildcards.dataset),
        data_root(job),
        job.params.code,
        Path(job.output.images).parent,
    )


if __name__ == "__main__":
    run(main)
