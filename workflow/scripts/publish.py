"""Publish an experiment's model."""

from pathlib import Path

from job_runner import Job, run, weights_file
from sjft.model.published_run import PublishedRun, publish, published_names, published_weights
from sjft.reports.choice import published_arm


def main(job: Job) -> None:
    """Name what is known of the run; write the published model and its card."""
    files, params, output = job.input, job.params, job.output
    name, arms = job.wildcards.experiment, list(params.candidates)
    arm = published_arm(arms, Path(files.choice) if files.choice else None)
    fetched = [file for file in files.weights if Path(file).name == params.candidates[arm]]
    weights = published_weights(params.settings, name, arm)
    lists = map(Path, (files.target_images, *files.source_images))
    kinds = ("models", "subsets", "targets", "evaluations")
    model, subset, targets, evaluation = (Path(files[kind][arms.index(arm)]) for kind in kinds)
    published = PublishedRun(
        *(name, arm, params.settings, params.code),
        *(model, subset, targets, evaluation, Path(files.summary)),
        images=dict(zip(published_names(params.settings, name), lists, strict=True)),
        weights=weights_file(weights, job.config["data_root"], *(fetched or [None])),
    )
    publish(published, Path(output.model), Path(output.card))


if __name__ == "__main__":
    run(main)
