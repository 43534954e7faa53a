"""Neighbour lists and rankings, looked into: are they in order, and who is near to an image."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from sjft.retrieval.neighbours import KIND, VERSION, Neighbours
from sjft.storage.inspection import (
    Inspection,
    Names,
    Plot,
    Values,
    facts_of_hdf5,
    opened,
    row_of_number,
)
from sjft.storage.sanity import Check, content_is_as_digested, finite, none_of

MOST_POINTS = 400  # of a curve


def inspect_neighbours(path: Path) -> Inspection:
    """What lists of neighbours hold, of a shard, a source, or several; raises `UserError`."""
    with opened(path, KIND, VERSION) as file:
        settings, inputs = facts_of_hdf5(file)
        lists = Neighbours(file["target_image"][:], file["source_image"][:], file["divergence"][:])
        sources = _first_images(file)
        return Inspection(
            kind="neighbours" if sources is None else "ranking",
            what="Each target image's nearest source images, nearest first"
            + (
                ", with the symmetric Kullback-Leibler divergence."
                if sources is None
                else ", of all sources together and without what is left out."
            ),
            settings=settings,
            inputs=inputs,
            sizes=_sizes(file, lists, sources),
            checks=[*_checks(file, lists, settings, sources), content_is_as_digested(file)],
            image=lambda wanted, names: _row(path, lists, sources, wanted, names),
            plot=lambda: _plot(lists),
        )


def _first_images(file: h5py.File) -> dict[str, int] | None:
    if "source_name" not in file:
        return None
    names = [name.decode() for name in file["source_name"][:]]
    return dict(zip(names, file["first_image"][:].tolist(), strict=True))


def _sizes(file: h5py.File, lists: Neighbours, sources: dict[str, int] | None) -> Values:
    found = lists.divergences[np.isfinite(lists.divergences)]
    sizes: Values = {
        "target images": len(lists.targets),
        "neighbours of each": lists.sources.shape[1],
        "different source images": len(np.unique(lists.sources)),
        "divergence, least to largest": [
            float(found.min(initial=np.inf)),
            float(found.max(initial=0)),
        ]
        if len(found)
        else [],
    }
    if sources is not None:
        sizes["sources, and each one's first number"] = sources
    if "recall" in file:
        depths, recall = file["recall_depth"][:].tolist(), file["recall"][:].tolist()
        sizes["recall, by depth"] = dict(zip(depths, recall, strict=True))
    return sizes


def _checks(
    file: h5py.File, lists: Neighbours, settings: Values, sources: dict[str, int] | None
) -> list[Check]:
    shapes = {lists.sources.shape, lists.divergences.shape}
    alike = len(shapes) == 1 and len(lists.targets) == len(lists.sources)
    what = "there is one list of each target image"
    if not alike:
        return [Check(what, f"{len(lists.targets)} target images, lists of {sorted(shapes)}")]
    place = ("target", "neighbour")
    above = lists.divergences > _largest(settings)
    checks = [
        Check(what),
        _each_once(lists.targets),
        finite("divergences", lists.divergences, *place),
        none_of("no divergence is negative", lists.divergences < 0, *place),
        none_of("no divergence is larger than epsilon allows", above, *place),
        none_of("nearest first, equal ones by their number", _misplaced(lists), *place),
        none_of("no source image stands twice in a list", _twice(lists.sources), *place),
        none_of("numbers of source images are not negative", lists.sources < 0, *place),
    ]
    if sources is not None:
        starts = list(sources.values())
        good = starts[:1] == [0] and starts == sorted(starts)
        told = None if good else f"they start at {starts}"
        checks.append(Check("the sources' numbers follow each other, from 0", told))
    if "recall" in file:
        recall, depths = file["recall"][:], file["recall_depth"][:]
        checks.append(none_of("the recall lies between 0 and 1", ~_share(recall), "depth"))
        checks.append(
            none_of("its depths are those of the lists", depths > lists.sources.shape[1], "depth")
        )
    return checks


def _each_once(targets: NDArray[np.int32]) -> Check:
    what = "target images stand once each"
    twice = len(targets) - len(np.unique(targets))
    return Check(what, f"{twice} stand again" if twice else None)


def _largest(settings: Values) -> float:
    """Nothing is farther than two images in different bins everywhere: log((1 + e) / e)."""
    epsilon = settings.get("epsilon")
    if not isinstance(epsilon, float) or epsilon <= 0:
        return float("inf")
    return float(np.log1p(1 / epsilon)) * (1 + 1e-6)


def _misplaced(lists: Neighbours) -> NDArray[np.bool_]:
    wrong = np.zeros(lists.divergences.shape, bool)
    before, here = lists.divergences[:, :-1], lists.divergences[:, 1:]
    tied = (before == here) & (lists.sources[:, :-1] > lists.sources[:, 1:])
    wrong[:, 1:] = (before > here) | tied
    return wrong


def _twice(sources: NDArray[np.int32]) -> NDArray[np.bool_]:
    order = np.argsort(sources, axis=1, kind="stable")
    ordered = np.take_along_axis(sources, order, axis=1)
    again = np.zeros(sources.shape, bool)
    again[:, 1:] = ordered[:, 1:] == ordered[:, :-1]
    wrong = np.zeros(sources.shape, bool)
    np.put_along_axis(wrong, order, again, axis=1)
    return wrong


def _share(values: NDArray[Any]) -> NDArray[np.bool_]:
    return np.asarray((values >= 0) & (values <= 1))


def _row(
    path: Path, lists: Neighbours, sources: dict[str, int] | None, wanted: str, names: Names
) -> Values:
    number = names.number(wanted)
    row = row_of_number(path, lists.targets, number, "target image")
    neighbours = [
        {
            "rank": place + 1,
            "image": int(image),
            **({} if sources is None else {"source": _source_of(int(image), sources)}),
            "path": names.of_source(int(image)),
            "divergence": float(divergence),
        }
        for place, (image, divergence) in enumerate(
            zip(lists.sources[row], lists.divergences[row], strict=True)
        )
    ]
    return {
        "image": number,
        "path": names.of_image(number),
        "row": row,
        "neighbours": neighbours,
    }


def _source_of(image: int, sources: dict[str, int]) -> str:
    """The source that a number belongs to: the last that starts at it or before."""
    return [name for name, start in sources.items() if start <= image][-1]


def _plot(lists: Neighbours) -> Plot:
    depth = lists.divergences.shape[1]
    places = np.unique(np.linspace(0, max(0, depth - 1), min(depth, MOST_POINTS)).astype(int))
    rows = []
    for place in places.tolist():
        low, middle, high = np.quantile(lists.divergences[:, place], [0.1, 0.5, 0.9])
        values = {"divergence": float(middle), "low": float(low), "high": float(high)}
        rows.append({"rank": place + 1, **values})
    return Plot(
        "Divergence by rank: median and 10 to 90 % of the target images",
        rows,
        ("rank", "rank of the neighbour"),
        ("divergence", "divergence, nat"),
        mark="line",
        band=("low", "high"),
    )
