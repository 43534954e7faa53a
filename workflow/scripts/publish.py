"""Publish an experiment's model."""

from pathlib import Path
from typing import Any

from job_runner import run
from sjft.files import digest_of_file
from sjft.network import load_joint_network
from sjft.publication import publish_model, write_model_card
from sjft.settings.experiment import ExperimentSettings
from sjft.summary import read_summary


def main(snakemake: Any) -> None:
    """Read the last round's model and the summary; write the published model and its card."""
    name = snakemake.wildcards.experiment
    experiment = ExperimentSettings.model_validate(snakemake.params.experiment)
    path = Path(snakemake.input.model)
    network = load_joint_network(path)
    summary = read_summary(Path(snakemake.input.summary))
    provenance = {
        "experiment": snakemake.params.experiment,
        "classes": network.target_classes,
        "round_model": digest_of_file(path),
        "accuracy": summary["arms"][experiment.publish.arm],
    }
    publish_model(Path(snakemake.output.model), network, experiment, provenance)
    write_model_card(Path(snakemake.output.card), name, summary, provenance)
    print(f"\n{summary['table']}\n", flush=True)


if __name__ == "__main__":
    run(main, snakemake)
