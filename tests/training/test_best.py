"""The best weights on `val`: which update is taken, and by what accuracy."""

from collections.abc import Callable
from itertools import count
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from image_files import random_image
from PIL import Image
from rounds import CPU, batches, fit, round_of, round_settings, state
from small import images_table, small_network, training_settings
from torch import nn

from sjft.errors import BadImageError, UserError
from sjft.networks.joint import JointNetwork
from sjft.settings.training import TrainingSettings
from sjft.training.batches import LabelledImages
from sjft.training.best import BestWeights, is_validated, validations
from sjft.training.cache import ImageCache
from sjft.training.round import run_round, train
from sjft.training.validation import (
    CentralSquares,
    Validation,
    mean_class_accuracy,
    readable,
    validation_images,
)

STEADY = {"learning_rate": 0.1, "learning_rate_steps": 100}
ACCURACIES = [0.25, 0.75, 0.75, 0.5]


def told(accuracies: list[float]) -> BestWeights:
    """What is told these accuracies, one after the other."""
    given = iter(accuracies)
    return BestWeights(lambda module: next(given))


def trained(updates: int, best: BestWeights | None, **changes: object) -> tuple[JointNetwork, list]:
    network = small_network(2, 2, batch_norm=True)
    keep = {"keep": "best_on_val", "validate_every": 2} if best else {}
    settings = training_settings(updates=updates, log_every=3, **keep, **STEADY, **changes)
    history = train(network, lambda _: batches(updates), settings, CPU, best=best)
    return network, [history.columns, *history.rows()]


@pytest.mark.parametrize("changes", [{}, {"ema": 0.6}])
def test_the_weights_are_those_of_the_first_best_update(changes: dict[str, object]) -> None:
    """Looked at after 2, 4, 6 and the last of 7 updates: as if training had ended after the 4th."""
    network, _ = trained(7, told(ACCURACIES), **changes)
    until, _ = trained(4, None, **changes)
    for name, tensor in state(until).items():
        assert torch.equal(state(network)[name], tensor)
    last, _ = trained(7, None, **changes)
    assert not torch.equal(state(last)["conv.weight"], state(network)["conv.weight"])
    best_last, _ = trained(7, told([0.1, 0.2, 0.3, 0.4]), **changes)
    for name, tensor in state(last).items():
        assert torch.equal(state(best_last)[name], tensor)


def test_what_is_looked_at_is_the_average_where_that_is_the_model() -> None:
    seen = []

    def accuracy(module: nn.Module) -> float:
        seen.append({k: v.clone() for k, v in module.state_dict().items()})
        return 0.5

    trained(3, BestWeights(accuracy), ema=0.6)
    assert len(seen) == 2
    average, _ = trained(3, None, ema=0.6)
    for name in ("conv.weight", "norm.running_var", "fc.target.weight"):
        torch.testing.assert_close(seen[1][name], state(average)[name])


def test_the_history_says_which_update_was_taken() -> None:
    _, (columns, *rows) = trained(7, told(ACCURACIES))
    assert columns[-2:] == ["val_accuracy", "kept"]
    found = {row[0]: row[-2:] for row in rows}
    # A row every three updates, and one for each look.
    assert found == {
        2: (0.25, 0),
        3: (None, 0),
        4: (0.75, 1),
        6: (0.75, 0),
        7: (0.5, 0),
    }
    _, (plain, *_) = trained(7, None)
    assert "val_accuracy" not in plain


def test_looking_changes_nothing_of_the_training(paths: list[Path]) -> None:
    """The last weights of a round that looks are those of one that does not, dropout included."""
    ends = []
    for keep in ("last", "best_on_val"):
        settings = training_settings(keep=keep, validate_every=1, input_size=24, resize=(24, 26))
        network = small_network(2, 2, batch_norm=True)
        network.module.norm = nn.Sequential(network.module.norm, nn.Dropout(0.5))
        best = BestWeights(rising(looked(paths, settings))) if keep == "best_on_val" else None
        torch.manual_seed(3)
        train(network, lambda _: batches(4), settings, CPU, best=best)
        ends.append(state(network))
    for name, tensor in ends[0].items():
        assert torch.equal(ends[1][name], tensor)


def rising(validation: Validation) -> Callable[[nn.Module], float]:
    """Looks, and is better pleased each time."""
    looks = count()

    def accuracy(module: nn.Module) -> float:
        assert 0 <= validation.accuracy(module) <= 1
        return float(next(looks))

    return accuracy


@pytest.mark.parametrize(
    ("every", "updates", "times"), [(2, 7, 4), (2, 8, 4), (9, 4, 1), (1, 3, 3)]
)
def test_how_often_is_counted(every: int, updates: int, times: int) -> None:
    settings = training_settings(updates=updates, validate_every=every, keep="best_on_val")
    looked = [done for done in range(1, updates + 1) if is_validated(settings, done)]
    assert len(looked) == validations(settings) == times
    assert looked[-1] == updates
    plain = training_settings(updates=updates, validate_every=every)
    assert validations(plain) == 0
    assert not is_validated(plain, updates)


##### the accuracy #####


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    for i in range(7):
        random_image(i, (44 + 3 * i, 40)).save(tmp_path / f"{i}.png")
    return [tmp_path / f"{i}.png" for i in range(7)]


def looked(paths: list[Path], settings: TrainingSettings) -> Validation:
    labels = np.array([0, 0, 0, 0, 0, 1, 1])
    return Validation(LabelledImages(paths, labels), 2, settings, ImageCache(1, 30), 2, CPU)


def test_the_accuracy_is_that_of_central_squares(paths: list[Path]) -> None:
    settings = training_settings(input_size=24, resize=(28, 30), target_batch=2)
    network = small_network(2, 2, batch_norm=True, seed=4)
    fit(network, batches(3))
    network.module.norm.eval()  # as frozen statistics are
    found = looked(paths, settings).accuracy(network.module)
    assert network.module.training and not network.module.norm.training
    right = []
    network.module.eval()
    for path, label in zip(paths, [0] * 5 + [1] * 2, strict=True):
        image = Image.open(path).convert("RGB")
        cut = round(24 * 40 / 29)  # of a shorter side of 40, as if it were 29
        left, top = (image.width - cut + 1) // 2, (40 - cut + 1) // 2
        square = image.crop((left, top, left + cut, top + cut))
        pixels = torch.from_numpy(np.array(square.resize((24, 24), Image.Resampling.BILINEAR)))
        mean, std = (torch.tensor(values) for values in (settings.mean, settings.std))
        scores = network.module(((pixels / 255 - mean) / std).permute(2, 0, 1)[None].float())
        right.append(int(scores[0, :2].argmax()) == label)
    assert found == pytest.approx((np.mean(right[:5]) + np.mean(right[5:])) / 2)


@pytest.mark.parametrize("size", [(35, 24), (24, 35)])
def test_what_is_looked_at_is_the_central_square_upright(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    random_image(5, size).save(tmp_path / "0.png")
    images = LabelledImages([tmp_path / "0.png"], np.zeros(1, np.int64))
    squares = CentralSquares(images, 24, (20, 28), 4, ImageCache(1, 30))
    outline = squares.outline(0)
    squares.fill(outline, slice(None))
    whole = np.asarray(Image.open(tmp_path / "0.png").convert("RGB"))
    wanted = whole[:, 6:30] if size[0] > size[1] else whole[6:30]
    np.testing.assert_array_equal(outline.pixels[0], wanted)


def test_rare_classes_count_as_much_as_frequent_ones() -> None:
    predicted, labels = np.array([0, 0, 0, 1, 1]), np.array([0, 0, 0, 0, 2])
    assert mean_class_accuracy(predicted, labels) == pytest.approx((0.75 + 0) / 2)


def test_a_round_keeps_what_is_best_on_its_own_images(tmp_path: Path) -> None:
    for side in ("target", "source"):
        (tmp_path / side).mkdir()
        for i in range(6):
            colour = (250, 0, 0) if i % 2 else (0, 0, 250)
            Image.new("RGB", (30, 28), colour).save(tmp_path / side / f"{i}.png")
    paths = [tmp_path / "target" / f"{i}.png" for i in range(6)]
    given = {**vars(round_of(tmp_path)), "validation": LabelledImages(paths, np.arange(6) % 2)}
    settings = round_settings(keep="best_on_val", validate_every=1, learning_rate=0.01)
    network, history = run_round(type(round_of(tmp_path))(**given), settings, None, 1)
    assert history["kept"].sum() == 1
    taken = history.filter(pl.col("kept") == 1)["val_accuracy"].item()
    assert taken == history["val_accuracy"].max()
    again = Validation(given["validation"], 2, settings, ImageCache(1, 30), 1, CPU)
    assert again.accuracy(network.module) == pytest.approx(taken)


##### the images #####


def test_the_images_are_those_of_the_split_val_alone(tmp_path: Path) -> None:
    images = pl.concat(
        [
            images_table([0, 1], folder="train"),
            images_table([1, 0], folder="v", split="val"),
            images_table([1, 1], folder="t", split="test"),
        ]
    )
    found = validation_images(images, tmp_path)
    assert found.paths == [tmp_path / "v/0.png", tmp_path / "v/1.png"]
    assert found.labels.tolist() == [1, 0]
    with pytest.raises(UserError, match=r"training\.keep: .* no image in the split `val`.*last"):
        validation_images(images.filter(pl.col("split") != "val"), tmp_path)


def test_a_bad_image_ends_the_round_or_is_skipped_by_name(
    paths: list[Path], caplog: pytest.LogCaptureFixture
) -> None:
    paths[2].write_bytes(b"no image")
    given = LabelledImages(paths, np.arange(7))
    cache = ImageCache(1, 30)
    with pytest.raises(BadImageError, match=r"2\.png"):
        readable(given, cache, skip_bad=False)
    found = readable(given, cache, skip_bad=True)
    assert found.labels.tolist() == [0, 1, 3, 4, 5, 6]
    assert found.paths == [path for path in paths if path != paths[2]]
    assert f"skipped {paths[2]}" in caplog.text
    with pytest.raises(UserError, match="none of the 1 images of `val` is usable"):
        readable(LabelledImages([paths[2]], np.zeros(1, np.int64)), cache, skip_bad=True)
