"""Choose the source images of one round."""

from pathlib import Path
from typing import Any

from job_runner import run
from sjft.data.table import read_images
from sjft.leakage.table import images_to_exclude, read_leakage
from sjft.retrieval.neighbours import read_neighbours
from sjft.retrieval.ranking import usable_sources
from sjft.selection.arms import RoundInputs, select
from sjft.selection.difficulty import read_difficulty
from sjft.selection.subset import (
    read_selected,
    read_skipped,
    read_targets,
    usable_images,
    write_manifest,
)
from sjft.settings.known_part import known_part
from sjft.settings.selection import SelectionSettings


def main(snakemake: Any) -> None:
    """Read listings, ranking and the last round's difficulty; write the manifest."""
    files, names = snakemake.input, snakemake.params.sources
    sources = {n: read_images(Path(p)) for n, p in zip(names, files.sources, strict=True)}
    last_round = [Path(path) for path in files.last_round]
    manifest = select(
        snakemake.params.sources_of_arm,
        RoundInputs(
            targets=usable_images(
                read_images(Path(files.targets)), [Path(p) for p in files.skipped_targets]
            ),
            sources=usable_sources(sources, _left_out(names, files)),
            neighbours=read_neighbours(Path(files.ranking)) if files.ranking else None,
            last_targets=read_targets(last_round[0]) if last_round else None,
            last_difficulty=read_difficulty(last_round[1]) if last_round else None,
            as_many_as=read_selected(Path(files.as_many_as)) if files.as_many_as else None,
        ),
        known_part(SelectionSettings, snakemake.params.selection),
        int(snakemake.wildcards.seed),
    )
    write_manifest(manifest, Path(snakemake.output.subset), Path(snakemake.output.targets))


def _left_out(names: list[str], files: Any) -> dict[str, set[str]]:
    """Paths of each source's images that extraction skipped, or that show a held-out picture."""
    left_out: dict[str, set[str]] = {name: set() for name in names}
    for path in map(Path, files.skipped_sources):
        source = path.parents[1].name  # descriptors/{bank}/{source}/{part}/{shard}.skipped.csv
        left_out[source].update(read_skipped(path)["path"])
    for name, path in zip(names, files.leakage, strict=False):  # no files where none is left out
        left_out[name].update(images_to_exclude(read_leakage(Path(path))))
    return left_out


if __name__ == "__main__":
    run(main)
