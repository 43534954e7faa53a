"""Memory of training and scoring: the table of networks, and what is declared by it."""

import pytest
from torchvision import models

from sjft.networks.footprint import footprint
from sjft.networks.footprints import footprint_of, footprints
from sjft.pipeline.network_memory import (
    mb_of_publishing,
    mb_of_scoring,
    mb_of_training,
)
from sjft.settings.training import TrainingSettings


def training(**changed: object) -> TrainingSettings:
    values = {"network": "resnet18", "weights": {"source": "random"}, "device": "cpu"}
    return TrainingSettings.model_validate(values | changed)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["shufflenet_v2_x0_5", "squeezenet1_1"])
def test_the_table_is_what_the_networks_say(name: str) -> None:
    assert footprint_of(name) == pytest.approx(footprint(name), rel=0.01, abs=0.01)


def test_the_table_has_every_network_and_another_one_is_taken_for_a_large_one() -> None:
    assert set(footprints()) == set(models.list_models(module=models))
    assert footprint_of("of another library") == footprint_of("resnet152")
    # Weights and statistics in float32, and billions of operations, as published.
    resnet = footprint_of("resnet50")
    assert resnet.weights == pytest.approx(4 * 25.6, rel=0.01)
    assert resnet.forward == pytest.approx(2 * 4.09, rel=0.02)


# Peaks of a process that was measured, with batches of so many images (both halves together).
MEASURED = [
    ("resnet18", 20, 224, 1688),
    ("resnet50", 20, 224, 3153),
    ("squeezenet1_1", 64, 112, 1237),
    ("mobilenet_v2", 20, 224, 2543),
    ("shufflenet_v2_x0_5", 48, 56, 839),
]


@pytest.mark.parametrize(("network", "images", "side", "peak"), MEASURED)
def test_declared_memory_is_what_was_measured_and_a_little_more(
    network: str, images: int, side: int, peak: int
) -> None:
    settings = training(
        network=network, target_batch=images // 2, input_size=side, resize=[side, side]
    )
    # What Snakemake takes beside it is in it.
    declared = mb_of_training(settings, 0, 2000) - 310
    assert peak <= declared <= 1.43 * peak


@pytest.mark.parametrize(
    ("network", "peak"),
    [("shufflenet_v2_x0_5", 850), ("resnet18", 939), ("resnet50", 1040), ("resnet152", 1307)],
)
def test_memory_of_publishing_grows_with_the_network(network: str, peak: int) -> None:
    assert peak <= mb_of_publishing(training(network=network)) - 310 <= 1.1 * peak


def test_images_that_are_kept_and_processes_are_counted() -> None:
    one = mb_of_training(training(), 0, 2000)
    assert mb_of_training(training(), 10**6, 2000) == one + 2000
    assert one < mb_of_training(training(), 1000, 2000) < one + 2000
    two = training(processes=2)
    assert mb_of_training(two, 0, 2000) > 1.3 * one
    assert mb_of_training(training(optimiser="adamw", ema=0.9), 0, 0) > one


def test_lists_of_images_and_neighbours_are_counted_in_each_process() -> None:
    # Half a million images of ImageNet, 5,000 neighbours of 5,000 target images: 307 MB.
    tables, lists = 36_000_000, 200_000_000
    one = mb_of_training(training(), 0, 0)
    assert 307 <= mb_of_training(training(), 0, 0, tables, lists) - one <= 500
    two = mb_of_training(training(processes=2), 0, 0)
    assert mb_of_training(training(processes=2), 0, 0, tables, lists) - two >= 3 * 307


@pytest.mark.parametrize(("classes", "took"), [(100, 120), (1000, 524)])
def test_all_probabilities_are_counted(classes: int, took: int) -> None:
    """Of 100,000 images, as they were measured: beyond what one batch takes."""
    one = mb_of_scoring(training(), 8)
    assert took <= mb_of_scoring(training(), 8, 100_000, classes) - one <= 1.43 * took


def test_beside_a_gpu_the_host_holds_weights_and_no_activations() -> None:
    def squeezenet(images: int) -> TrainingSettings:
        given = {"input_size": 224, "resize": [232, 272], "target_batch": images // 2}
        return training(network="squeezenet1_1", device="cuda", **given)

    # Measured beside an H100: the largest of trainings and of evaluations.
    assert 1533 <= mb_of_training(squeezenet(64), 0, 0) - 310 <= 1.43 * 1533
    assert 1770 <= mb_of_scoring(squeezenet(64), 64) - 310 <= 1.43 * 1770
    assert mb_of_training(squeezenet(640), 0, 0) == mb_of_training(squeezenet(64), 0, 0)
    large = training(network="resnet152", device="cuda")
    assert mb_of_training(large, 0, 0) > mb_of_training(squeezenet(64), 0, 0) + 500
    # Where a GPU may be there or not, either must fit.
    both = training(network="resnet152", target_batch=512, device="auto")
    there, here = (both.model_copy(update={"device": name}) for name in ("cuda", "cpu"))
    assert mb_of_training(both, 0, 0) == mb_of_training(here, 0, 0) > mb_of_training(there, 0, 0)


def test_scoring_takes_less_than_training_and_more_with_larger_batches() -> None:
    few, many = (mb_of_scoring(training(), crops) for crops in (8, 64))
    assert few < many < mb_of_training(training(target_batch=32), 0, 0)
    assert 1353 <= many - 310 <= 1.43 * 1353  # measured
