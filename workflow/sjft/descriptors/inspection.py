"""Descriptor files, looked into: do an image's counts add up, and what do its layers say."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sjft.descriptors.file import KIND, VERSION, DescriptorFile
from sjft.descriptors.levels import (
    every_level,
    level_boundaries,
    number_of_levels,
    off_grid_levels,
    zero_level,
)
from sjft.errors import UserError
from sjft.storage.hdf5 import inputs_of
from sjft.storage.inspection import Inspection, Names, Plot, Values, opened, row_of_number
from sjft.storage.sanity import Check, ascending, content_is_as_digested, none_of

IMAGES_A_BLOCK = 64


def inspect_descriptors(path: Path) -> Inspection:
    """What a descriptor file holds; raises `UserError` for any other file."""
    with opened(path, KIND, VERSION) as file:
        known = DescriptorFile(path, file)
        images, channels = len(known.images), len(known.positions)
        return Inspection(
            kind="descriptors",
            what="How often each level of response of a filter bank occurs, by image and channel, "
            "for one shard of a data set.",
            settings=known.config,
            inputs={"weights": known.weights, **_images(file)},
            sizes={
                "images": images,
                "channels": channels,
                "layers": dict(_layers(known)),
                "levels": number_of_levels(known.grid),
                "entries": len(file["entry"]),
                "bytes on disk an image": round(path.stat().st_size / max(1, images)),
            },
            checks=[
                ascending("numbers of images", known.images),
                Check("a channel belongs to one layer", _misplaced(known)),
                _sums(known),
                content_is_as_digested(file),
            ],
            image=lambda wanted, names: _row(path, wanted, names),
            plot=lambda: _plot(path),
        )


def _images(file: Any) -> dict[str, str]:
    return {name: digest for name, digest in inputs_of(file).items() if name != "weights"}


def _layers(known: DescriptorFile) -> list[tuple[str, str]]:
    names = list(dict.fromkeys(known.layer_of_channel))
    described = []
    for name in names:
        own = _channels_of(known, name)
        positions = ", ".join(map(str, np.unique(known.positions[own]).tolist()))
        described.append((name, f"{int(own.sum())} channels of {positions} responses an image"))
    return described


def _channels_of(known: DescriptorFile, layer: str) -> NDArray[np.bool_]:
    return np.array([name == layer for name in known.layer_of_channel])


def _misplaced(known: DescriptorFile) -> str | None:
    if len(known.layer_of_channel) != len(known.positions):
        return f"{len(known.layer_of_channel)} have a layer, {len(known.positions)} responses"
    return None if (known.positions > 0).all() else "a channel has no responses"


def _sums(known: DescriptorFile) -> Check:
    """Each image's counts of a channel are its responses: all of them, and no more."""
    what = "each channel's counts sum to its responses, image by image"
    onto_one = np.zeros((len(known.positions), number_of_levels(known.grid)), np.uint16)
    blocks = known.blocks(IMAGES_A_BLOCK, onto_one, 1, np.int64)
    try:
        wrong = [block[:, :, 0] != known.positions for block in blocks]
    except (UserError, OSError) as error:
        return Check(what, str(error))
    if not wrong:
        return Check(what)
    return none_of(what, np.concatenate(wrong), "row", "channel")


def _row(path: Path, wanted: str, names: Names) -> Values:
    number = names.number(wanted)
    with opened(path, KIND, VERSION) as file:
        known = DescriptorFile(path, file)
        row = row_of_number(path, known.images, number, "image")
        levels = every_level(len(known.positions), known.grid)
        blocks = known.blocks(1, levels, levels.shape[1], np.int64)
        counts = next(block for place, block in enumerate(blocks) if place == row)[0]
    zero, off = zero_level(known.grid), list(off_grid_levels(known.grid))
    middle = _middles(known)
    layers = {}
    for name in dict.fromkeys(known.layer_of_channel):
        own = counts[_channels_of(known, name)]
        on_grid = own.sum(axis=0)
        layers[name] = {
            "levels that occur, a channel": round(float((own > 0).sum(axis=1).mean()), 1),
            "share of responses exactly 0": round(float(own[:, zero].sum() / own.sum()), 4),
            "share beyond the grid": round(float(own[:, off].sum() / own.sum()), 6),
            "mean response": round(float((on_grid * middle).sum() / own.sum()), 4),
        }
    return {"image": number, "path": names.of_image(number), "row": row, "layers": layers}


def _middles(known: DescriptorFile) -> NDArray[np.float64]:
    """The value that stands for each level: its middle, or its finite end."""
    edges = level_boundaries(known.grid)
    low, high = np.where(np.isinf(edges[:-1]), edges[1:], edges[:-1]), edges[1:]
    return np.asarray((low + np.where(np.isinf(high), low, high)) / 2)


def _plot(path: Path) -> Plot:
    with opened(path, KIND, VERSION) as file:
        known = DescriptorFile(path, file)
        mass, middle = known.mass(IMAGES_A_BLOCK), _middles(known)
    rows = []
    for name in dict.fromkeys(known.layer_of_channel):
        own = mass[_channels_of(known, name)].sum(axis=0)
        below = own.cumsum() / max(1, own.sum())
        for level in np.flatnonzero(own).tolist():
            row = {"response": float(middle[level]), "share": float(below[level])}
            rows.append({**row, "layer": name})
    return Plot(
        "Responses of all images: how many are so small",
        rows,
        ("response", "response (middle of its level)"),
        ("share", "share of the layer's responses up to it"),
        mark="line",
        colour="layer",
    )
