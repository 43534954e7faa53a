"""Weights that torchvision publishes: found in a folder, or downloaded, and always checked."""

import logging
import shutil
from pathlib import Path, PurePosixPath

import torch
from torchvision import models

from sjft.errors import UserError
from sjft.fetch.download import Wanted, download
from sjft.networks.architecture import check_name
from sjft.storage.checksums import contradiction, digests_of
from sjft.storage.files import write_digest, written_beside
from sjft.storage.torch_file import checksum_in

LOG = logging.getLogger(__name__)
FOLDER = "weights"  # below data_root


def published_name(network: str, weights: str) -> str:
    """The name of the file that torchvision publishes, say `alexnet-owt-7be5be79.pth`.

    Raises `UserError` for a network or weights that torchvision does not have.
    """
    check_name(network)
    entries = models.get_model_weights(network)
    try:
        return PurePosixPath(entries[weights].url).name
    except KeyError:
        known = ", ".join(entry.name for entry in entries)
        raise UserError(
            f"weights: torchvision has no weights {weights!r} for {network!r}; allowed: "
            f"{known or 'none'}."
        ) from None


def places_of(name: str, data_root: Path) -> tuple[Path, Path]:
    """Where a published file may lie: `weights` below the data root, and torch's own cache."""
    return data_root / FOLDER / name, Path(torch.hub.get_dir()) / "checkpoints" / name


def fetch_weights(
    network: str, weights: str, output: Path, data_root: Path, weights_url: str
) -> None:
    """Write published weights to ``output``: copied from one of `places_of`, or else downloaded.

    The first hexadecimal digits of the file's SHA-256, which its published name ends with, are
    checked. Its digest is written beside it. Raises `UserError` for weights that cannot be had.
    """
    name = published_name(network, weights)
    checksum = checksum_in(name)
    by_hand, in_cache = places_of(name, data_root)
    for path in (by_hand, in_cache):
        if path.is_file() and _is_right(path, checksum):
            with written_beside(output) as beside:
                shutil.copyfile(path, beside)
            LOG.info("%s: copied from %s", output, path)
            write_digest(output)
            return
    advice = (
        f"On a machine without a network, put the file into {by_hand.parent}, or run `snakemake "
        f"--cores 1 {output}` where there is one and the same folder."
    )
    wanted = Wanted(f"{weights_url.rstrip('/')}/{name}", "weights_url", advice, None, checksum)
    download(wanted, output)
    write_digest(output)


def _is_right(path: Path, checksum: str | None) -> bool:
    wrong = contradiction(path.stat().st_size, digests_of(path, checksum), None, checksum)
    if wrong:
        LOG.warning("%s %s: it is not used", path, wrong)
    return wrong is None
