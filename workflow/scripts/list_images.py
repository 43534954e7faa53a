"""List a data set's images."""

from pathlib import Path

from pydantic import TypeAdapter

from job_runner import Job, data_root, image_folder, run
from sjft.data.state import list_dataset
from sjft.settings.dataset import DatasetSettings


def main(job: Job) -> None:
    """Read the data set's folder; write images.csv and the state that it stands for."""
    # What does not decide the list is in no parameter, and decides how the list is looked at.
    beside = job.config["beside_the_list"][job.wildcards.dataset]
    values = {**job.params.settings, **beside}
    settings: DatasetSettings = TypeAdapter(DatasetSettings).validate_python(values)
    list_dataset(
        settings,
        image_folder(job, job.params.place),
        data_root(job),
        job.params.code,
        Path(job.output.images).parent,
    )


if __name__ == "__main__":
    run(main)
