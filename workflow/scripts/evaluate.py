"""Evaluate a run on the target's test images."""

from pathlib import Path

from job_runner import Job, files, image_folder, run, told
from sjft.evaluation.run import EvaluationFiles, evaluate_run
from sjft.settings.experiment import EvaluationSettings
from sjft.settings.image_limits import limits_among
from sjft.settings.known_part import known_part
from sjft.settings.training import TrainingSettings


def main(job: Job) -> None:
    """Read model and test images; write probabilities, and what follows from them."""
    settings, name = job.params.settings, job.wildcards.experiment
    evaluate_run(
        *(Path(job.input.model), Path(job.input.images)),
        image_folder(job, job.params.place),
        known_part(EvaluationSettings, settings["evaluation"], told(job, "evaluation", name)),
        known_part(TrainingSettings, settings["training"], told(job, "training", name)),
        settings["evaluation"],
        files(EvaluationFiles, job.output),
        skip_bad_images=settings["dataset"]["on_bad_image"] == "skip",
        threads=job.threads,
        limits=limits_among(settings["dataset"]),
    )


if __name__ == "__main__":
    run(main)
