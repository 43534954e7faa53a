"""Extract the descriptors of one shard of a data set."""

from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from job_runner import folder, limits_on, run, weights_file
from sjft.data.table import of_shard, read_images
from sjft.descriptors.banks import make_bank
from sjft.descriptors.extraction import Extraction, extract_descriptors
from sjft.networks.devices import choose_device
from sjft.settings.bank import BankSettings
from sjft.storage.files import write_table


def main(snakemake: Any) -> None:
    """Read images.csv and the pictures; write descriptors and the list of skipped images."""
    wildcards, told = snakemake.wildcards, snakemake.config["told"]
    settings: BankSettings = TypeAdapter(BankSettings).validate_python(
        snakemake.params.bank | told["banks"][wildcards.bank]
    )
    images = read_images(Path(snakemake.input.images))
    data_root = snakemake.config["data_root"]
    weights = getattr(settings, "weights", None)
    device = choose_device(settings.device, f"banks.{wildcards.bank}.device")
    bank = make_bank(settings, weights_file(weights, data_root, snakemake.input.weights), device)
    skipped = extract_descriptors(
        of_shard(images, wildcards.part, int(wildcards.shard)),
        folder(snakemake.params.place, data_root),
        Extraction(
            bank=bank,
            grid=settings.grid,
            config=settings.deciding,
            inputs={"pictures": snakemake.params.pictures, "weights": bank.digest_of_weights},
            skip_bad_images=told["datasets"][wildcards.dataset]["on_bad_image"] == "skip",
            threads=snakemake.threads,
            limits=limits_on(wildcards.dataset, snakemake.config),
        ),
        Path(snakemake.output.descriptors),
    )
    write_table(Path(snakemake.output.skipped), skipped)


if __name__ == "__main__":
    run(main)
