"""Descriptors of one shard of a data set: its images, the bank, and what becomes of bad ones."""

from dataclasses import dataclass
from pathlib import Path

from sjft.data.shard import ImagesOfShard
from sjft.data.table import of_shard, read_images
from sjft.descriptors.banks import make_bank
from sjft.descriptors.extraction import Extraction, extract_descriptors
from sjft.networks.devices import choose_device
from sjft.settings.banks.common import FilterBankSettings
from sjft.storage.files import write_table


@dataclass(frozen=True)
class ShardOutput:
    """What extraction writes: descriptors, and the list of the images that were skipped."""

    descriptors: Path
    skipped: Path


def write_descriptors_of_shard(
    images: ImagesOfShard,
    bank: FilterBankSettings,
    weights: Path | None,
    output: ShardOutput,
    *,
    key: str,
    threads: int = 1,
) -> None:
    """Extract a shard's descriptors; write them, and the list of images that were skipped.

    ``key`` is where the bank stands in the configuration, for messages. Raises `UserError` for a
    bank or a device that cannot be had, and see `extract_descriptors`.
    """
    filters = make_bank(bank, weights, choose_device(bank.device, f"{key}.device"))
    bad = extract_descriptors(
        of_shard(read_images(images.table), images.part, images.shard),
        images.root,
        Extraction(
            bank=filters,
            grid=bank.grid,
            config=bank.deciding,
            inputs={"images": images.state, "weights": filters.digest_of_weights},
            skip_bad_images=images.skip_bad,
            part=images.part,
            threads=threads,
            limits=images.limits,
        ),
        output.descriptors,
    )
    write_table(output.skipped, bad)
