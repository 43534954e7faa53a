"""The optional parts of the recipe, each against a slow definition."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from image_files import random_image
from rounds import CPU, batches, fit, state, torchvisions
from small import small_network, training_settings
from torchvision.transforms import InterpolationMode, v2

from sjft.training.augmentation import augmented, random_numbers
from sjft.training.batches import Batch, JointBatches, LabelledImages
from sjft.training.cache import ImageCache
from sjft.training.loss import JointTask
from sjft.training.mixup import mixed, mixing
from sjft.training.optimiser import make_optimiser
from sjft.training.pairing import AnySource, NoSource, Pairing
from sjft.training.rand_augment import SeededRandAugment, operation_numbers
from sjft.training.round import train
from sjft.training.world import World

PARTS = {
    "optimiser": "adamw",
    "layer_wise_decay": 0.7,
    "label_smoothing": 0.2,
    "augment": "rand_augment",
    "mixup": 0.4,
    "ema": 0.8,
}


def test_adamw_is_torchs_own() -> None:
    one, other = small_network(2, 2), small_network(2, 2)
    given = batches(3)
    fit(one, given, optimiser="adamw", learning_rate=1e-3, weight_decay=0.1)
    task = JointTask(other, 1.0)
    optimiser = torch.optim.AdamW(other.module.parameters(), lr=1e-3, weight_decay=0.1)
    for batch in given:
        task(**batch.tensors())["loss"].backward()
        optimiser.step()
        optimiser.zero_grad()
    for name, tensor in state(other).items():
        torch.testing.assert_close(state(one)[name], tensor)


def test_rates_fall_from_the_heads_to_the_input() -> None:
    network = torchvisions("resnet18")
    settings = training_settings(
        learning_rate=0.5, layer_wise_decay=0.1, head_learning_rate_factor=3
    )
    names = {id(p): name for name, p in network.module.named_parameters()}
    optimiser = make_optimiser(network, settings)
    found = {names[id(p)]: group["lr"] for group in optimiser.param_groups for p in group["params"]}
    assert set(found) == set(names.values())
    depths = ["conv1.", *(f"layer{s}.{b}." for s in (1, 2, 3, 4) for b in (0, 1))]
    for name, rate in found.items():
        below = [len(depths) - d for d, start in enumerate(depths) if name.startswith(start)]
        if name.startswith("bn1."):
            below = [len(depths)]
        wanted = 0.5 * (0.1 ** below[0] if below else 3)
        assert rate == pytest.approx(wanted), name
    # The history's first two rates are the trunk's fastest, and the target head's.
    first = [group["lr"] for group in optimiser.param_groups]
    assert first[:3] == pytest.approx([0.05, 1.5, 1.5])


def cross_entropy(scores: np.ndarray, labels: np.ndarray, smoothing: float) -> np.ndarray:
    logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    classes = scores.shape[1]
    wanted = np.full(scores.shape, smoothing / classes)
    wanted[np.arange(len(labels)), labels] += 1 - smoothing
    return -(wanted * logs).sum(axis=1)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("mix", [False, True])
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_the_loss_is_that_of_smoothed_and_mixed_labels(
    weighted: bool, mix: bool, smoothing: float
) -> None:
    network = small_network(4, 3)
    rng = np.random.default_rng(0)
    images = torch.randn(6, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    labels = np.array([0, 3, 1]), np.array([2, 0, 2])
    partners, share, weights = np.array([1, 2, 0]), 0.7, rng.uniform(0.5, 1.5, 3)
    seen = images.clone()
    if mix:
        for half in (0, 3):
            for pair in range(3):
                other = images[half + partners[pair]]
                seen[half + pair] = share * images[half + pair] + (1 - share) * other
    with torch.no_grad():
        scores = network.module(seen).numpy().astype(np.float64)
    wanted = []
    for half, own in ((scores[:3, :4], labels[0]), (scores[3:, 4:], labels[1])):
        losses = cross_entropy(half, own, smoothing)
        if mix:
            of_partners = cross_entropy(half, own[partners], smoothing)
            losses = share * losses + (1 - share) * of_partners
        wanted.append(losses)
    wanted[1] = wanted[1] * (weights if weighted else 1)
    given = {
        "source_weights": torch.from_numpy(weights.astype(np.float32)) if weighted else None,
        "mixup_partners": torch.from_numpy(partners) if mix else None,
        "mixup_shares": torch.full((3,), share) if mix else None,
    }
    task = JointTask(network, 0.5, 2.0, smoothing)
    result = task(images, *map(torch.from_numpy, labels), **given)
    assert float(result["target_loss"]) == pytest.approx(wanted[0].mean(), rel=1e-5)
    assert float(result["source_loss"]) == pytest.approx(wanted[1].mean(), rel=1e-5)
    both = 2 * wanted[0].mean() + 0.5 * wanted[1].mean()
    assert result["loss"].item() == pytest.approx(both, rel=1e-5)


def test_mixing_is_of_seed_and_step_alone_and_images_are_mostly_themselves() -> None:
    found = [mixing(0.4, 1, step, 12, 3) for step in range(200)]
    again = mixing(0.4, 1, 7, 12, 3)
    assert np.array_equal(found[7].partners, again.partners)
    assert found[7].shares.tolist() == again.shares.tolist()
    other = mixing(0.4, 2, 7, 12, 3)
    assert not np.array_equal(other.partners, again.partners)
    assert other.shares[0] != again.shares[0]
    assert all(sorted(each.partners.tolist()) == list(range(12)) for each in found)
    assert all((each.partners % 3 == np.arange(12) % 3).all() for each in found)
    shares = np.array([each.shares[0] for each in found])
    assert shares.min() >= 0.5
    assert shares.max() < 1.0 + 1e-6
    assert len(set(shares.tolist())) == 200
    drawn = np.random.default_rng(0).beta(0.4, 0.4, 100_000)
    assert shares.mean() == pytest.approx(np.maximum(drawn, 1 - drawn).mean(), abs=0.03)


def test_a_half_is_mixed_within_itself() -> None:
    images = torch.arange(4.0).view(4, 1, 1, 1)
    partners, shares = torch.tensor([1, 0]), torch.tensor([0.75, 0.5])
    assert mixed(images, 2, partners, shares).flatten().tolist() == [0.25, 0.5, 2.25, 2.5]
    assert mixed(images[:2], 2, partners, shares).flatten().tolist() == [0.25, 0.5]


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("images")
    for i in range(6):
        random_image(i, (40, 36)).save(folder / f"{i}.png")
    return [folder / f"{i}.png" for i in range(6)]


def joint_batches(paths: Sequence[Path], world: World, **changes: object) -> JointBatches:
    settings = training_settings(input_size=24, resize=(24, 30), target_batch=4, **changes)
    images = LabelledImages(paths, np.arange(6) % 2)
    pairing = Pairing(6, 4, AnySource(6), 5)
    return JointBatches(images, images, pairing, settings, 5, ImageCache(1, 30), world)


def test_processes_mix_as_one_that_has_the_whole_batch(paths: list[Path]) -> None:
    changes = {"augment": "rand_augment", "mixup": 0.4, "processes": 2}
    whole = joint_batches(paths, World(), **changes)[3]
    parts = [joint_batches(paths, World(rank, 2), **changes)[3] for rank in (0, 1)]

    def seen(batch: Batch) -> torch.Tensor:
        assert batch.mixup_partners is not None and batch.mixup_shares is not None
        images = batch.images.float()
        cut = len(batch.target_labels)
        return mixed(images, cut, batch.mixup_partners, batch.mixup_shares)

    for rank, part in enumerate(parts):
        rows = [rank, rank + 2, 4 + rank, 6 + rank]
        torch.testing.assert_close(seen(part), seen(whole)[rows])
        assert torch.equal(part.images, whole.images[rows])


def test_off_means_off(paths: list[Path]) -> None:
    plain = joint_batches(paths, World())[3]
    assert set(plain.tensors()) == {"images", "target_labels", "source_labels"}
    varied = joint_batches(paths, World(), augment="rand_augment", rand_augment_magnitude=0)[3]
    other = joint_batches(paths, World(), augment="rand_augment")[3]
    assert varied.paths == plain.paths == other.paths
    assert not torch.equal(other.images, plain.images)
    assert torch.equal(
        other.images, joint_batches(paths, World(), augment="rand_augment")[3].images
    )


@pytest.mark.parametrize("magnitude", [9, 3])
def test_rand_augment_is_torchvisions_behind_the_same_square(
    paths: list[Path], magnitude: int
) -> None:
    """Each image is what torchvision's own makes of it when it is told the same choices."""
    changes = {"augment": "rand_augment", "rand_augment_magnitude": magnitude}
    batch = joint_batches(paths, World(), **changes)[2]
    square_numbers = random_numbers(5, 2, 8)
    numbers = operation_numbers(5, 2, 8)
    fill = [255 * value for value in training_settings().mean]
    for place, path in enumerate(batch.paths):
        pixels = ImageCache(1, 30).pixels(Path(path))
        square = augmented(pixels, 24, (24, 30), square_numbers[place])
        image = torch.from_numpy(np.ascontiguousarray(square)).permute(2, 0, 1)
        for which, sign in numbers[place].reshape(2, 2):
            image = told(which, sign, magnitude, fill)(image)
        assert torch.equal(batch.images[place], image)


def told(which: float, sign: float, magnitude: int, fill: list[float]) -> v2.RandAugment:
    """torchvision's own transform of one operation, with its draws replaced."""

    class Told(v2.RandAugment):
        def _get_random_item(self, table):
            name = list(table)[int(which * len(table))]
            return name, table[name]

        def forward(self, *inputs):
            with pytest.MonkeyPatch.context() as patched:
                drawn = torch.tensor(0.0 if sign < 0.5 else 1.0)
                patched.setattr(torch, "rand", lambda *_: drawn)
                return super().forward(*inputs)

    return Told(1, magnitude, interpolation=InterpolationMode.BILINEAR, fill=fill)


def test_every_operation_and_sign_comes() -> None:
    numbers = operation_numbers(0, 0, 3000).reshape(-1, 2)
    names = list(SeededRandAugment._AUGMENTATION_SPACE)
    counts = np.bincount((numbers[:, 0] * len(names)).astype(int), minlength=len(names))
    assert len(names) == 14
    assert counts.min() > 300
    assert (numbers[:, 1] < 0.5).mean() == pytest.approx(0.5, abs=0.03)
    for other in (operation_numbers(1, 0, 3000), operation_numbers(0, 1, 3000)):
        assert not np.array_equal(other.reshape(-1, 2), numbers)


def test_torchs_generator_is_left_alone(paths: list[Path]) -> None:
    before = torch.get_rng_state()
    joint_batches(paths, World(), augment="rand_augment", mixup=0.5)[0]
    assert torch.equal(torch.get_rng_state(), before)


def test_the_average_is_the_rounds_model() -> None:
    """Against the definition: a round's weights after each update, averaged one by one."""
    given = batches(6)
    changes = {"learning_rate": 0.1, "learning_rate_steps": 100}
    wanted: dict[str, torch.Tensor] = {}
    for updates in range(1, 7):
        network = small_network(2, 2, batch_norm=True)
        settings = training_settings(updates=updates, **changes)
        train(network, lambda _: given, settings, CPU)
        for name, tensor in state(network).items():
            if updates == 1 or not tensor.is_floating_point():
                wanted[name] = tensor
            else:
                wanted[name] = 0.7 * wanted[name] + 0.3 * tensor
    averaged = small_network(2, 2, batch_norm=True)
    fit(averaged, given, ema=0.7, **changes)
    for name, tensor in state(averaged).items():
        torch.testing.assert_close(tensor, wanted[name])
    assert not torch.allclose(state(averaged)["conv.weight"], state(network)["conv.weight"])


@pytest.mark.parametrize("part", PARTS)
def test_each_part_changes_the_result_and_learns(part: str) -> None:
    given = batches(60)
    if part == "mixup":
        given = [mixing_batch(batch, step) for step, batch in enumerate(given)]
    rate = 0.01 if part == "optimiser" else 0.1
    changes = {} if part in {"augment", "mixup"} else {part: PARTS[part]}
    network = small_network(2, 2)
    history = fit(network, given, learning_rate=rate, log_every=20, **changes)
    plain = small_network(2, 2)
    fit(plain, batches(60), learning_rate=rate, log_every=20)
    differs = any(not torch.equal(a, state(plain)[name]) for name, a in state(network).items())
    assert differs is (part != "augment")  # these batches are made already
    assert history["target_accuracy"][-1] > 0.9


def mixing_batch(batch: Batch, step: int) -> Batch:
    found = mixing(0.2, 0, step, 4, 1)
    return replace(
        batch,
        mixup_partners=torch.from_numpy(found.partners),
        mixup_shares=torch.from_numpy(found.shares),
    )


def test_mixup_works_without_source_images(paths: list[Path]) -> None:
    settings = training_settings(input_size=24, resize=(24, 30), target_batch=4, mixup=0.4)
    images = LabelledImages(paths, np.arange(6) % 2)
    none = LabelledImages([], np.empty(0, np.int64))
    cache = ImageCache(1, 30)
    batch = JointBatches(images, none, Pairing(6, 4, NoSource(), 5), settings, 5, cache)[0]
    tensors = batch.tensors() | {"images": batch.images.float()}
    result = JointTask(small_network(2, 0), 1.0)(**tensors)
    assert float(result["source_loss"]) == 0
    assert torch.isfinite(result["loss"])
