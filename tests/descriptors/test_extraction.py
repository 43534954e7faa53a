"""Extraction: counts over layers and images, bad images, and files that are not descriptors."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import polars as pl
import pytest
import torch
from descriptor_files import SMALL_GRID, WriteDescriptors
from extractions import GABOR, NAMES, job, rows
from image_files import random_image, save_images
from PIL import Image
from sealed import seal_again
from torch import Tensor

from sjft.data.pixels import load_pixels
from sjft.descriptors.banks import make_bank
from sjft.descriptors.banks.bank import FilterBank
from sjft.descriptors.banks.gabor import GaborFilterBank
from sjft.descriptors.extraction import IMAGES_A_BATCH, extract_descriptors
from sjft.descriptors.file import open_descriptors, require_same_bank
from sjft.descriptors.layer import Layer
from sjft.descriptors.levels import (
    every_level,
    level_boundaries,
    levels_of,
    number_of_levels,
    zero_level,
)
from sjft.errors import BadImageError, UserError
from sjft.settings.bank import CnnBank, LevelGrid
from sjft.settings.weights import RandomWeights
from sjft.storage.hdf5 import create_hdf5


def dense(path: Path) -> tuple[list[int], np.ndarray]:
    """Read a file back as image numbers and counts [images, channels, levels]."""
    with open_descriptors(path) as file:
        number = number_of_levels(file.grid)
        levels = every_level(len(file.positions), file.grid)
        none = np.zeros((0, *levels.shape), np.int64)
        counts = np.concatenate([none, *file.blocks(7, levels, number, np.int64)])
        assert (counts.sum(axis=0) == file.mass(3)).all()
        return file.images.tolist(), counts


def naive(root: Path, names: list[str], bank: FilterBank, grid: LevelGrid) -> np.ndarray:
    """Count the levels of the bank's responses, one channel at a time.

    In the same batches as the program: convolutions of other sizes may round differently.
    """
    counts = []
    for start in range(0, len(names), IMAGES_A_BATCH):
        batch = [bank.prepare(load_pixels(root / n)) for n in names[start : start + IMAGES_A_BATCH]]
        layers = [responses.numpy() for responses in bank.responses(torch.stack(batch))]
        for image in range(len(batch)):
            levels = [levels_of(c, grid) for layer in layers for c in layer[image]]
            counts.append([np.bincount(c, minlength=number_of_levels(grid)) for c in levels])
    return np.array(counts)


def cnn_bank() -> FilterBank:
    return make_bank(
        CnnBank(
            type="cnn",
            network="squeezenet1_1",
            layers=("features.0", "features.3.squeeze"),
            weights=RandomWeights(source="random", seed=1),
            resize=40,
            crop=32,
        ),
        None,
    )


@pytest.mark.parametrize("grid", [LevelGrid(), SMALL_GRID], ids=["default", "small"])
def test_counts_are_those_of_the_bank_s_responses(tmp_path: Path, grid: LevelGrid) -> None:
    save_images(tmp_path, NAMES)
    bank = GaborFilterBank(GABOR, None)
    output = tmp_path / "out.h5"
    skipped = extract_descriptors(rows(NAMES), tmp_path, job(bank, grid=grid), output)
    assert skipped.rows() == []
    images, counts = dense(output)
    assert images == list(range(20))
    assert (counts.sum(axis=2) == bank.layers[0].positions).all()
    assert (counts == naive(tmp_path, NAMES, bank, grid)).all()


def test_channels_of_several_layers_stand_side_by_side(tmp_path: Path) -> None:
    class Ramp:
        """A bank whose responses follow from the image's first pixel alone, exactly."""

        layers = (Layer("one", 2, 6), Layer("two", 3, 4))
        digest_of_weights = ""
        device = torch.device("cpu")

        def prepare(self, pixels: np.ndarray) -> Tensor:
            return torch.from_numpy(pixels[0, 0].copy()).view(3, 1, 1)

        def responses(self, images: Tensor) -> list[Tensor]:
            first = images[:, 0, 0, 0].float()[:, None, None] / 16
            return [
                first * torch.arange(-6.0, 6.0).view(1, 2, 6),
                first * torch.arange(-4.0, 8.0).view(1, 3, 4),
            ]

    save_images(tmp_path, NAMES)
    bank = Ramp()
    extract_descriptors(rows(NAMES), tmp_path, job(bank, grid=SMALL_GRID), tmp_path / "out.h5")
    _, counts = dense(tmp_path / "out.h5")
    assert (counts == naive(tmp_path, NAMES, bank, SMALL_GRID)).all()
    with open_descriptors(tmp_path / "out.h5") as file:
        assert file.layer_of_channel == ["one", "one", "two", "two", "two"]
        assert file.positions.tolist() == [6, 6, 4, 4, 4]


def test_a_network_s_layers_are_counted_over_all_their_positions(tmp_path: Path) -> None:
    save_images(tmp_path, NAMES[:3])
    bank = cnn_bank()
    extract_descriptors(rows(NAMES[:3]), tmp_path, job(bank), tmp_path / "out.h5")
    _, counts = dense(tmp_path / "out.h5")
    positions = [layer.positions for layer in bank.layers for _ in range(layer.kernels)]
    assert (counts.sum(axis=2) == positions).all()
    assert (counts == naive(tmp_path, NAMES[:3], bank, LevelGrid())).all()


def test_the_same_images_give_the_same_bytes(tmp_path: Path) -> None:
    save_images(tmp_path / "data", NAMES)
    for name in ("a.h5", "b.h5"):
        extract_descriptors(rows(NAMES), tmp_path / "data", job(cnn_bank()), tmp_path / name)
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_the_bytes_do_not_depend_on_the_number_of_workers(tmp_path: Path) -> None:
    before = torch.get_num_threads()
    save_images(tmp_path / "data", NAMES)
    (tmp_path / "data" / NAMES[3]).write_text("This is no image.\n")
    bank, written = cnn_bank(), []
    for threads in (1, 4, 8):
        output = tmp_path / f"{threads}.h5"
        several = replace(job(bank, skip=True), threads=threads)
        skipped = extract_descriptors(rows(NAMES), tmp_path / "data", several, output)
        assert skipped["path"].to_list() == [NAMES[3]]
        written.append(output.read_bytes())
    assert written[0] == written[1] == written[2]
    assert torch.get_num_threads() == before


def test_an_empty_shard_has_a_file_without_images(tmp_path: Path) -> None:
    extract_descriptors(rows([]), tmp_path, job(cnn_bank()), tmp_path / "a.h5")
    assert dense(tmp_path / "a.h5")[0] == []


def test_a_channel_s_counts_are_those_of_float64_boundaries(tmp_path: Path) -> None:
    """Counts of the same responses by numpy, over the boundaries as float64."""
    save_images(tmp_path, NAMES[:2])
    bank, grid = cnn_bank(), LevelGrid()
    extract_descriptors(rows(NAMES[:2]), tmp_path, job(bank), tmp_path / "a.h5")
    counts = dense(tmp_path / "a.h5")[1]
    images = torch.stack([bank.prepare(load_pixels(tmp_path / name)) for name in NAMES[:2]])
    responses = [layer.numpy().astype(np.float64) for layer in bank.responses(images)]
    edges, zero = level_boundaries(grid), zero_level(grid)
    for image in range(2):
        channels = [channel for layer in responses for channel in layer[image]]
        for got, values in zip(counts[image], channels, strict=True):
            # After a ReLU: levels above zero hold their lower boundary, as numpy's bins do.
            wanted = np.histogram(values[values > 0], edges[zero + 1 :])[0]
            assert (got[zero + 1 :] == wanted).all()
            assert got[zero] == (values == 0).sum()


WITHOUT_ROOM = """
import resource, sys
from pathlib import Path
from extractions import NAMES, job, rows
from image_files import save_images
from sjft.descriptors.extraction import extract_descriptors
from sjft.errors import UserError
save_images(Path("data"), NAMES)
for room in map(int, sys.argv[1:]):
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
    try:
        extract_descriptors(rows(NAMES), Path("data"), job(), Path("out/a.h5"))
    except UserError as error:
        print(room, error, list(Path("out").iterdir()))
"""


@pytest.mark.slow
def test_a_disk_that_is_full_is_said_and_leaves_no_file(tmp_path: Path) -> None:
    rooms = ("0", "5000", "15000")
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_ROOM, *rooms],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    for room, said in zip(rooms, done.stdout.splitlines(), strict=True):
        assert re.match(rf"{room} out/a\.h5: cannot be written \(.*too large.* \[\]$", said), done


def spoil(root: Path, kind: str, name: str) -> None:
    """Replace an image by a file that is none."""
    path = root / name
    if kind == "truncated":
        random_image(1, (64, 64)).save(path, format="JPEG")
        path.write_bytes(path.read_bytes()[:700])
    elif kind == "text":
        path.write_text("This is no image.\n")
    else:
        path.unlink()


KINDS = ["truncated", "text", "missing"]
WITH_BAD = [*NAMES[:4], "cat/bad.jpg", *NAMES[4:]]


@pytest.mark.parametrize("kind", KINDS)
def test_a_bad_image_fails_by_its_name_and_leaves_no_file(tmp_path: Path, kind: str) -> None:
    save_images(tmp_path / "data", WITH_BAD)
    spoil(tmp_path / "data", kind, "cat/bad.jpg")
    with pytest.raises(BadImageError, match=r"cat/bad\.jpg: .*on_bad_image: skip"):
        extract_descriptors(rows(WITH_BAD), tmp_path / "data", job(), tmp_path / "out" / "a.h5")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_bad_image_can_be_skipped(tmp_path: Path, kind: str) -> None:
    save_images(tmp_path, WITH_BAD)
    table = rows(WITH_BAD)
    good = table.filter(pl.col("path") != "cat/bad.jpg")
    extract_descriptors(good, tmp_path, job(), tmp_path / "good.h5")
    spoil(tmp_path, kind, "cat/bad.jpg")
    skipped = extract_descriptors(table, tmp_path, job(skip=True), tmp_path / "out.h5")
    assert skipped["path"].to_list() == ["cat/bad.jpg"]
    assert skipped["reason"][0].startswith(("cannot be decoded", "is not an image"))
    images, counts = dense(tmp_path / "out.h5")
    assert images == good["image"].to_list()
    wanted = dense(tmp_path / "good.h5")[1]
    # Convolutions of another batch size may round differently, and move a response by a level.
    assert np.abs(np.cumsum(counts - wanted, axis=2)).sum() <= 1e-3 * counts.sum()


def test_a_shard_of_bad_images_alone_is_refused(tmp_path: Path) -> None:
    save_images(tmp_path / "data", ["a.png"])
    spoil(tmp_path / "data", "text", "a.png")
    with pytest.raises(UserError, match=r"no image of this shard can be used.*a\.png"):
        extract_descriptors(rows(["a.png"]), tmp_path / "data", job(skip=True), tmp_path / "a.h5")
    assert not (tmp_path / "a.h5").exists()
    held_out = replace(job(skip=True), part="heldout")
    skipped = extract_descriptors(rows(["a.png"]), tmp_path / "data", held_out, tmp_path / "a.h5")
    assert skipped["path"].to_list() == ["a.png"]
    assert dense(tmp_path / "a.h5")[0] == []


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_responses_that_are_not_finite_are_refused_by_the_file_s_name(
    tmp_path: Path, value: float
) -> None:
    class Broken(GaborFilterBank):
        def responses(self, images: Tensor) -> list[Tensor]:
            (responses,) = super().responses(images)
            responses = responses.clone()
            responses[images.flatten(1).float().mean(1) > 250, 3, 5] = value
            return [responses]

    save_images(tmp_path, NAMES)
    Image.new("RGB", (9, 9), "white").save(tmp_path / NAMES[17])
    for skip in (False, True):
        with pytest.raises(UserError, match=r"cat/17\.png: layer 'gabor' .* not finite"):
            extract_descriptors(
                rows(NAMES), tmp_path, job(Broken(GABOR, None), skip=skip), tmp_path / "a.h5"
            )
    assert not (tmp_path / "a.h5").exists()


SHAPES: dict[str, Callable[[Tensor], list[Tensor]]] = {
    "fewer kernels": lambda right: [right[:, :1]],
    "more kernels": lambda right: [right.repeat(1, 3, 1)],
    "fewer places": lambda right: [right[:, :, 1:]],
    "two layers": lambda right: [right, right],
    "no layer": lambda right: [],
    "kernels last": lambda right: [right.transpose(1, 2)],
    "maps": lambda right: [right[..., None]],
    "fewer images": lambda right: [right[1:]],
    "no list": list,
}


@pytest.mark.parametrize("wrong", SHAPES.values(), ids=list(SHAPES))
def test_responses_of_other_shapes_than_the_layers_tell_are_refused(
    tmp_path: Path, wrong: Callable[[Tensor], list[Tensor]]
) -> None:
    """Counting goes by the layers: more kernels would be counted beside its memory."""

    class Broken(GaborFilterBank):
        def responses(self, images: Tensor) -> list[Tensor]:
            return wrong(super().responses(images)[0])

    save_images(tmp_path, NAMES[:3])
    with pytest.raises(UserError, match=r"for 3 images, .* 'gabor' tell of \[3, 8, 256\]") as error:
        extract_descriptors(rows(NAMES[:3]), tmp_path, job(Broken(GABOR, None)), tmp_path / "a.h5")
    assert str(error.value).endswith("Mend its `responses` or its `layers`.")
    assert not (tmp_path / "a.h5").exists()


def test_a_failing_extraction_keeps_the_older_file(tmp_path: Path) -> None:
    save_images(tmp_path, NAMES[:2])
    extract_descriptors(rows(NAMES[:2]), tmp_path, job(), tmp_path / "a.h5")
    before = (tmp_path / "a.h5").read_bytes()
    with pytest.raises(BadImageError):
        extract_descriptors(rows([*NAMES[:2], "none.png"]), tmp_path, job(), tmp_path / "a.h5")
    assert (tmp_path / "a.h5").read_bytes() == before


COUNTS = np.eye(number_of_levels(SMALL_GRID), dtype=np.int64)[None, [3, 9]].repeat(4, 0)


def refuse(path: Path, message: str) -> None:
    before = path.read_bytes()
    with pytest.raises(UserError, match=message) as error, open_descriptors(path) as file:
        file.mass(2)
    assert str(path) in str(error.value)
    assert path.read_bytes() == before


def test_a_truncated_descriptor_file_is_refused(write_descriptors: WriteDescriptors) -> None:
    path = write_descriptors("a.h5", COUNTS, kernels=[2])
    path.write_bytes(path.read_bytes()[:-100])
    refuse(path, "truncated")


@pytest.mark.parametrize(
    ("kind", "version", "message"),
    [
        ("sjft-bins", 1, "holds `sjft-bins`, expected `sjft-descriptors`"),
        ("sjft-descriptors", 99, "is of version 99"),
    ],
)
def test_another_format_or_version_is_refused(
    tmp_path: Path, kind: str, version: int, message: str
) -> None:
    with create_hdf5(tmp_path / "a.h5", kind=kind, version=version, config={}, inputs={}):
        pass
    refuse(tmp_path / "a.h5", message)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("occupied_levels", "is damaged .*/entry has 8 rows, and 9 are asked for"),
        ("entry", "is damaged .*/large_step has 4 rows, and 8 are asked for"),
    ],
)
def test_more_entries_than_there_are_are_refused(
    write_descriptors: WriteDescriptors, name: str, message: str
) -> None:
    path = write_descriptors("a.h5", COUNTS, kernels=[2])
    with h5py.File(path, "r+") as file:
        if name == "entry":
            file[name][:] = 0
        else:
            file[name][0, 0] += 1
    refuse(path, "is truncated|is damaged: its bytes")
    refuse(seal_again(path), message)


def test_levels_beyond_the_grid_are_refused(write_descriptors: WriteDescriptors) -> None:
    counts = np.zeros((1, 2, 500), np.int64)
    counts[:, :, 450] = 1
    refuse(write_descriptors("a.h5", counts, kernels=[2]), "entries do not fit its grid")


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"bank": "other"}, "type is 'other' here and 'fake' there"),
        ({"weights": "abc"}, "digest_of_weights is 'abc' here and '' there"),
        ({"grid": LevelGrid(lowest_octave=-3)}, "grid is "),
    ],
)
def test_files_of_different_banks_or_grids_are_told_apart(
    write_descriptors: WriteDescriptors, change: dict[str, Any], key: str
) -> None:
    one = write_descriptors("one.h5", COUNTS, kernels=[2])
    other = write_descriptors("other.h5", COUNTS, kernels=[2], **change)
    with open_descriptors(one) as first, open_descriptors(other) as second:
        require_same_bank(first, first.bank, one)
        with pytest.raises(UserError, match=rf"other\.h5: was made .*one\.h5: {key}"):
            require_same_bank(second, first.bank, one)
