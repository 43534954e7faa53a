"""The ranking that a run selects from: all sources' neighbours, without what leaks."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sjft.data.table import read_images
from sjft.leakage.table import images_to_exclude, read_leakage
from sjft.retrieval.neighbours import read_neighbours, write_neighbours
from sjft.retrieval.ranking import first_images, rank
from sjft.storage.files import digest_of_file

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class SourceFiles:
    """A source's images.csv and neighbours, and leakage.csv where what leaks is left out."""

    images: Path
    neighbours: Path
    leakage: Path | None


def rank_sources(
    sources: Mapping[str, SourceFiles], decided_by: Mapping[str, Any], output: Path
) -> None:
    """Write one ranking of several ``sources``, by name in the order of the configuration.

    ``decided_by`` is what of the settings of the retrieval decides it: ``neighbours_on_file`` and
    what is kept in its file. Raises `UserError` where a target image has no neighbour left.
    """
    tables = {name: read_images(files.images) for name, files in sources.items()}
    lists = {name: read_neighbours(files.neighbours) for name, files in sources.items()}
    left_out = {}
    for name, files in sources.items():
        if files.leakage is not None:
            left_out[name] = images_to_exclude(read_leakage(files.leakage))
            LOG.info("%d images of %s are left out", len(left_out[name]), name)
    read = [files.neighbours for files in sources.values()]
    read += [files.leakage for files in sources.values() if files.leakage is not None]
    write_neighbours(
        output,
        rank(lists, tables, left_out, decided_by["neighbours_on_file"]),
        config={**decided_by, "without_leakage": bool(left_out)},
        inputs={str(path): digest_of_file(path) for path in read},
        first_images=first_images(tables),
    )
