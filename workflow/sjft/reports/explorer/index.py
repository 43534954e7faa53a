"""What the page reads first: the target images, the rounds, and how much of all is shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from sjft.reports.explorer.borrowing import Borrowing
from sjft.reports.explorer.comparison import Comparison
from sjft.reports.explorer.inputs import ExplorerInputs
from sjft.reports.explorer.scripts import (
    SOURCES_A_SCRIPT,
    TARGETS_A_SCRIPT,
    by_keys,
    numbered,
    rounded,
)
from sjft.reports.explorer.source_ids import SourceIds
from sjft.retrieval.neighbours import Neighbours


@dataclass(frozen=True)
class Content:
    """All that the page shows.

    ``targets`` are the rows of images.csv of the shown target images, ``sources`` those of the
    named source images, in the order of ``ids``; ``all_sources`` counts the training images of all
    sources. ``rankings`` are whole, by the name of the retrieval; ``classes`` the target's.
    """

    inputs: ExplorerInputs
    classes: Sequence[str]
    targets: pl.DataFrame
    sources: pl.DataFrame
    all_sources: int
    rankings: Mapping[str, Neighbours]
    comparisons: Sequence[Comparison]
    rounds: Sequence[Borrowing]
    ids: SourceIds


def index_of(content: Content) -> dict[str, Any]:
    """The page's index, as plain values."""
    targets = content.targets
    return {
        "experiment": content.inputs.experiment,
        "classes": list(content.classes),
        "targets": {"path": targets["path"].to_list(), "label": targets["label"].to_list()},
        "targetsInAll": max(len(ranking.targets) for ranking in content.rankings.values()),
        "sourcesNamed": len(content.sources),
        "sourcesImaged": content.ids.imaged,
        "sourcesInAll": content.all_sources,
        "targetsAScript": TARGETS_A_SCRIPT,
        "sourcesAScript": SOURCES_A_SCRIPT,
        "retrievals": [_of_retrieval(c, content.rankings[c.name]) for c in content.comparisons],
        "rounds": [_of_round(of_round, targets, content.ids) for of_round in content.rounds],
        "otherArms": dict(content.inputs.other_arms),
    }


def sources_of(content: Content) -> dict[str, Any]:
    """Each named source image's path, class and source, as plain values."""
    sources = content.sources
    classes, label = numbered(sources["class_name"].to_list())
    names, source = numbered(sources["source"].to_list())
    path = sources["path"].to_list()
    return {"names": names, "source": source, "classes": classes, "label": label, "path": path}


def _of_retrieval(comparison: Comparison, ranking: Neighbours) -> dict[str, Any]:
    return {
        "name": comparison.name,
        "bank": comparison.bank,
        "layers": comparison.layers,
        "channels": comparison.channels,
        "listed": comparison.sources.shape[1],
        "onFile": ranking.sources.shape[1],
        "explained": comparison.by_layer.shape[1],
        "pool": comparison.pool,
    }


def _of_round(of_round: Borrowing, shown: pl.DataFrame, ids: SourceIds) -> dict[str, Any]:
    place = np.searchsorted(of_round.targets["image"].to_numpy(), shown["image"].to_numpy())
    targets, difficulty = of_round.targets[place], of_round.difficulty[place]
    top = of_round.most_borrowed
    borrowed = by_keys(top, "chosen_by", "nearest_divergence")
    top_ids = ids.of(top["image"].to_numpy()).tolist()
    return {
        "arm": of_round.files.arm,
        "seed": of_round.files.seed,
        "round": of_round.files.number,
        "retrieval": of_round.files.retrieval,
        "neighbours": targets["neighbours"].to_list(),
        "predicted": difficulty["predicted"].to_list(),
        "probability": rounded(difficulty["probability"].to_numpy()),
        "entropy": rounded(difficulty["entropy"].to_numpy()),
        "pairs": of_round.pairs,
        "images": len(of_round.subset),
        "mostBorrowed": [[number, *row] for number, row in zip(top_ids, borrowed, strict=True)],
        "classes": by_keys(of_round.classes, "class_name", "images", "pairs"),
        "byTargetClass": dict(of_round.by_target_class),
    }
