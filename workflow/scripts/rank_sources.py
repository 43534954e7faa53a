"""Make one ranking of several sources' neighbours."""

import logging
from pathlib import Path
from typing import Any

from job_runner import run
from sjft.data.table import read_images
from sjft.leakage.table import images_to_exclude, read_leakage
from sjft.retrieval.neighbours import read_neighbours, write_neighbours
from sjft.retrieval.ranking import first_images, rank
from sjft.storage.files import digest_of_file


def main(snakemake: Any) -> None:
    """Read each source's neighbours and what leaks of it; write the ranking."""
    files, params = snakemake.input, snakemake.params
    names, retrieval = params.sources, params.retrieval
    tables = {n: read_images(Path(p)) for n, p in zip(names, files.images, strict=True)}
    lists = {n: read_neighbours(Path(p)) for n, p in zip(names, files.neighbours, strict=True)}
    left_out = {}
    for name, path in zip(names, files.leakage, strict=False):  # no files where none is left out
        left_out[name] = images_to_exclude(read_leakage(Path(path)))
        logging.info("%d images of %s are left out", len(left_out[name]), name)
    write_neighbours(
        Path(snakemake.output.ranking),
        rank(lists, tables, left_out, retrieval["neighbours_on_file"]),
        config={**retrieval, "without_leakage": bool(files.leakage)},
        inputs={path: digest_of_file(Path(path)) for path in (*files.neighbours, *files.leakage)},
        first_images=first_images(tables),
    )


if __name__ == "__main__":
    run(main, snakemake)
