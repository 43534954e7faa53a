"""Settings that fit two folders, a machine and a length of time."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sjft.cli.init.survey import Survey
from sjft.cli.init.weights import Start, accepted_size, first_layers, has_batch_norm
from sjft.pipeline.experiment_time import Forecast
from sjft.settings.arm import BEST, METHOD

# The arms that are compared: the method, without a source, and with as many images by chance.
COMPARED = ("selective", "fine-tune", "random-source")
# From random weights too, where it won more than the others; pre-trained ones have no use for it.
FROM_RANDOM = "all-source"
ROUNDS = 2
# Sides of the training crop; of the largest that images fill, `SCALE` times it is their side.
SIDES = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224)
SMALLEST_RESIZE, LARGEST_RESIZE, SCALE = 1.07, 1.28, 256 / 224
LARGEST_ON_GPU, LARGEST_ON_CPU, LARGEST_FROM_RANDOM_ON_CPU = 224, 112, 64
# Gabor kernels have sides of up to 33 px.
LARGEST_OF_BANK_ON_GPU, LARGEST_OF_BANK_ON_CPU, SMALLEST_OF_BANK = 256, 128, 40
BATCH = 32
IMAGES_OF_A_SHARD = 5000
LEAST_IMAGES_OF_A_SHARD = 500
# K_0: all lists together hold so many times the source (the paper: 5,360 x 300 of 1.28 million).
LISTS_OF_SOURCE, LARGEST_INITIAL, LEAST_INITIAL, SHARE_OF_SOURCE = 1.25, 300, 2, 20
HIGHEST_LEVEL = 10  # of K_i, in K_0: selection.highest_sampling_level
LARGEST_ON_FILE = 5000
# Pairs of a target and a source image that are all compared within a minute or so.
PAIRS_FOR_EXACT = 2e7
# An accuracy on fewer images says too little to choose by.
LEAST_VAL = 50
LEAST_UPDATES, MOST_UPDATES = 100, 4000
# An image is seen so often in a round, at most: pre-trained networks have learned enough by then.
EPOCHS_PRETRAINED, EPOCHS_FROM_RANDOM = 40, 100
SHARE_BEFORE_STEP = 0.75
# By whether the weights are pre-trained, and whether the network has batch norm.
LEARNING_RATES = {
    (True, True): 0.01,
    (True, False): 0.001,
    (False, True): 0.02,
    (False, False): 0.01,
}


@dataclass(frozen=True)
class Machine:
    """``cores`` that may be used, and whether training runs on a GPU."""

    cores: int
    gpu: bool


@dataclass(frozen=True)
class Choices:
    """Sections of the configuration as plain values; `training` lacks updates and weights."""

    bank: dict[str, Any]
    retrieval: dict[str, Any]
    initial_neighbours: int
    training: dict[str, Any]
    scale: int
    split: str
    published: str
    compared: tuple[str, ...]
    shards_of_target: int
    shards_of_source: int


def choose(
    target: Survey, source: Survey, machine: Machine, start: Start, gabor: bool = False
) -> Choices:
    """Everything but how many updates, which follows from the time that they take.

    The bank is of ``gabor`` filters, or of the network's first layers where it is pre-trained.
    """
    side = side_of_input(target.shorter_side, machine, start)
    initial = initial_neighbours(target.train, source.train)
    pairs = target.train * source.train
    return Choices(
        bank=_bank(
            min(target.shorter_side, source.shorter_side),
            machine,
            None if gabor or start.kind != "pretrained" else start.network,
        ),
        retrieval={
            "neighbours_on_file": min(HIGHEST_LEVEL * initial, source.train, LARGEST_ON_FILE),
            "backend": "exact" if pairs <= PAIRS_FOR_EXACT else "annoy",
        },
        initial_neighbours=initial,
        training=_training(side, target.train, machine, start),
        scale=_even(side * SCALE),
        split=split_of_evaluation(target),
        published=published_arm(target),
        compared=compared_arms(start),
        shards_of_target=-(-target.train // IMAGES_OF_A_SHARD),
        shards_of_source=shards(source.train, machine.cores),
    )


def side_of_input(shorter_side: int, machine: Machine, start: Start) -> int:
    """The largest side that the images fill and the machine stands; more if the network asks."""
    if machine.gpu:
        most = LARGEST_ON_GPU
    else:
        most = LARGEST_ON_CPU if start.kind == "pretrained" else LARGEST_FROM_RANDOM_ON_CPU
    filled = [side for side in SIDES if side <= most and side * SCALE <= shorter_side]
    return accepted_size(start.network, max(filled, default=SIDES[0]))


def initial_neighbours(targets: int, sources: int) -> int:
    """K_0: few enough that all lists together do not hold the whole source.

    An image's own list, grown by the second round, holds a quarter of the source at most.
    """
    even = round(LISTS_OF_SOURCE * sources / targets)
    return max(LEAST_INITIAL, min(even, sources // SHARE_OF_SOURCE, LARGEST_INITIAL))


def shards(images: int, cores: int) -> int:
    """One for every 5,000 images, and one a core where that leaves each enough."""
    for_cores = min(cores, images // LEAST_IMAGES_OF_A_SHARD)
    return max(1, -(-images // IMAGES_OF_A_SHARD), for_cores)


def split_of_evaluation(target: Survey) -> str:
    """`test`, which chooses nothing; `val` where it is the only one that is held out."""
    return "test" if target.by_split.get("test", 0) else "val"


def published_arm(target: Survey) -> str:
    """The best by `val`, where that is large enough to choose by; else the method's own."""
    return BEST if target.by_split.get("val", 0) >= LEAST_VAL else METHOD


def compared_arms(start: Start) -> tuple[str, ...]:
    """The arms to be trained beside each other, each of which takes its share of the time."""
    return COMPARED if start.pretrained else (*COMPARED, FROM_RANDOM)


def most_updates(targets: int, start: Start) -> int:
    """Updates of a round beyond which so few images teach no more."""
    epochs = EPOCHS_PRETRAINED if start.pretrained else EPOCHS_FROM_RANDOM
    wanted = epochs * targets / min(BATCH, targets)
    return int(min(MOST_UPDATES, max(2 * LEAST_UPDATES, wanted)))


def updates_within(
    seconds: float, forecast: Callable[[int], Forecast], most: int
) -> tuple[int, bool]:
    """The most updates a round that end within the time by the ``forecast``, and whether any do.

    Where even the fewest that are of use take longer, these.
    """
    low, high = LEAST_UPDATES, most
    if forecast(low).seconds > seconds:
        return low, False
    while low < high:
        middle = (low + high + 1) // 2
        in_time = forecast(middle).seconds <= seconds
        low, high = (middle, high) if in_time else (low, middle - 1)
    return low // 10 * 10, True


def with_updates(training: dict[str, Any], updates: int) -> dict[str, Any]:
    """The section `training` with its length: the learning rate falls for the last quarter."""
    steps = max(1, round(SHARE_BEFORE_STEP * updates))
    return {**training, "updates": updates, "learning_rate_steps": steps}


def _bank(shorter_side: int, machine: Machine, network: str | None) -> dict[str, Any]:
    """The first layers of a pre-trained network, or Gabor filters, which need no weights."""
    most = LARGEST_OF_BANK_ON_GPU if machine.gpu else LARGEST_OF_BANK_ON_CPU
    side = max(SMALLEST_OF_BANK, min(most, shorter_side // 8 * 8))
    if network is None:
        return {"type": "gabor", "resize": side, "crop": side}
    return {
        "type": "cnn",
        "network": network,
        "layers": list(first_layers(network)),
        "resize": side,
        "crop": _even(side * 7 / 8),
    }


def _training(side: int, targets: int, machine: Machine, start: Start) -> dict[str, Any]:
    threads = min(8, machine.cores) if machine.gpu else machine.cores // len(compared_arms(start))
    return {
        "network": start.network,
        "input_size": side,
        "resize": [_even(side * SMALLEST_RESIZE), _even(side * LARGEST_RESIZE)],
        "target_batch": min(BATCH, targets),
        "accumulate": 1,
        "learning_rate": LEARNING_RATES[start.pretrained, has_batch_norm(start.network)],
        "head_learning_rate_factor": 10 if start.pretrained else 1,
        "threads": max(1, threads),
        "device": "auto" if machine.gpu else "cpu",
    }


def _even(pixels: float) -> int:
    """To the next multiple of four."""
    return 4 * round(pixels / 4)
