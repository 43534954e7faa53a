"""What balances the two halves of a batch, each against a slow definition."""

from pathlib import Path

import numpy as np
import pytest
import torch
from image_files import random_image
from rounds import CPU, batches, fit, state
from small import random_neighbours, small_network, training_settings

from sjft.networks.joint import JointNetwork
from sjft.training.batches import Batch, JointBatches, LabelledImages
from sjft.training.cache import ImageCache
from sjft.training.loss import JointTask, source_loss_weight
from sjft.training.pairing import AnySource, OwnNeighbours, Pairing
from sjft.training.round import train
from sjft.training.world import World

STATISTICS = ("norm.running_mean", "norm.running_var", "norm.num_batches_tracked")


##### batch norm #####


def test_each_half_is_normalised_by_its_own_statistics() -> None:
    network = small_network(2, 3, batch_norm=True)
    (batch,) = batches(1)
    batch.images[4:] *= 3
    features = network.module.conv(batch.images).detach().numpy().astype(np.float64)
    wanted = []
    for half in (features[:4], features[4:]):
        mean = half.mean(axis=(0, 2, 3), keepdims=True)
        variance = half.var(axis=(0, 2, 3), keepdims=True)
        normed = (half - mean) / np.sqrt(variance + network.module.norm.eps)
        pooled = torch.from_numpy(np.maximum(normed, 0).mean(axis=(2, 3))).float()
        wanted.append(network.module.fc(pooled))
    target = torch.nn.functional.cross_entropy(wanted[0][:, :2], batch.target_labels)
    source = torch.nn.functional.cross_entropy(wanted[1][:, 2:], batch.source_labels)
    result = JointTask(network, 1.0, separate_statistics=True)(**batch.tensors())
    assert float(result["target_loss"]) == pytest.approx(target.item(), rel=1e-5)
    assert float(result["source_loss"]) == pytest.approx(source.item(), rel=1e-5)
    shared = JointTask(small_network(2, 3, batch_norm=True), 1.0)(**batch.tensors())
    assert float(shared["target_loss"]) != pytest.approx(target.item(), rel=1e-3)


def test_the_statistics_that_are_kept_are_the_targets() -> None:
    joint, alone, shared = (small_network(2, 2, batch_norm=True) for _ in range(3))
    given = batches(3)
    for batch in given:
        JointTask(joint, 1.0, separate_statistics=True)(**batch.tensors())
        JointTask(shared, 1.0)(**batch.tensors())
        alone.module(batch.images[:4])
    for name in STATISTICS:
        assert torch.equal(state(joint)[name], state(alone)[name])
    assert not torch.equal(state(shared)["norm.running_var"], state(alone)["norm.running_var"])
    assert joint.module.norm.track_running_stats


def test_sources_that_count_nothing_then_change_nothing_of_the_target() -> None:
    """Training with them ends as training without them: no statistic goes across."""
    given = batches(5)
    alone = [Batch(b.images[:4], b.target_labels, b.source_labels[:0], b.paths) for b in given]
    ends: dict[str, JointNetwork] = {}
    for name in ("shared", "separate", "alone"):
        ends[name] = small_network(2, 2, batch_norm=True)
        fit(
            ends[name],
            alone if name == "alone" else given,
            source_loss_weight=0.0,
            learning_rate=0.1,
            batch_norm="shared" if name == "alone" else name,
        )
    wanted = {k: v for k, v in state(ends["alone"]).items() if not k.startswith("fc.source")}
    for name, tensor in wanted.items():
        torch.testing.assert_close(state(ends["separate"])[name], tensor)
    assert not torch.allclose(state(ends["shared"])["conv.weight"], wanted["conv.weight"])


def test_scales_and_shifts_learn_from_both_halves() -> None:
    (batch,) = batches(1)
    found = []
    for weights in ((1.0, 0.0), (0.0, 1.0), (1.0, 1.0)):
        network = small_network(2, 2, batch_norm=True)
        task = JointTask(network, weights[1], weights[0], separate_statistics=True)
        task(**batch.tensors())["loss"].backward()
        found.append(network.module.norm.weight.grad)
    assert found[0].any() and found[1].any()
    torch.testing.assert_close(found[0] + found[1], found[2])


def test_frozen_statistics_want_weights_that_have_some() -> None:
    with pytest.raises(ValueError, match=r"batch_norm: random weights came with no statistics"):
        training_settings(batch_norm="frozen")


##### the source's share of a batch #####


@pytest.mark.parametrize("sources", [1, 2, 6, 9])
def test_source_images_stand_beside_the_first_target_images_or_all_in_turn(sources: int) -> None:
    lists = random_neighbours(3, 8, 40, 5)
    choice = OwnNeighbours(lists.sources.ravel().astype(np.int64), np.arange(8) * 5, np.full(8, 5))
    pairing = Pairing(8, 6, choice, 7, sources=sources)
    for step in range(10):
        pairs = pairing.batch(step)
        assert (len(pairs.targets), len(pairs.sources)) == (6, sources)
        for place, source in enumerate(pairs.sources):
            assert source in lists.sources[pairs.targets[place % 6]]
        assert np.array_equal(pairs.targets, Pairing(8, 6, choice, 7).batch(step).targets)


def test_each_target_image_borrows_about_as_often() -> None:
    lists = np.arange(8)  # each has itself as its only neighbour
    choice = OwnNeighbours(lists, lists, np.ones(8, np.int64))
    pairing = Pairing(8, 4, choice, 7, sources=1)
    drawn = np.bincount([int(pairing.batch(step).sources[0]) for step in range(4000)], minlength=8)
    assert abs(drawn - 500).max() < 5 * (500 * 7 / 8) ** 0.5


def test_as_many_as_target_images_is_what_it_is_without_the_key() -> None:
    for step in range(5):
        plain = Pairing(8, 4, AnySource(30), 7).batch(step)
        named = Pairing(8, 4, AnySource(30), 7, sources=4).batch(step)
        assert np.array_equal(plain.sources, named.sources)


def joint_batches(paths: list[Path], world: World, **changes: object) -> JointBatches:
    settings = training_settings(input_size=24, resize=(24, 30), target_batch=4, **changes)
    images = LabelledImages(paths, np.arange(6) % 2)
    pairing = Pairing(6, 4, AnySource(6), 5, sources=settings.sources)
    return JointBatches(images, images, pairing, settings, 5, ImageCache(1, 30), world)


@pytest.mark.parametrize("sources", [2, 6])
def test_processes_share_both_halves_out(tmp_path: Path, sources: int) -> None:
    paths = [tmp_path / f"{i}.png" for i in range(6)]
    for i, path in enumerate(paths):
        random_image(i, (40, 36)).save(path)
    changes = {"processes": 2, "source_batch": sources}
    whole = joint_batches(paths, World(), **changes)[3]
    assert len(whole.images) == 4 + sources
    for rank in (0, 1):
        part = joint_batches(paths, World(rank, 2), **changes)[3]
        rows = [*range(rank, 4, 2), *range(4 + rank, 4 + sources, 2)]
        assert torch.equal(part.images, whole.images[rows])
        assert torch.equal(part.source_labels, whole.source_labels[rank::2])
    equal = joint_batches(paths, World())[3]
    assert torch.equal(equal.images[:4], whole.images[:4])


def test_the_sources_loss_is_a_mean_whatever_their_number() -> None:
    network, (batch,) = small_network(2, 2), batches(1)
    few = JointTask(network, 1.0)(batch.images[:5], batch.target_labels, batch.source_labels[:1])
    all_four = JointTask(network, 1.0)(**batch.tensors())
    with torch.no_grad():
        logs = network.module(batch.images[4:])[:, 2:].log_softmax(1)
    losses = -logs[torch.arange(4), batch.source_labels]
    assert float(few["source_loss"]) == pytest.approx(float(losses[0]), rel=1e-5)
    assert float(all_four["source_loss"]) == pytest.approx(float(losses.mean()), rel=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"source_batch": 3, "processes": 2},
            r"source_batch \(3\) must be a multiple of processes \(2\)",
        ),
        ({"source_batch": 2, "mixup": 0.2}, r"source_batch \(2\): mixup mixes whole pairs"),
    ],
)
def test_a_share_that_cannot_be_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        training_settings(**changes)


##### a weight that falls #####


def test_the_weight_goes_evenly_from_its_start_to_its_end() -> None:
    settings = training_settings(updates=5, source_loss_weight=0.8, source_loss_weight_at_end=0.0)
    found = [source_loss_weight(settings, update) for update in range(5)]
    assert found == pytest.approx([0.8, 0.6, 0.4, 0.2, 0.0])
    rising = training_settings(updates=3, source_loss_weight=0.5, source_loss_weight_at_end=1.5)
    assert [source_loss_weight(rising, u) for u in range(3)] == pytest.approx([0.5, 1.0, 1.5])
    one = training_settings(updates=1, source_loss_weight=0.5, source_loss_weight_at_end=0.0)
    assert source_loss_weight(one, 0) == 0.5
    assert source_loss_weight(training_settings(updates=5, source_loss_weight=0.7), 4) == 0.7


def test_each_update_is_one_of_its_own_weight() -> None:
    given = batches(4, seed=3)
    falling = small_network(2, 2)
    changes = {"learning_rate": 0.1, "learning_rate_steps": 100, "momentum": 0.0}
    fit(falling, given, source_loss_weight=0.9, source_loss_weight_at_end=0.0, **changes)
    slow = small_network(2, 2)
    for batch, weight in zip(given, (0.9, 0.6, 0.3, 0.0), strict=True):
        settings = training_settings(updates=1, source_loss_weight=weight, **changes)
        train(slow, lambda _, one=batch: [one], settings, CPU)
    for name, tensor in state(falling).items():
        torch.testing.assert_close(tensor, state(slow)[name])
    constant = small_network(2, 2)
    fit(constant, given, source_loss_weight=0.9, **changes)
    assert not torch.allclose(state(constant)["conv.weight"], state(falling)["conv.weight"])
