"""Bins, histograms and projections, looked into."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sjft.descriptors.levels import level_boundaries, number_of_levels
from sjft.retrieval import bins, histograms, projection
from sjft.retrieval.histograms import HistogramFile
from sjft.settings.bank import LevelGrid
from sjft.storage.inspection import (
    Inspection,
    Names,
    Plot,
    Values,
    facts_of_hdf5,
    opened,
    row_of_number,
)
from sjft.storage.inspection import histogram as counted
from sjft.storage.sanity import Check, ascending, close_to, content_is_as_digested, finite, none_of

IMAGES_A_BLOCK = 64


def inspect_bins(path: Path) -> Inspection:
    """What the bins of a target are; raises `UserError` for any other file."""
    with opened(path, bins.KIND, bins.VERSION) as file:
        settings, inputs = facts_of_hdf5(file)
        edges, mass = file["edge_level"][:], file["mass"][:]
        weight, positions = file["weight"][:], file["positions"][:]
        grid = LevelGrid.model_validate(settings["bank"]["grid"])
        levels = number_of_levels(grid)
        wrong = (edges[:, 1:] < edges[:, :-1]) | (edges[:, 1:] > levels)
        wrong[:, 0] |= edges[:, 0] != 0
        wrong[:, -1] |= edges[:, -1] != levels
        within = np.clip(edges, 0, levels)
        images = mass.sum(axis=1) / np.maximum(positions, 1)
        sides = f"from 0 to {levels}"
        return Inspection(
            kind="bins",
            what="A target's bins: by channel, unequal ones with the same share each of the "
            "target's responses.",
            settings=settings,
            inputs=inputs,
            sizes={
                "channels": len(edges),
                "bins": mass.shape[1],
                "levels": levels,
                "images": float(images.flat[0]) if len(images) else 0,
                "bins that are used": int((np.diff(edges, axis=1) > 0).sum()),
                "heaviest bin's share": _heaviest(mass),
            },
            checks=[
                none_of(f"edges ascend {sides}", wrong, "channel", "bin"),
                none_of(
                    "edges have the values of their levels",
                    level_boundaries(grid)[within] != file["edge_value"][:],
                    *("channel", "edge"),
                ),
                finite("weights", weight, "channel"),
                none_of("no weight is negative", ~(weight >= 0), "channel"),
                close_to("the channels' weights sum to 1", float(weight.sum()), 1.0, 1e-9),
                none_of("no bin has a negative mass", mass < 0, "channel", "bin"),
                none_of(
                    "each channel's masses are the responses of as many images",
                    (images != images.flat[0]) | (images % 1 != 0),
                    "channel",
                ),
                content_is_as_digested(file),
            ],
            plot=lambda: _plot_of_bins(mass),
        )


def _heaviest(mass: NDArray[np.int64]) -> float:
    total = np.maximum(mass.sum(axis=1), 1)
    return round(float((mass.max(axis=1) / total).mean()), 4)


def _plot_of_bins(mass: NDArray[np.int64]) -> Plot:
    shares = mass / np.maximum(mass.sum(axis=1, keepdims=True), 1)
    return _band(
        "The target's responses in each bin: median and 10 to 90 % of the channels",
        np.quantile(shares, [0.1, 0.5, 0.9], axis=0),
        ("bin", "share of the channel's responses"),
    )


def _band(title: str, quantiles: NDArray[np.float64], axes: tuple[str, str]) -> Plot:
    """A line within a band, bin by bin, from its ``quantiles`` [low, middle and high, bins]."""
    low, middle, high = quantiles.tolist()
    rows = [
        {"bin": b, "share": middle[b], "low": low[b], "high": high[b]} for b in range(len(middle))
    ]
    across, up = axes
    return Plot(title, rows, ("bin", across), ("share", up), mark="line", band=("low", "high"))


def inspect_histograms(path: Path) -> Inspection:
    """What a shard's histograms hold; raises `UserError` for any other file."""
    with opened(path, histograms.KIND, histograms.VERSION) as file:
        settings, inputs = facts_of_hdf5(file)
        known = HistogramFile(file, inputs["bins"])
        images, channels, number = file["count"].shape
        wrong = np.concatenate(
            [np.empty((0, channels), bool)]
            + [
                block.counts.sum(axis=2, dtype=np.int64) != known.positions
                for block in known.blocks(IMAGES_A_BLOCK)
            ]
        )
        return Inspection(
            kind="histograms",
            what="Each image's responses in the target's bins, by channel, for one shard.",
            settings=settings,
            inputs=inputs,
            sizes={"images": images, "channels": channels, "bins": number},
            checks=[
                ascending("numbers of images", known.images),
                Check(
                    "there is a histogram of each image",
                    None if images == len(known.images) else f"{images} of {len(known.images)}",
                ),
                none_of("each channel's counts sum to its responses", wrong, "row", "channel"),
                finite("weights", known.weight, "channel"),
                close_to("the channels' weights sum to 1", float(known.weight.sum()), 1.0, 1e-9),
                content_is_as_digested(file),
            ],
            image=lambda wanted, names: _row_of_histograms(path, wanted, names),
            plot=lambda: _plot_of_histograms(path),
        )


def _row_of_histograms(path: Path, wanted: str, names: Names) -> Values:
    number = names.number(wanted)
    with histograms.open_histograms(path) as file:
        row = row_of_number(path, file.images, number, "image")
        counts = file.read(slice(row, row + 1)).counts[0]
        share = counts / file.positions[:, None]
    return {
        "image": number,
        "path": names.of_image(number),
        "row": row,
        "bins without a response": int((counts == 0).sum()),
        "fullest bin's share, a channel": round(float(share.max(axis=1).mean()), 4),
        "counts": counts,
    }


def _plot_of_histograms(path: Path) -> Plot:
    with histograms.open_histograms(path) as file:
        shares = [
            (block.counts / block.positions[:, None]).mean(axis=1)
            for block in file.blocks(IMAGES_A_BLOCK)
        ]
    together = np.concatenate(shares) if shares else np.zeros((1, 1))
    return _band(
        "Responses in each bin, a mean over channels: median and 10 to 90 % of the images",
        np.quantile(together, [0.1, 0.5, 0.9], axis=0),
        ("bin of the target", "share of an image's responses"),
    )


def inspect_projection(path: Path) -> Inspection:
    """What a projection is; raises `UserError` for any other file."""
    with opened(path, projection.KIND, projection.VERSION) as file:
        settings, inputs = facts_of_hdf5(file)
        components = file["component"][:].astype(np.float64)
        step, mean = file["step"][:], file["mean"][:]
        explained = float(file["explained_share"][0])
        off = np.abs(components @ components.T - np.eye(len(components)))
        largest = np.take_along_axis(
            components, np.abs(components).argmax(axis=1)[:, None], axis=1
        )[:, 0]
        sides = {len(step), len(mean), components.shape[1]}
        return Inspection(
            kind="projection",
            what="Principal components of the target's histograms: what an index searches in.",
            settings=settings,
            inputs=inputs,
            sizes={
                "components": len(components),
                "channels times bins": components.shape[1],
                "share of the variance that is kept": round(explained, 4),
            },
            checks=[
                finite("steps", step, "place"),
                none_of("no step is negative", step < 0, "place"),
                finite("mean", mean, "place"),
                finite("components", components, "component", "place"),
                none_of("components are orthonormal", ~(off < 1e-3), "component", "component"),
                none_of("a component's largest entry is positive", ~(largest > 0), "component"),
                Check(
                    "step, mean and components are of one length",
                    None if len(sides) == 1 else f"they have {sorted(sides)}",
                ),
                Check(
                    "the share that is kept lies between 0 and 1",
                    None if 0 <= explained <= 1 + 1e-6 else f"it is {explained:g}",
                ),
                content_is_as_digested(file),
            ],
            plot=lambda: Plot(
                "How far shares that are not 0 are moved away from it",
                counted(step),
                ("value", "step"),
                ("number", "channels and bins"),
            ),
        )
