"""Score how hard each of the target's training images is after a round."""

from pathlib import Path

from job_runner import Job, image_folder, run, told
from sjft.evaluation.difficulty import score_difficulty
from sjft.settings.experiment import EvaluationSettings
from sjft.settings.image_limits import limits_of_any
from sjft.settings.known_part import known_part
from sjft.settings.training import TrainingSettings


def main(job: Job) -> None:
    """Read model and training images; write the difficulties."""
    settings, name = job.params.settings, job.wildcards.experiment
    score_difficulty(
        Path(job.input.model),
        Path(job.input.targets),
        image_folder(job, job.params.place),
        known_part(EvaluationSettings, settings["evaluation"], told(job, "evaluation", name)),
        known_part(TrainingSettings, settings["training"], told(job, "training", name)),
        Path(job.output.difficulty),
        threads=job.threads,
        limits=limits_of_any(job.config["told"]["datasets"].values()),
    )


if __name__ == "__main__":
    run(main)
