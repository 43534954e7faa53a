"""Several sources as one: label spaces side by side, and one ranking by the divergence.

With two or more sources ("hybrid"; paper, section 4) their images are numbered one source after
the other, in the order of the configuration, and their classes are `<source>/<class>`.
"""

import logging
from collections.abc import Collection, Mapping
from itertools import accumulate

import numpy as np
import polars as pl

from sjft.data.table import IMAGES_SCHEMA
from sjft.errors import UserError
from sjft.retrieval.neighbours import Neighbours, nearest

LOG = logging.getLogger(__name__)


def first_images(tables: Mapping[str, pl.DataFrame]) -> dict[str, int]:
    """The number of each source's first image: how many images stand before it."""
    sizes = [len(table) for table in tables.values()]
    return dict(zip(tables, accumulate([0, *sizes[:-1]]), strict=True))


def side_by_side(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """The whole images.csv of each source as one table, with a column ``source``.

    Numbers run on from one source to the next. Labels are not renumbered: a subset does that.
    """
    several = len(tables) > 1
    starts = first_images(tables)
    return pl.concat(
        table.with_columns(
            (pl.col("image") + starts[name]).cast(pl.Int32),
            pl.lit(name).alias("source"),
            pl.concat_str(pl.lit(f"{name}/"), "class_name").alias("class_name")
            if several
            else pl.col("class_name"),
        )
        for name, table in tables.items()
    )


def usable_sources(
    tables: Mapping[str, pl.DataFrame], left_out: Mapping[str, Collection[str]]
) -> pl.DataFrame:
    """The training rows of all sources, numbered as by `side_by_side`.

    ``tables`` holds the whole images.csv of each source, ``left_out`` the paths of those of its
    images that must not be used. Without any source there are no rows.
    """
    if not tables:
        return pl.DataFrame(schema={**IMAGES_SCHEMA, "source": pl.String})
    together = side_by_side(tables).filter(pl.col("split") == "train")
    return pl.concat(
        together.filter(
            pl.col("source") == name, ~pl.col("path").is_in(list(left_out.get(name, ())))
        )
        for name in tables
    )


def rank(
    lists: Mapping[str, Neighbours],
    tables: Mapping[str, pl.DataFrame],
    left_out: Mapping[str, Collection[str]],
    on_file: int,
) -> Neighbours:
    """One ranking of all sources' neighbours, nearest first, numbered as by `side_by_side`.

    ``lists`` holds each source's neighbours, ``on_file`` of them or all that there are; ``tables``
    and ``left_out`` as in `usable_sources`. A neighbour that is left out is passed over, and the
    next one moves up; none that is farther than the last on file of any source, whose others may
    be nearer. Lists are as long as the shortest has neighbours left, ``on_file`` at most. Raises
    `UserError` where a target image has none left.
    """
    starts = first_images(tables)
    usable = usable_sources(tables, left_out)["image"].to_numpy()
    parts = []
    cut = [found for found in lists.values() if found.sources.shape[1] >= on_file]
    known_to = np.min([found.divergences[:, -1:] for found in cut], axis=0, initial=np.inf)
    for name, found in lists.items():
        sources = found.sources + np.int32(starts[name])
        known = np.isin(sources, usable) & (found.divergences <= known_to)
        divergences = np.where(known, found.divergences, np.float32(np.inf))
        parts.append(Neighbours(found.targets, sources, divergences))
    ranked = nearest(parts, on_file)
    lengths = np.isfinite(ranked.divergences).sum(axis=1)
    left = int(lengths.min(initial=on_file))
    if not left:
        raise UserError(
            "A target image has no neighbour that may be used: all those on file are left out by "
            "the leakage check. Look at leakage.csv, and raise neighbours_on_file or set "
            "leakage.exclude: false."
        )
    if left < ranked.sources.shape[1]:
        LOG.warning(
            "%d of %d neighbours are left to target image %d, and as many are kept of each: what "
            "the leakage check leaves out is passed over. More of them: raise neighbours_on_file",
            *(left, ranked.sources.shape[1], ranked.targets[int(lengths.argmin())]),
        )
    return Neighbours(ranked.targets, ranked.sources[:, :left], ranked.divergences[:, :left])


def shares_of_sources(subset: pl.DataFrame) -> dict[str, float]:
    """The share of each source in a subset, by name in the order of the numbers; empty for none."""
    counted = subset.group_by("source", maintain_order=True).len()
    return {name: number / len(subset) for name, number in counted.iter_rows()}
