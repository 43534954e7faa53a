"""List a data set's images."""

from pathlib import Path

from job_runner import Job, data_root, image_folder, run
from sjft.data.state import list_dataset
from sjft.settings.dataset import dataset_settings


def main(job: Job) -> None:
    """Read the data set's folder; write images.csv and the state that it stands for."""
    # What does not decide the list is in no parameter, and decides how the list is looked at.
    beside = job.config["beside_the_list"][job.wildcards.dataset]
    list_dataset(
        dataset_settings({**job.params.settings, **beside}),
        image_folder(job, job.params.place),
        data_root(job),
        job.params.code,
        Path(job.output.images).parent,
    )


if __name__ == "__main__":
    run(main)
