"""Write the page of who was borrowed for whom."""

from pathlib import Path

from pydantic import TypeAdapter

from job_runner import Job, image_folder, run
from sjft.reports.explorer.inputs import ExplorerInputs, ImageFolders
from sjft.reports.explorer.write import write_explorer
from sjft.settings.explorer import ExplorerSettings
from sjft.settings.image_limits import limits_of_any


def main(job: Job) -> None:
    """Read what retrieval and rounds have made, and images; write the page's folder."""
    images = ImageFolders(
        image_folder(job, job.params.places["target"]),
        {name: image_folder(job, at) for name, at in job.params.places["sources"].items()},
        limits_of_any(job.config["told"]["datasets"].values()),
    )
    write_explorer(
        TypeAdapter(ExplorerInputs).validate_python(job.params.files),
        images,
        ExplorerSettings.model_validate(job.params.settings),
        Path(job.output.page).parent,
        job.threads,
    )


if __name__ == "__main__":
    run(main)
