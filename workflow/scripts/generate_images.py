"""Make the images of a data set that is made: from a seed, or from photographs."""

from pathlib import Path

from pydantic import TypeAdapter

from job_runner import Job, beside_the_list, data_root, run
from sjft.data.generation import generate_images
from sjft.settings.dataset import Cameras, Synthetic


def main(job: Job) -> None:
    """Read the settings, and the photographs where there are any; write the folder of images."""
    kinds: TypeAdapter[Synthetic | Cameras] = TypeAdapter(Synthetic | Cameras)
    settings = kinds.validate_python({**beside_the_list(job), **job.params.settings})
    generate_images(settings, data_root(job), Path(job.output[0]))


if __name__ == "__main__":
    run(main)
