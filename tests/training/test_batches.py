"""Batches: the same images for the same step, whoever prepares them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from image_files import save_images
from small import training_settings

from sjft.data.pixels import load_pixels
from sjft.errors import BadImageError
from sjft.networks.devices import loading_threads, torch_threads
from sjft.networks.preprocess import normalised
from sjft.settings.image_limits import ImageLimits
from sjft.training.batches import Batch, JointBatches, LabelledImages, Outline
from sjft.training.cache import ImageCache
from sjft.training.loading import load_batches
from sjft.training.pairing import AnySource, Drawn, NoSource, Pairing, SourceChoice
from sjft.training.world import ALONE, World

CPU = torch.device("cpu")
IMAGES = 6


@pytest.fixture
def sides(tmp_path: Path) -> tuple[LabelledImages, LabelledImages]:
    names = [f"{side}/{i}.png" for side in ("target", "source") for i in range(IMAGES)]
    save_images(tmp_path, names)
    paths = [tmp_path / name for name in names]
    return (
        LabelledImages(paths[:IMAGES], np.arange(IMAGES)),
        LabelledImages(paths[IMAGES:], np.arange(IMAGES) + 10),
    )


def joint_batches(
    sides: tuple[LabelledImages, LabelledImages],
    *,
    choice: SourceChoice | None = None,
    seed: int = 1,
    cache_mb: float = 0,
    world: World = ALONE,
    **changes: object,
) -> JointBatches:
    pairing = Pairing(IMAGES, 4, choice or AnySource(IMAGES), seed)
    return JointBatches(
        *sides, pairing, training_settings(**changes), seed, ImageCache(cache_mb, 1000), world
    )


def pixels(batch: Batch) -> np.ndarray:
    """The images of a batch as they were before they were normalised."""
    return batch.images.numpy().transpose(0, 2, 3, 1)


def test_a_batch_holds_target_images_and_then_as_many_source_images(sides: tuple) -> None:
    batches = joint_batches(sides)
    pairing = Pairing(IMAGES, 4, AnySource(IMAGES), 1)
    for step in range(5):
        batch = batches[step]
        pairs = pairing.batch(step)
        targets, sources = pairs.targets, pairs.sources
        assert batch.images.shape == (8, 3, 16, 16)
        assert batch.images.dtype == torch.uint8
        assert batch.target_labels.tolist() == targets.tolist()
        assert batch.source_labels.tolist() == (sources + 10).tolist()
        assert batch.target_labels.dtype == batch.source_labels.dtype == torch.int64
        wanted = [sides[0].paths[t] for t in targets] + [sides[1].paths[s] for s in sources]
        assert batch.paths == [str(path) for path in wanted]


def test_without_a_source_there_are_target_images_alone(sides: tuple) -> None:
    nothing = LabelledImages([], np.empty(0, np.int64))
    batch = joint_batches((sides[0], nothing), choice=NoSource())[0]
    assert batch.images.shape == (4, 3, 16, 16)
    assert len(batch.source_labels) == 0


@pytest.mark.parametrize("cache_mb", [0, 0.003, 1])
@pytest.mark.parametrize("threads", [1, 3])
def test_neither_threads_nor_cache_change_the_batches(
    sides: tuple, threads: int, cache_mb: float
) -> None:
    settings = training_settings()
    batches = joint_batches(sides)
    cached = joint_batches(sides, cache_mb=cache_mb)
    loaded = list(load_batches(cached, range(5), settings, threads, CPU))
    assert len(loaded) == 5
    for step, batch in enumerate(loaded):
        wanted = normalised(batches[step].images, settings.mean, settings.std)
        assert torch.equal(batch.images, wanted)
        assert batch.images.is_contiguous(memory_format=torch.channels_last)
        assert torch.equal(batch.source_labels, batches[step].source_labels)
        assert batch.paths == batches[step].paths


def test_the_cache_keeps_what_comes_first_within_its_budget(sides: tuple, monkeypatch) -> None:
    decoded = []

    def counting(path: Path, at_least: int, limits: ImageLimits) -> np.ndarray:
        decoded.append(path.name)
        return load_pixels(path, at_least, limits)

    monkeypatch.setattr("sjft.training.cache.load_pixels", counting)
    cache = ImageCache(2 * 20 * 16 * 3 / 1e6, 16)  # room for two
    for _ in range(3):
        for path in sides[0].paths[:3]:
            assert np.array_equal(cache.pixels(path), load_pixels(path))
    assert decoded == ["0.png", "1.png", "2.png", "2.png", "2.png"]


def test_ranks_share_a_batch_by_pairs(sides: tuple) -> None:
    whole = joint_batches(sides)
    shares = [joint_batches(sides, world=World(rank, 2)) for rank in (0, 1)]
    for step in range(4):
        parts = [share[step] for share in shares]
        for rank, part in enumerate(parts):
            rows = [rank, rank + 2, 4 + rank, 4 + rank + 2]
            assert torch.equal(part.images, whole[step].images[rows])
            assert part.paths == [whole[step].paths[row] for row in rows]
            assert torch.equal(part.target_labels, whole[step].target_labels[rank::2])
            assert torch.equal(part.source_labels, whole[step].source_labels[rank::2])


class Weighted:
    """Draws the first images, and weights that say at which place of the whole batch they stood."""

    def draw(self, targets: np.ndarray, generator: np.random.Generator) -> Drawn:
        return Drawn(np.zeros(len(targets), np.int64), np.arange(len(targets), dtype=np.float32))


def test_weights_go_with_their_images_through_shares_and_loader(sides: tuple) -> None:
    shares = [joint_batches(sides, choice=Weighted(), world=World(rank, 2)) for rank in (0, 1)]
    found = [share[0].source_weights for share in shares]
    assert [weights.tolist() for weights in found if weights is not None] == [[0, 2], [1, 3]]
    (batch,) = load_batches(shares[1], range(1), training_settings(), 1, CPU)
    assert batch.tensors().keys() == {
        "images", "target_labels", "source_labels", "source_weights"
    }  # fmt: skip
    assert batch.images.dtype == torch.float32
    assert torch.equal(batch.tensors()["source_weights"], torch.tensor([1.0, 3.0]))
    assert "source_weights" not in joint_batches(sides)[0].tensors()


def test_beside_a_gpu_all_threads_but_one_load_images() -> None:
    assert [loading_threads(n, torch.device("cuda")) for n in (1, 2, 8)] == [1, 1, 7]
    assert [loading_threads(n, CPU) for n in (1, 2, 8)] == [1, 2, 8]


def test_who_loads_resizes_with_one_thread_and_the_network_keeps_its_own(
    sides: tuple, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []

    def recorded(batches: JointBatches, outline: Outline, places: slice) -> None:
        found.append(torch.get_num_threads())

    monkeypatch.setattr(JointBatches, "fill", recorded)
    with torch_threads(2):
        list(load_batches(joint_batches(sides), range(3), training_settings(), 2, CPU))
        assert torch.get_num_threads() == 2
    assert found == [1] * 6


def test_a_batch_depends_on_seed_and_step_alone(sides: tuple) -> None:
    one, other = joint_batches(sides), joint_batches(sides)
    backwards = {step: other[step].images for step in reversed(range(4))}
    for step in range(4):
        assert torch.equal(one[step].images, backwards[step])
    assert not torch.equal(joint_batches(sides, seed=2)[0].images, one[0].images)


def test_the_random_state_of_torch_is_left_alone(sides: tuple) -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    images = joint_batches(sides)[3].images
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(6)
    assert torch.equal(joint_batches(sides)[3].images, images)


def test_places_and_steps_are_augmented_differently(sides: tuple) -> None:
    one = LabelledImages([sides[0].paths[0]] * IMAGES, np.zeros(IMAGES, np.int64))
    batches = joint_batches((one, one), resize=(16, 60))
    images = [image.numpy().tobytes() for step in range(3) for image in batches[step].images]
    assert len(set(images)) > 20  # of 24


def test_without_room_for_augmentation_only_the_mirror_is_left(sides: tuple) -> None:
    # The images are 20 wide and 16 high: a crop has 5 places, and a mirror image.
    batches = joint_batches(sides, resize=(16, 16))
    mirrored = 0
    for step in range(6):
        batch = batches[step]
        for path, image in zip(batch.paths, pixels(batch), strict=True):
            whole = load_pixels(Path(path))
            crops = [whole[:, x : x + 16] for x in range(5)]
            upright = any(np.array_equal(image, crop) for crop in crops)
            turned = any(np.array_equal(image, crop[:, ::-1]) for crop in crops)
            assert upright or turned
            mirrored += turned
    assert 8 <= mirrored <= 40  # 24 of 48 on average


@given(
    seed=st.integers(0, 100),
    mean=st.tuples(*[st.floats(0, 1)] * 3),
    std=st.tuples(*[st.floats(0.1, 2)] * 3),
)
def test_images_are_normalised_channel_by_channel(
    seed: int, mean: tuple[float, float, float], std: tuple[float, float, float]
) -> None:
    images = np.random.default_rng(seed).integers(0, 256, (2, 3, 4, 5), np.uint8)
    found = normalised(torch.from_numpy(images), mean, std)
    for channel in range(3):
        wanted = (images[:, channel] / 255.0 - mean[channel]) / std[channel]
        np.testing.assert_allclose(found[:, channel], wanted, atol=2e-5)


@pytest.mark.parametrize("threads", [1, 4])
def test_a_bad_image_fails_with_its_name(sides: tuple, threads: int) -> None:
    bad = sides[1].paths[0]
    bad.write_bytes(bad.read_bytes()[:40])
    loader = load_batches(joint_batches(sides), range(20), training_settings(), threads, CPU)
    with pytest.raises(BadImageError, match=r"source/0\.png"):
        list(loader)
