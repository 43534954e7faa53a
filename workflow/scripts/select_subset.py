"""Choose the source images of one round."""

from pathlib import Path
from typing import Any

from job_runner import run
from sjft.arms import RoundInputs, select
from sjft.difficulty import read_difficulty
from sjft.images_table import read_images
from sjft.neighbours import read_neighbours
from sjft.settings.experiment import SelectionSettings
from sjft.subset import read_selected, read_targets, usable_images, write_manifest


def main(snakemake: Any) -> None:
    """Read listings, neighbours and the last round's difficulty; write the manifest."""
    files = snakemake.input
    targets = read_images(Path(files.targets))
    sources = read_images(Path(files.sources))
    last_round = [Path(path) for path in files.last_round]
    manifest = select(
        snakemake.wildcards.arm,
        RoundInputs(
            targets=usable_images(targets, [Path(p) for p in files.skipped_targets]),
            sources=usable_images(sources, [Path(p) for p in files.skipped_sources]),
            neighbours=read_neighbours(Path(files.neighbours)) if files.neighbours else None,
            last_targets=read_targets(last_round[0]) if last_round else None,
            last_difficulty=read_difficulty(last_round[1]) if last_round else None,
            selective=read_selected(Path(files.selective)) if files.selective else None,
        ),
        SelectionSettings.model_validate(snakemake.params.selection),
        int(snakemake.wildcards.seed),
    )
    write_manifest(manifest, Path(snakemake.output.subset), Path(snakemake.output.targets))


if __name__ == "__main__":
    run(main, snakemake)
