"""Write the report of an experiment."""

from pathlib import Path

from pydantic import TypeAdapter

from job_runner import Job, image_folder, run
from sjft.model.file import as_yaml
from sjft.model.provenance import versions
from sjft.pipeline.report_costs import costs_of_report
from sjft.reports.report_page.inputs import Circumstances, ImageFolders, ReportInputs
from sjft.reports.report_page.write import write_report
from sjft.settings.image_limits import limits_of_any


def main(job: Job) -> None:
    """Read what the rules have made, and the images that are shown; write the page."""
    params = job.params
    inputs = TypeAdapter(ReportInputs).validate_python(params.files)
    places = {inputs.datasets[0].name: params.places["target"], **params.places["sources"]}
    folders = ImageFolders(
        {name: image_folder(job, place) for name, place in places.items()},
        limits_of_any(job.config["told"]["datasets"].values()),
    )
    known = Circumstances(costs_of_report(params.jobs), versions(), as_yaml(params.settings))
    write_report(inputs, folders, known, Path(job.output.page))


if __name__ == "__main__":
    run(main)
