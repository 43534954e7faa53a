"""Keys of the training recipe that do nothing together, or not what is meant."""

from collections.abc import Iterator

from sjft.checks.finding import Finding
from sjft.settings.training import TrainingSettings
from sjft.settings.weights import RandomWeights

DEFAULTS = TrainingSettings.model_fields
# Each weight moves by about the rate in an update, whatever its gradient: what has been learned
# already bears less of it (docs/training.md has what was measured from random weights).
LARGEST_ADAMW_RATE, LARGEST_FROM_RANDOM = 3e-3, 1e-2
# What the first weights may still count in the average.
SHARE_OF_FIRST = 0.1


def wrong_recipe(key: str, training: TrainingSettings) -> Iterator[Finding]:
    """What is wrong with the optional parts of ``training``; nothing of it stops a run."""
    for name, message in _messages(training):
        yield Finding(f"{key}.{name}", message, stops=False)


def _messages(training: TrainingSettings) -> Iterator[tuple[str, str]]:
    if training.optimiser == "adamw":
        if training.momentum != DEFAULTS["momentum"].default:
            yield "momentum", "is of SGD, and decides nothing with `optimiser: adamw`"
        from_random = isinstance(training.weights, RandomWeights)
        if training.learning_rate > (LARGEST_FROM_RANDOM if from_random else LARGEST_ADAMW_RATE):
            yield (
                "learning_rate",
                f"{training.learning_rate:g} is SGD's order of size: AdamW moves each weight by "
                "about that much in an update. Usual are 0.0001 to 0.001, and from random weights "
                "up to 0.01",
            )
    if training.layer_wise_decay is not None and isinstance(training.weights, RandomWeights):
        yield (
            "layer_wise_decay",
            "keeps the layers next to the input as they came: with random weights these have "
            "still to be learned. Leave it null, or give weights",
        )
    magnitude = training.rand_augment_magnitude
    if training.augment == "crop" and magnitude != DEFAULTS["rand_augment_magnitude"].default:
        yield "rand_augment_magnitude", "decides nothing without `augment: rand_augment`"
    own = training.target_batch // training.processes
    if training.mixup is not None and own < 2:
        yield (
            "mixup",
            "a process has one target image of each batch, and nothing to mix it with. Raise "
            "target_batch, or lower processes",
        )
    if training.keep == "best_on_val" and training.validate_every >= training.updates:
        yield (
            "validate_every",
            f"{training.validate_every} is not below updates ({training.updates}): the last "
            "weights alone are looked at, and kept. A tenth of the updates is usual",
        )
    elif training.keep == "last" and training.validate_every != DEFAULTS["validate_every"].default:
        yield "validate_every", "decides nothing without `keep: best_on_val`"
    if training.ema is not None:
        yield from _of_average(training.ema, training.updates)


def _of_average(decay: float, updates: int) -> Iterator[tuple[str, str]]:
    first = decay ** (updates - 1)
    if first > SHARE_OF_FIRST:
        usual = SHARE_OF_FIRST ** (1 / (updates - 1)) if updates > 1 else 0.0
        yield (
            "ema",
            f"with {decay:g}, the weights after the first of {updates} updates still count "
            f"{100 * first:.0f} % in the round's model. Below {usual:.4g}, they count less than "
            f"{100 * SHARE_OF_FIRST:.0f} %",
        )
