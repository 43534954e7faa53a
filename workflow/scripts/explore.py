"""Write the page of who was borrowed for whom."""

from pathlib import Path

from job_runner import Job, image_folders, run, typed
from sjft.reports.explorer.inputs import ExplorerInputs
from sjft.reports.explorer.write import write_explorer
from sjft.settings.explorer import ExplorerSettings


def main(job: Job) -> None:
    """Read what retrieval and rounds have made, and images; write the page's folder."""
    write_explorer(
        typed(ExplorerInputs, job.params.files),
        image_folders(job, job.params.datasets),
        typed(ExplorerSettings, job.params.settings),
        Path(job.output.page).parent,
        job.threads,
    )


if __name__ == "__main__":
    run(main)
