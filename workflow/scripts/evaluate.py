"""Evaluate a run on the target's test images."""

from pathlib import Path
from typing import Any

import polars as pl

from job_runner import folder, limits_among, run
from sjft.data.table import class_names, read_images
from sjft.evaluation.accuracy import (
    class_table,
    confusion,
    confusion_table,
    evaluate,
    prediction_table,
)
from sjft.evaluation.probabilities import write_probabilities
from sjft.networks.joint import load_joint_network
from sjft.settings.experiment import EvaluationSettings
from sjft.settings.known_part import known_part
from sjft.settings.training import TrainingSettings
from sjft.storage.files import digest_of_file, write_json, write_plain_table


def main(snakemake: Any) -> None:
    """Read model and test pictures; write probabilities, and what follows from them."""
    settings, told = snakemake.params.settings, snakemake.config["told"]
    name = snakemake.wildcards.experiment
    evaluation = known_part(EvaluationSettings, settings["evaluation"] | told["evaluation"][name])
    images = read_images(Path(snakemake.input.images))
    measured, probabilities = evaluate(
        load_joint_network(Path(snakemake.input.model)),
        images.filter(pl.col("split") == evaluation.split),
        folder(snakemake.params.place, snakemake.config["data_root"]),
        class_names(images),
        evaluation,
        known_part(TrainingSettings, settings["training"] | told["training"][name]),
        skip_bad_images=settings["dataset"]["on_bad_image"] == "skip",
        threads=snakemake.threads,
        limits=limits_among(settings["dataset"]),
    )
    counts, names = confusion(probabilities.values, probabilities.labels), probabilities.class_names
    output = {name: Path(path) for name, path in snakemake.output.items()}
    write_json(output["evaluation"], measured)
    write_plain_table(output["predictions"], prediction_table(probabilities))
    write_plain_table(output["classes"], class_table(counts, names))
    write_plain_table(output["confusion"], confusion_table(counts, names))
    write_probabilities(
        output["probabilities"],
        probabilities,
        config=settings["evaluation"],
        inputs={path: digest_of_file(Path(path)) for path in snakemake.input},
    )


if __name__ == "__main__":
    run(main, snakemake)
