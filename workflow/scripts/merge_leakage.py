"""Join what was found of the target's held-out pictures in all shards of a source."""

import logging
from pathlib import Path
from typing import Any

from job_runner import run
from sjft.leakage import count_leakage, join_leakage, read_leakage, write_leakage


def main(snakemake: Any) -> None:
    """Read the shards' tables; write leakage.csv."""
    found = join_leakage([read_leakage(Path(path)) for path in snakemake.input.shards])
    logging.info("leakage: %s", count_leakage(found))
    write_leakage(Path(snakemake.output.leakage), found)


if __name__ == "__main__":
    run(main, snakemake)
