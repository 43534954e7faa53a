"""Score how hard each of the target's training images is after a round."""

from pathlib import Path

from job_runner import Job, image_folder, image_limits, run, told
from sjft.evaluation.difficulty import score_difficulty
from sjft.evaluation.scoring import Scoring


def main(job: Job) -> None:
    """Read model and training images; write the difficulties."""
    computing = told(job, "experiments", job.wildcards.experiment)
    score_difficulty(
        *(Path(job.input.model), Path(job.input.targets)),
        image_folder(job, job.params.target),
        Scoring.of_parts(job.params.settings, computing, job.threads, image_limits(job)),
        Path(job.output.difficulty),
    )


if __name__ == "__main__":
    run(main)
