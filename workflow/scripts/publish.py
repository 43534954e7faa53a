"""Publish an experiment's model."""

from pathlib import Path
from typing import Any

from job_runner import run, weights_file
from sjft.data.table import read_images
from sjft.model.card import write_model_card
from sjft.model.provenance import provenance
from sjft.model.publication import publish_model
from sjft.networks.joint import load_joint_network
from sjft.networks.pretrained import digest_of_weights
from sjft.reports.summary import read_summary
from sjft.selection.subset import read_manifest
from sjft.settings.experiment import ExperimentSettings
from sjft.settings.known_part import known_part
from sjft.storage.files import digest_of_file, read_json


def main(snakemake: Any) -> None:
    """Read the last round's model and what is known of it; write the published model and card."""
    files, output, settings = snakemake.input, snakemake.output, snakemake.params.settings
    name = snakemake.wildcards.experiment
    experiment = known_part(ExperimentSettings, settings["experiments"][name])
    arm = experiment.arm(experiment.publish.arm)
    start = weights_file(arm.training.weights, snakemake.config["data_root"], files.weights)
    evaluation = read_json(Path(files.evaluation))
    names = (experiment.target, *experiment.sources)
    lists = (files.target_images, *files.source_images)
    digests = {key: digest_of_file(Path(files[key])) for key in ("subset", "targets", "model")}
    facts = provenance(
        settings=settings,
        arm=arm,
        code=snakemake.params.code,
        tables={n: read_images(Path(path)) for n, path in zip(names, lists, strict=True)},
        manifest=read_manifest(Path(files.subset), Path(files.targets)),
        inputs={"first weights": digest_of_weights(arm.training.weights, start), **digests},
        evaluation=evaluation,
    )
    publish_model(
        Path(output.model),
        load_joint_network(Path(files.model)),
        *(arm.training, experiment.evaluation, facts),
    )
    summary = read_summary(Path(files.summary))
    write_model_card(Path(output.card), name, facts, evaluation["classes"], summary)
    print(f"\n{summary['table']}\n", flush=True)


if __name__ == "__main__":
    run(main)
