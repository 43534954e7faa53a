"""Validate a run: how good it is on the images that the published arm is chosen by."""

from pathlib import Path

from job_runner import Job, files, image_folder, run, told
from sjft.evaluation.run import ScoredFiles, validate_run
from sjft.evaluation.scoring import Scoring
from sjft.settings.image_limits import limits_among


def main(job: Job) -> None:
    """Read model and validation images; write the accuracies."""
    settings = job.params.settings
    computing = told(job, "experiments", job.wildcards.experiment)
    validate_run(
        files(ScoredFiles, job.input),
        image_folder(job, job.params.target),
        Scoring.of_parts(settings, computing, job.threads, limits_among(settings["dataset"])),
        Path(job.output.validation),
    )


if __name__ == "__main__":
    run(main)
