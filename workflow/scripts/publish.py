"""Publish an experiment's model."""

from pathlib import Path

from job_runner import Job, run, weights_file
from sjft.model.published_run import PublishedRun, publish, published_names, published_weights


def main(job: Job) -> None:
    """Name what is known of the run; write the published model and its card, and tell of it."""
    files, params, output = job.input, job.params, job.output
    name, root = job.wildcards.experiment, job.config["data_root"]
    names = published_names(params.settings, name)
    lists = map(Path, (files.target_images, *files.source_images))
    kept = ("model", "subset", "targets", "evaluation", "summary")
    published = PublishedRun(
        name,
        params.settings,
        params.code,
        **{key: Path(files[key]) for key in kept},
        images=dict(zip(names, lists, strict=True)),
        weights=weights_file(published_weights(params.settings, name), root, files.weights),
    )
    print(f"\n{publish(published, Path(output.model), Path(output.card))}\n", flush=True)


if __name__ == "__main__":
    run(main)
