"""Write the report of an experiment."""

from pathlib import Path

from job_runner import Job, image_folders, run, typed
from sjft.model.provenance import versions
from sjft.pipeline.report_costs import costs_of_report
from sjft.reports.report_page.inputs import Circumstances, ReportInputs
from sjft.reports.report_page.write import write_report
from sjft.settings.yaml_file import as_yaml


def main(job: Job) -> None:
    """Read what the rules have made, and the images that are shown; write the page."""
    params = job.params
    write_report(
        typed(ReportInputs, params.files),
        image_folders(job, params.datasets),
        Circumstances(costs_of_report(params.jobs), versions(), as_yaml(params.settings)),
        Path(job.output.page),
    )


if __name__ == "__main__":
    run(main)
