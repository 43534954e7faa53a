"""Training: it learns, it repeats itself, and it says what goes wrong."""

import math
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from PIL import Image
from rounds import NAMES, batches, fit, round_of, round_settings, state
from small import images_table, small_network, source_table, training_settings
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torchvision import models

from sjft.errors import UserError
from sjft.networks.joint import save_network
from sjft.networks.source_head import ClassifierClasses
from sjft.selection.subset import select_all
from sjft.training.batch_norm import set_training_mode
from sjft.training.batches import Batch
from sjft.training.history import HISTORY_COLUMNS, History
from sjft.training.loss import JointTask
from sjft.training.pairing import AnySource
from sjft.training.round import Round, run_round


def test_a_separable_problem_is_learned() -> None:
    network = small_network(2, 2)
    history = fit(network, batches(60), learning_rate=0.1, log_every=20)
    assert history["target_accuracy"][-1] > 0.95
    assert history["source_accuracy"][-1] > 0.95
    assert history["target_loss"][-1] < history["target_loss"][0] / 2
    assert history["source_loss"][-1] < history["source_loss"][0] / 2


def test_the_history_has_a_row_per_log_every_updates_and_one_for_the_last() -> None:
    history = fit(small_network(2, 2), batches(7), log_every=3)
    assert history.columns == HISTORY_COLUMNS
    assert history["update"].to_list() == [3, 6, 7]
    assert history["update"].dtype == pl.Int32
    assert history["seconds"].is_sorted()
    assert (history["images_per_second"] > 0).all()


def test_a_row_holds_means_over_its_own_updates() -> None:
    given = batches(4)
    tiny = fit(small_network(2, 2), given, log_every=1, learning_rate=1e-12)
    both = fit(small_network(2, 2), given, log_every=2, learning_rate=1e-12)
    for name in ("target_loss", "source_loss", "target_accuracy", "source_accuracy"):
        each = tiny[name].to_numpy().reshape(2, 2)
        np.testing.assert_allclose(both[name], each.mean(axis=1), rtol=1e-6)


def test_without_source_images_the_sources_columns_are_zero() -> None:
    history = fit(small_network(2, 0), batches(4, sources=False))
    assert history["source_loss"].to_list() == [0.0, 0.0]
    assert history["source_accuracy"].to_list() == [0.0, 0.0]


def test_the_learning_rate_falls_by_ten_after_so_many_updates() -> None:
    history = fit(
        small_network(2, 2), batches(7), log_every=1, learning_rate=0.5, learning_rate_steps=3
    )
    wanted = [0.5] * 3 + [0.05] * 3 + [0.005]
    np.testing.assert_allclose(history["learning_rate"], wanted, rtol=1e-9)


def test_an_update_is_a_step_of_plain_gradient_descent() -> None:
    network, rate, decay = small_network(2, 2), 0.1, 0.01
    before, given = state(network), batches(1)
    scores = network.module(given[0].images)
    loss = torch.nn.functional.cross_entropy(scores[:4, :2], given[0].target_labels)
    loss = loss + 0.5 * torch.nn.functional.cross_entropy(scores[4:, 2:], given[0].source_labels)
    names, parameters = zip(*network.module.named_parameters(), strict=True)
    gradients = torch.autograd.grad(loss, parameters)
    fit(
        *(network, given),
        learning_rate=rate,
        weight_decay=decay,
        head_learning_rate_factor=3.0,
        source_loss_weight=0.5,
    )
    for name, gradient in zip(names, gradients, strict=True):
        factor = 3.0 if name.startswith("fc.") else 1.0
        wanted = before[name] - factor * rate * (gradient + decay * before[name])
        torch.testing.assert_close(network.module.state_dict()[name], wanted)


def test_momentum_carries_the_last_step_on() -> None:
    with_it, without = small_network(2, 2), small_network(2, 2)
    fit(with_it, batches(1), momentum=0.9)
    fit(without, batches(1), momentum=0.0)
    for key, value in state(with_it).items():
        torch.testing.assert_close(state(without)[key], value)
    fit(with_it, batches(3), momentum=0.9)
    fit(without, batches(3), momentum=0.0)
    assert not torch.allclose(state(with_it)["conv.weight"], state(without)["conv.weight"])


def test_two_accumulated_batches_are_one_of_double_size() -> None:
    halves = batches(6)
    doubles = [
        Batch(
            torch.cat([a.images[:4], b.images[:4], a.images[4:], b.images[4:]]),
            torch.cat([a.target_labels, b.target_labels]),
            torch.cat([a.source_labels, b.source_labels]),
            a.paths + b.paths,
        )
        for a, b in zip(halves[::2], halves[1::2], strict=True)
    ]
    one, other = small_network(2, 2), small_network(2, 2)
    of_halves = fit(one, halves, accumulate=2, learning_rate=0.1)
    of_doubles = fit(other, doubles, learning_rate=0.1)
    for key, value in state(one).items():
        torch.testing.assert_close(value, state(other)[key], rtol=1e-4, atol=1e-6)
    for name in ("target_loss", "target_accuracy", "source_loss", "source_accuracy"):
        np.testing.assert_allclose(of_halves[name], of_doubles[name], rtol=1e-5)


@pytest.mark.parametrize("frozen", [False, True])
def test_batch_norm_statistics_stay_where_they_are_frozen(frozen: bool) -> None:
    network = small_network(2, 2, batch_norm=True)
    before = state(network)
    given = {"source": "file", "path": "given.pth"}
    fit(network, batches(3), weights=given, batch_norm="frozen" if frozen else "shared")
    after = state(network)
    for name in ("norm.running_mean", "norm.running_var", "norm.num_batches_tracked"):
        assert torch.equal(before[name], after[name]) is frozen
    assert not torch.equal(before["norm.weight"], after["norm.weight"])
    assert network.module.conv.training
    assert network.module.norm.training is not frozen


def test_thawed_batch_norm_trains_again() -> None:
    module = small_network(2, 2, batch_norm=True).module
    set_training_mode(module, frozen=True)
    set_training_mode(module, frozen=False)
    assert module.norm.training


def test_a_loss_that_is_not_finite_names_the_update_and_the_files() -> None:
    given = batches(4)
    given[2].images[0, 0, 0, 0] = math.nan
    with pytest.raises(UserError) as error:
        fit(small_network(2, 2), given)
    assert "loss of update 3 is not finite" in str(error.value)
    assert "step2/0.png, step2/1.png" in str(error.value)
    assert "learning_rate" in str(error.value)
    assert "step1" not in str(error.value)


def test_a_batch_that_no_memory_holds_is_explained(folder: Path) -> None:
    huge = training_settings(input_size=16_384, resize=(16_384, 16_384), target_batch=20_000)
    with pytest.raises(UserError, match="run out of memory"):
        run_round(round_of(folder), huge, None, 1)


def test_curves_hold_the_history(folder: Path) -> None:
    _, history = run_round(round_of(folder), round_settings(), None, 1, curves_folder=folder / "tb")
    events = EventAccumulator(str(folder / "tb")).Reload()
    assert set(events.Tags()["scalars"]) == set(HISTORY_COLUMNS[1:])
    for name in HISTORY_COLUMNS[1:]:
        points = events.Scalars(name)
        assert [point.step for point in points] == history["update"].to_list()
        np.testing.assert_allclose([point.value for point in points], history[name], rtol=1e-6)


def test_curves_without_the_package_are_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(UserError, match=r"training_jobs\.tensorboard: the package is missing"):
        run_round(round_of(folder), round_settings(), None, 1, curves_folder=folder / "tb")


def test_numbers_that_are_asked_for_late_make_the_same_history() -> None:
    given = batches(7)
    rows = []
    for lag in (1, 3, 100):
        history = History(3, 7, lag)
        for update, batch in enumerate(given):
            result = JointTask(small_network(2, 2), 1.0)(**batch.tensors())
            history.add(batch, result, update)
            history.close_update(update, [0.1, 0.2, 0.3])
        rows.append(history.table().select(pl.exclude("images_per_second", "seconds")))
        assert rows[-1].equals(rows[0])
    assert rows[0]["head_learning_rate"].to_list() == [0.2] * 3


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Images in two colours, which are their classes."""
    for side in ("target", "source"):
        (tmp_path / side).mkdir()
        for i in range(6):
            colour = (250, 0, 0) if i % 2 else (0, 0, 250)
            Image.new("RGB", (20, 18), colour).save(tmp_path / side / f"{i}.png")
    return tmp_path


def trained_bytes(of: Round, folder: Path, threads: int = 1) -> bytes:
    network, _ = run_round(of, round_settings(), None, threads)
    save_network(folder / "m.pt", network, {})
    return (folder / "m.pt").read_bytes()


def test_the_same_seed_gives_the_same_bytes(folder: Path) -> None:
    first = trained_bytes(round_of(folder), folder)
    torch.rand(3)
    assert trained_bytes(round_of(folder), folder) == first
    assert trained_bytes(round_of(folder), folder, threads=4) == first
    assert trained_bytes(round_of(folder, seed=1), folder) != first
    assert trained_bytes(round_of(folder, number=1), folder) != first


def test_a_subset_of_a_source_that_the_experiment_has_not_is_refused(folder: Path) -> None:
    of = round_of(folder)
    other = of.manifest.subset.with_columns(source=pl.lit("shop"))
    of = replace(of, manifest=replace(of.manifest, subset=other))
    with pytest.raises(UserError, match=r"^subset\.csv: `shop` is no source .* these are: store\."):
        run_round(of, round_settings(), None, 1)


def test_a_rounds_batches_are_drawn_as_its_manifest_and_settings_say(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hard images come more often, classes are kept apart, and sources are as many as wanted."""
    of = round_of(folder)
    labels, draws = [0, 0, 0, 0, 0, 1], [3, 2, 1, 1, 1, 4]
    targets = of.manifest.targets.with_columns(
        pl.Series("label", labels, pl.Int32), pl.Series("draws", draws, pl.Int32)
    )
    of = replace(of, manifest=replace(of.manifest, targets=targets))
    settings = round_settings(target_batch=4, source_batch=2, most_of_a_class=2, accumulate=3)
    given: dict[int, list[Batch]] = {}

    def looked_at(_network: object, batches_from: Callable, *_: object) -> pl.DataFrame:
        given.update({update: list(batches_from(update)) for update in (0, 1)})
        return pl.DataFrame()

    monkeypatch.setattr("sjft.training.round.train", looked_at)
    run_round(of, settings, None, 1)
    names = [Path(path).name for batch in given[0] for path in batch.paths[:4]]
    # Two updates of three batches: two epochs of twelve.
    for epoch in (names[:12], names[12:]):
        assert Counter(epoch) == {f"{row}.png": times for row, times in enumerate(draws)}
    # Two thirds of the draws are of one class, which may have three of four places.
    for batch in given[0]:
        assert np.bincount(batch.target_labels).max() <= 3
        assert len(batch.source_labels) == 2
    assert [batch.paths for batch in given[1]] == [batch.paths for batch in given[0][3:]]


def test_a_later_round_draws_by_its_seed_and_number_whatever_its_weights_are(folder: Path) -> None:
    last, _ = run_round(round_of(folder), round_settings(), None, 1)
    given = [
        round_of(folder, seed=seed, number=number) for seed, number in ((0, 1), (0, 2), (1, 1))
    ]
    again = [Round(**{**vars(of), "last_network": last}) for of in (*given, given[0])]
    found = [trained_bytes(of, folder) for of in again]
    assert found[0] == found[3]
    assert len(set(found)) == 3


def test_a_round_has_heads_for_the_classes_of_both_sides(folder: Path) -> None:
    network, history = run_round(round_of(folder), round_settings(), None, 1)
    assert network.target_classes == network.source_classes == NAMES
    assert len(history) == 2
    alone, _ = run_round(round_of(folder, source=False), round_settings(), None, 1)
    assert alone.source_classes == []


def test_a_round_leaves_the_random_state_of_torch_alone(folder: Path) -> None:
    before = torch.get_rng_state()
    run_round(round_of(folder), round_settings(), None, 1)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_round_starts_from_the_last_ones_weights(folder: Path) -> None:
    last, _ = run_round(round_of(folder), round_settings(), None, 1)
    before = state(last)
    given = round_of(folder, number=1)
    again = Round(**{**vars(given), "last_network": last})
    still = round_settings(learning_rate=1e-30, weight_decay=0.0)
    network, _ = run_round(again, still, None, 1)
    for key, value in state(network).items():
        torch.testing.assert_close(value, before[key], rtol=0, atol=1e-20)


def test_a_source_class_that_is_new_in_a_later_round_begins_like_no_other(folder: Path) -> None:
    still = round_settings(learning_rate=1e-30, weight_decay=0.0)
    targets = images_table([0, 1] * 3, folder="target")
    others = select_all(targets, source_table([1, 2] * 3, folder="source"))
    first = round_of(folder)
    last, _ = run_round(Round(**{**vars(first), "manifest": others}), still, None, 1)
    whole = select_all(targets, source_table([0, 1, 2] * 2, folder="source"))
    later = Round(**{**vars(first), "manifest": whole, "number": 1, "last_network": last})
    network, _ = run_round(later, still, None, 1)
    assert network.source_classes == ["class 0", *last.source_classes]
    new, *known = network.heads.source.weight.flatten(1)
    for row in known:  # the new one took the place of the first of them
        assert abs(torch.cosine_similarity(new, row, dim=0)) < 0.3


def test_source_classes_of_a_later_round_have_pretrained_rows_too(folder: Path) -> None:
    plain = models.get_model("squeezenet1_1", num_classes=2)
    torch.save(plain.state_dict(), folder / "w.pth")
    settings = round_settings(
        learning_rate=1e-30, weight_decay=0.0, weights={"source": "file", "path": "w.pth"}
    )
    known = {"classifier_classes": ClassifierClasses(None, {"store": NAMES})}
    first = round_of(folder)
    few = select_all(
        images_table([0, 1] * 3, folder="target"), source_table([0] * 3, folder="source")
    )
    last, _ = run_round(
        Round(**{**vars(first), **known, "manifest": few, "choice": AnySource(3)}),
        *(settings, folder / "w.pth", 1),
    )
    assert last.source_classes == NAMES[:1]
    with torch.no_grad():
        last.heads.source.weight += 1
    second = Round(**{**vars(first), **known, "number": 1, "last_network": last})
    network, _ = run_round(second, settings, folder / "w.pth", 1)
    found, classifier = network.heads.source.weight, plain.classifier[1].weight
    torch.testing.assert_close(found[0], classifier[0] + 1)
    torch.testing.assert_close(found[1], classifier[1])
