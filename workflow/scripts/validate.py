"""Validate a run: how good it is on the images that the published arm is chosen by."""

from pathlib import Path

from job_runner import Job, image_folder, run, told
from sjft.evaluation.run import validate_run
from sjft.settings.experiment import EvaluationSettings
from sjft.settings.image_limits import limits_among
from sjft.settings.known_part import known_part
from sjft.settings.training import TrainingSettings


def main(job: Job) -> None:
    """Read model and validation images; write the accuracies."""
    settings, name = job.params.settings, job.wildcards.experiment
    validate_run(
        Path(job.input.model),
        Path(job.input.images),
        image_folder(job, job.params.place),
        known_part(EvaluationSettings, settings["evaluation"], told(job, "evaluation", name)),
        known_part(TrainingSettings, settings["training"], told(job, "training", name)),
        Path(job.output.validation),
        skip_bad_images=settings["dataset"]["on_bad_image"] == "skip",
        threads=job.threads,
        limits=limits_among(settings["dataset"]),
    )


if __name__ == "__main__":
    run(main)
