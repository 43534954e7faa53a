"""Scoring: probabilities averaged over views, against one view at a time."""

import os
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from image_files import save_images
from PIL import Image
from small import small_network, training_settings

from sjft.data.pixels import load_rgb
from sjft.errors import BadImageError, UserError
from sjft.evaluation.scoring import Scored, Scoring, class_probabilities
from sjft.settings.evaluation import EvaluationSettings

CPU = torch.device("cpu")
TRAINING = training_settings()
NETWORK = small_network(3, 2, seed=4)


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    names = [f"{i}.png" for i in range(7)]
    save_images(tmp_path, names)
    return [tmp_path / name for name in names]


def scored(paths: list[Path], threads: int = 1, **changes: object) -> Scored:
    settings = EvaluationSettings.model_validate({"scales": (16,), **changes})
    return class_probabilities(NETWORK, paths, settings, TRAINING, CPU, threads)


def naive_views(path: Path, scales: tuple[int, ...], five: bool, mirror: bool) -> list[np.ndarray]:
    """Every view by Pillow alone; the images are 20 wide and 16 high."""
    views = []
    for scale in scales:
        image = load_rgb(path)
        width, height = int(scale * 20 / 16), scale
        image = image.resize((width, height), Image.Resampling.BILINEAR)
        right, bottom = width - 16, height - 16
        corners = [(0, 0), (right, 0), (0, bottom), (right, bottom)]
        centre = (round(right / 2), round(bottom / 2))
        for x, y in [*(corners if five else []), centre]:
            pixels = np.asarray(image.crop((x, y, x + 16, y + 16)), np.float32) / 255
            normal = (pixels - np.array(TRAINING.mean)) / np.array(TRAINING.std)
            views += [normal, normal[:, ::-1]] if mirror else [normal]
    return views


def probabilities_of(view: np.ndarray) -> np.ndarray:
    inputs = torch.from_numpy(view.transpose(2, 0, 1).copy()).float()[None]
    with torch.inference_mode():
        scores = NETWORK.module.eval()(inputs)[0, :3].double().numpy()
    return np.exp(scores) / np.exp(scores).sum()


@pytest.mark.parametrize("scales", [(16,), (16, 24), (20, 28, 32)])
@pytest.mark.parametrize("crops", ["centre", "five"])
@pytest.mark.parametrize("mirror", [False, True])
def test_probabilities_are_means_over_all_views(
    paths: list[Path], scales: tuple[int, ...], crops: str, mirror: bool
) -> None:
    found = scored(paths, scales=scales, crops=crops, mirror=mirror)
    for path, row in zip(paths, found.probabilities, strict=True):
        views = naive_views(path, scales, crops == "five", mirror)
        assert len(views) == len(scales) * (5 if crops == "five" else 1) * (1 + mirror)
        np.testing.assert_allclose(row, np.mean([*map(probabilities_of, views)], axis=0), atol=1e-5)
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1, atol=1e-5)


def test_a_batch_holds_no_more_crops_than_configured(paths: list[Path]) -> None:
    sizes: list[int] = []
    hook = NETWORK.module.register_forward_hook(
        lambda module, given, out: sizes.append(len(given[0]))
    )
    scored(paths, crops="five", mirror=True, batch=25)
    scored(paths, batch=3)
    hook.remove()
    assert sizes == [20, 20, 20, 10, 3, 3, 1]
    # One image has ten crops.
    sizes.clear()
    hook = NETWORK.module.register_forward_hook(
        lambda module, given, out: sizes.append(len(given[0]))
    )
    few = scored(paths[:1], crops="five", mirror=True, batch=4)
    hook.remove()
    assert sizes == [4, 4, 2]
    whole = scored(paths[:1], crops="five", mirror=True)
    np.testing.assert_allclose(few.probabilities, whole.probabilities, atol=1e-6)


def test_memory_that_runs_out_says_which_key_to_lower(
    paths: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr("sjft.evaluation.scoring.normalised", full)
    with pytest.raises(UserError, match=r"run out of memory in scoring. Lower evaluation\.batch"):
        scored(paths)


@pytest.mark.parametrize("rows", [[0, 1, 2], [2]])
def test_a_network_that_has_diverged_is_refused_and_not_taken_for_sure_of_class_0(
    paths: list[Path], rows: list[int]
) -> None:
    network = small_network(3, 2, seed=4)
    scoring = Scoring(EvaluationSettings(scales=(16,)), TRAINING)
    assert len(scoring.probabilities(network, paths).rows) == 7
    with torch.no_grad():
        network.heads.target.weight[rows] = torch.finfo(torch.float32).max
    paths[0].write_bytes(b"")
    skipping = replace(scoring, skip_bad_images=True)
    said = rf"{paths[1]}: .* no finite class probabilities \(6 of 6 .*training\.learning_rate"
    with pytest.raises(UserError, match=said):
        skipping.probabilities(network, paths)


def test_workers_hand_over_a_batch_with_few_open_files(paths: list[Path]) -> None:
    code = (
        "import resource, sys; from pathlib import Path; "
        "resource.setrlimit(resource.RLIMIT_NOFILE, (96, 96)); "
        "from test_scoring import scored; "
        "print(len(scored([Path(sys.argv[1])] * 300, 4, batch=150).rows))"
    )
    here = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "support"), *sys.path]
    done = subprocess.run(
        [sys.executable, "-c", code, str(paths[0])],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(here)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout == "300\n", done.stderr[-2000:]


@pytest.mark.parametrize("batch", [1, 2, 64])
@pytest.mark.parametrize("threads", [1, 4])
def test_the_batch_size_and_workers_change_nothing(
    paths: list[Path], batch: int, threads: int
) -> None:
    found = scored(paths, threads, batch=batch)
    np.testing.assert_allclose(found.probabilities, scored(paths).probabilities, atol=1e-6)
    assert found.rows.tolist() == list(range(7))


@pytest.mark.parametrize("batch", [1, 3, 64])
@pytest.mark.parametrize("threads", [1, 4])
def test_images_that_cannot_be_read_are_left_out_and_listed(
    paths: list[Path], batch: int, threads: int
) -> None:
    whole = scored(paths).probabilities
    for row in (0, 4):
        paths[row].write_bytes(paths[row].read_bytes()[:30])
    found = scored(paths, threads, batch=batch)
    assert found.rows.tolist() == [1, 2, 3, 5, 6]
    np.testing.assert_allclose(found.probabilities, whole[found.rows], atol=1e-6)
    assert [Path(error.path) for error in found.skipped] == [paths[0], paths[4]]
    assert all(error.reason for error in found.skipped)


def test_probabilities_of_many_images_are_held_once(monkeypatch: pytest.MonkeyPatch) -> None:
    images, a_batch = 20_000, 50
    network = small_network(100, 2, seed=4)

    def batches(*_: object) -> Iterator[Scored]:
        for first in range(0, images, a_batch):
            rows = np.arange(first, first + a_batch - 1)  # the last of each cannot be read
            values = np.full((len(rows), 100), first, np.float32)
            yield Scored(rows, values, [BadImageError(Path("a.png"), "no image")], first)

    monkeypatch.setattr("sjft.evaluation.scoring.score_batches", batches)
    tracemalloc.start()
    found = class_probabilities(
        network, [Path("a.png")] * images, EvaluationSettings(scales=(16,)), TRAINING, CPU, 1
    )
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.6 * found.probabilities.nbytes
    assert len(found.rows) == len(found.probabilities) == images - len(found.skipped)
    np.testing.assert_array_equal(found.probabilities[:, 0], found.rows // a_batch * a_batch)


def test_no_image_gives_no_row() -> None:
    found = scored([])
    assert found.probabilities.shape == (0, 3)
    assert found.rows.shape == (0,)
    assert found.skipped == []


def test_dropout_and_batch_norm_are_those_of_evaluation(paths: list[Path]) -> None:
    network = small_network(3, 2, batch_norm=True)
    network.module.train()
    before = network.module.norm.running_mean.clone()
    settings = EvaluationSettings(scales=(16,))
    first = class_probabilities(network, paths, settings, TRAINING, CPU, 1).probabilities
    alone = class_probabilities(network, paths[:1], settings, TRAINING, CPU, 1).probabilities
    np.testing.assert_allclose(first[:1], alone, atol=1e-6)
    assert torch.equal(network.module.norm.running_mean, before)
