"""The loss: that of both halves against double precision, and which weights it reaches."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from small import random_images, scores, small_network

from sjft.training.loss import JointTask


def log_softmax(values: np.ndarray) -> np.ndarray:
    return values - np.log(np.exp(values).sum(axis=1, keepdims=True))


@given(
    targets=st.integers(1, 5),
    sources=st.integers(0, 5),
    weight=st.floats(0, 3),
    of_target=st.floats(0.1, 3),
    seed=st.integers(0, 100),
)
def test_the_joint_loss_is_that_of_both_halves(
    targets: int, sources: int, weight: float, of_target: float, seed: int
) -> None:
    network = small_network(4, 3, seed=seed)
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, targets), rng.integers(0, 3, sources)
    images = random_images(targets + sources, 8, seed)
    task = JointTask(network, weight, of_target)
    result = task(images, *(torch.from_numpy(part) for part in labels))
    both = scores(network, images).numpy().astype(np.float64)
    target_logs = log_softmax(both[:targets, :4])[np.arange(targets), labels[0]]
    source_logs = log_softmax(both[targets:, 4:])[np.arange(sources), labels[1]]
    source_loss = -source_logs.mean() if sources else 0.0
    assert float(result["target_loss"]) == pytest.approx(-target_logs.mean(), rel=1e-5)
    assert float(result["source_loss"]) == pytest.approx(source_loss, rel=1e-5)
    wanted = -of_target * target_logs.mean() + weight * source_loss
    assert result["loss"].item() == pytest.approx(wanted, rel=1e-5)
    assert int(result["target_correct"]) == (both[:targets, :4].argmax(1) == labels[0]).sum()
    assert int(result["source_correct"]) == (both[targets:, 4:].argmax(1) == labels[1]).sum()


def test_both_halves_go_through_the_network_in_one_pass() -> None:
    network = small_network(batch_norm=True)
    sizes: list[int] = []
    network.module.register_forward_hook(lambda module, given, out: sizes.append(len(given[0])))
    JointTask(network, 1.0)(random_images(6, 8), torch.tensor([0, 1]), torch.tensor([0, 1, 2, 0]))
    assert sizes == [6]


@pytest.mark.parametrize(("weight", "labels"), [(0.0, [0, 1]), (1.0, [])])
def test_the_target_loss_does_not_reach_the_source_head(weight: float, labels: list[int]) -> None:
    network = small_network()
    source = torch.tensor(labels, dtype=torch.int64)
    task = JointTask(network, weight)
    task(random_images(2 + len(labels), 8), torch.tensor([0, 1]), source)["loss"].backward()
    assert not network.heads.source.weight.grad.any()
    assert network.heads.target.weight.grad.any()
    assert network.module.conv.weight.grad.any()


def test_the_source_loss_does_not_reach_the_target_head() -> None:
    alone, joint = small_network(), small_network()
    images, target, source = random_images(4, 8), torch.tensor([0, 1]), torch.tensor([0, 2])
    JointTask(alone, 1.0)(images[:2], target, source[:0])["loss"].backward()
    JointTask(joint, 1.0)(images, target, source)["loss"].backward()
    for one, other in zip(
        alone.heads.target.parameters(), joint.heads.target.parameters(), strict=True
    ):
        torch.testing.assert_close(one.grad, other.grad)
    assert joint.heads.source.weight.grad.any()
    assert not torch.allclose(alone.module.conv.weight.grad, joint.module.conv.weight.grad)


@given(targets=st.integers(1, 5), sources=st.integers(1, 6), seed=st.integers(0, 100))
def test_a_weighted_loss_is_the_weighted_mean_over_the_source_images(
    targets: int, sources: int, seed: int
) -> None:
    network = small_network(4, 3, seed=seed)
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, targets), rng.integers(0, 3, sources)
    nearness = rng.uniform(0.01, 1, sources)
    images = random_images(targets + sources, 8, seed)
    task = JointTask(network, 0.7)
    weights = torch.from_numpy((nearness / nearness.mean()).astype(np.float32))
    result = task(images, *(torch.from_numpy(part) for part in labels), weights)
    both = scores(network, images).numpy().astype(np.float64)
    losses = -log_softmax(both[targets:, 4:])[np.arange(sources), labels[1]]
    wanted = (nearness * losses).sum() / nearness.sum()
    assert float(result["source_loss"]) == pytest.approx(wanted, rel=1e-5)
    both_losses = float(result["target_loss"]) + 0.7 * wanted
    assert result["loss"].item() == pytest.approx(both_losses, rel=1e-5)


def test_equal_weights_are_no_weights() -> None:
    network, given = small_network(4, 3), random_images(5, 8)
    labels = torch.tensor([0, 1]), torch.tensor([0, 1, 2])
    plain = JointTask(network, 1.0)(given, *labels)["loss"].item()
    weighted = JointTask(network, 1.0)(given, *labels, torch.ones(3))["loss"].item()
    assert weighted == pytest.approx(plain, rel=1e-6)


def test_the_mean_gradient_of_shares_is_that_of_the_whole_weighted_batch() -> None:
    images, labels = random_images(8, 8), torch.tensor([0, 1, 2, 3, 0, 1, 2, 0])
    weights = torch.tensor([0.1, 2.5, 0.4, 1.0])

    def gradients(rows: list[int]) -> list[torch.Tensor]:
        network = small_network(4, 3)
        both = [*rows, *(4 + row for row in rows)]
        task = JointTask(network, 0.7)
        of_source = labels[4:][rows]
        task(images[both], labels[:4][rows], of_source, weights[rows])["loss"].backward()
        return [parameter.grad for parameter in network.module.parameters()]

    whole, first, second = gradients([0, 1, 2, 3]), gradients([0, 2]), gradients([1, 3])
    for one, a, b in zip(whole, first, second, strict=True):
        torch.testing.assert_close(one, (a + b) / 2)
        assert one.any()
