"""Selection of one round, from its files to its files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

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
from sjft.settings.selection import SelectionSettings, Sources


@dataclass(frozen=True)
class SelectionFiles:
    """What a selection reads.

    ``targets`` is the target's images.csv, ``sources`` those of the sources, ``leakage`` what leaks
    of these, where that is left out. ``skipped_targets`` and ``skipped_sources`` are extraction's
    lists, shard by shard. ``ranking`` where the arm selects neighbours; ``last_round`` the last
    one's targets and difficulty, from the second round on; ``as_many_as`` the subset whose size
    counts.
    """

    targets: Path
    sources: Sequence[Path]
    skipped_targets: Sequence[Path]
    skipped_sources: Sequence[Path]
    leakage: Sequence[Path]
    ranking: Path | None
    last_round: Sequence[Path]
    as_many_as: Path | None


@dataclass(frozen=True)
class ManifestFiles:
    """What a selection writes."""

    subset: Path
    targets: Path


def select_round(
    files: SelectionFiles,
    names: Sequence[str],
    skipped_of: Sequence[str],
    arm_sources: Sources,
    settings: SelectionSettings,
    seed: int,
    output: ManifestFiles,
) -> None:
    """Write which source images a round uses, and how many each target image brings.

    ``names`` are the sources', in the order of their lists; ``skipped_of`` says of each list of
    skipped images which source it is of. Raises `UserError` where no source image can be chosen.
    """
    tables = {n: read_images(path) for n, path in zip(names, files.sources, strict=True)}
    last = files.last_round
    manifest = select(
        arm_sources,
        RoundInputs(
            targets=usable_images(read_images(files.targets), files.skipped_targets),
            sources=usable_sources(tables, _left_out(files, names, skipped_of)),
            neighbours=read_neighbours(files.ranking) if files.ranking else None,
            last_targets=read_targets(last[0]) if last else None,
            last_difficulty=read_difficulty(last[1]) if last else None,
            as_many_as=read_selected(files.as_many_as) if files.as_many_as else None,
        ),
        settings,
        seed,
    )
    write_manifest(manifest, output.subset, output.targets)


def _left_out(
    files: SelectionFiles, names: Sequence[str], skipped_of: Sequence[str]
) -> Mapping[str, set[str]]:
    """Paths of each source's images that extraction skipped, or that show a held-out image."""
    left_out: dict[str, set[str]] = {name: set() for name in names}
    for name, path in zip(skipped_of, files.skipped_sources, strict=True):
        left_out[name].update(read_skipped(path)["path"])
    if files.leakage:
        for name, path in zip(names, files.leakage, strict=True):
            left_out[name].update(images_to_exclude(read_leakage(path)))
    return left_out
