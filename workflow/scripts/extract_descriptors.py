"""Extract the descriptors of one shard of a data set's training images."""

from pathlib import Path
from typing import Any

import polars as pl
from pydantic import TypeAdapter

from job_runner import folder, run, weights_file
from sjft.banks import make_bank
from sjft.extraction import Extraction, extract_descriptors
from sjft.files import digest_of_file, write_table
from sjft.images_table import read_images
from sjft.settings.bank import BankSettings


def main(snakemake: Any) -> None:
    """Read images.csv and the pictures; write descriptors and the list of skipped images."""
    settings: BankSettings = TypeAdapter(BankSettings).validate_python(snakemake.params.bank)
    path = Path(snakemake.input.images)
    images = read_images(path)
    of_shard = images.filter(
        (pl.col("split") == "train") & (pl.col("shard") == int(snakemake.wildcards.shard))
    )
    data_root = snakemake.config["data_root"]
    weights = getattr(settings, "weights", None)
    bank = make_bank(settings, weights_file(weights, data_root, snakemake.input.weights))
    skipped = extract_descriptors(
        of_shard,
        folder(snakemake.params.place, data_root),
        Extraction(
            bank=bank,
            grid=settings.grid,
            config=settings.model_dump(mode="json"),
            inputs={"images": digest_of_file(path), "weights": bank.digest_of_weights},
            skip_bad_images=snakemake.params.dataset["on_bad_image"] == "skip",
        ),
        Path(snakemake.output.descriptors),
    )
    write_table(Path(snakemake.output.skipped), skipped)


if __name__ == "__main__":
    run(main, snakemake)
