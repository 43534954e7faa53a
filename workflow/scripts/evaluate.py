"""Evaluate a run on the target's test images."""

from job_runner import Job, files, image_folder, run, told
from sjft.evaluation.run import EvaluationFiles, ScoredFiles, evaluate_run
from sjft.evaluation.scoring import Scoring
from sjft.settings.image_limits import limits_among


def main(job: Job) -> None:
    """Read model and test images; write probabilities, and what follows from them."""
    settings = job.params.settings
    computing = told(job, "experiments", job.wildcards.experiment)
    evaluate_run(
        files(ScoredFiles, job.input),
        image_folder(job, job.params.target),
        Scoring.of_parts(settings, computing, job.threads, limits_among(settings["dataset"])),
        settings["evaluation"],
        files(EvaluationFiles, job.output),
    )


if __name__ == "__main__":
    run(main)
