"""Numbers of images that a configuration needs."""

from typing import Any

import pytest
from checked import DISK, TRAINING, configured

from sjft.checks.asked import Asked, asked_for
from sjft.checks.numbers import Counted, possible_splits, wrong_numbers


def of_numbers(
    changes: dict[str, Any], counted: dict[str, Counted], arms: tuple[Any, ...] = ("selective",)
) -> list[str]:
    asked = Asked("main", arms, True)
    return [str(f) for f in wrong_numbers(configured(changes), asked, counted)]


def test_there_must_be_something_to_test_on() -> None:
    split = "experiments.main.evaluation.split"
    none_left = DISK | {"datasets.disk.random_split": {"train": 0.9, "val": 0.1}}
    (line,) = of_numbers(none_left, {})  # known without the images
    assert line == (
        f"{split}: `disk` can have no image in the split `test`, by its settings. Lower `train` "
        "or `val` of datasets.disk.random_split: the rest is the split `test`, or evaluate on `val`"
    )
    assert of_numbers(none_left | {split: "val"}, {}) == []
    (line,) = of_numbers(DISK, {"disk": Counted({"train": 30, "val": 3}, ["a", "b"])})
    assert f"{split}: `disk` has no image in the split `test` (train 30, val 3, test 0)" in line
    assert of_numbers(DISK, {"disk": Counted({"train": 30, "test": 1}, ["a", "b"])}) == []
    (line,) = of_numbers({split: "val"}, {"birds": Counted({"train": 30, "test": 1}, ["a"])})
    assert "Give it a number in datasets.birds.per_class, or evaluate on `test`" in line
    asked = Asked("main", ("selective",), False)
    assert list(wrong_numbers(configured(none_left), asked, {})) == []


def test_an_arm_is_chosen_only_where_there_is_a_split_to_choose_by() -> None:
    asked = Asked("main", ("selective", "fine-tune"), False, validated=True)
    key = "experiments.main.publish"
    best = DISK | {key: {"arm": "best", "compare": ["selective", "fine-tune"]}}
    (known,) = wrong_numbers(configured(best), asked, {})  # without a look at the images
    assert str(known) == (
        f"{key}.arm: `disk` can have no image in the split `val`, by its settings, by "
        "which `best` is chosen. Give datasets.disk.random_split a share `val`, 0.1 for example, "
        "or name the arm to publish (`selective`)"
    )
    drawn = best | {"datasets.disk.random_split": {"train": 0.7, "val": 0.1}}
    assert list(wrong_numbers(configured(drawn), asked, {})) == []
    counted = {"disk": Counted({"train": 4, "test": 2}, ["a", "b"])}
    found = [str(finding) for finding in wrong_numbers(configured(drawn), asked, counted)]
    (told,) = [line for line in found if line.startswith(f"{key}.arm: `disk` has no image")]
    assert "`val` of datasets.disk.random_split, 0.1, is no image of any class: raise it" in told
    (asked_for_model,) = asked_for(configured(best), ["main"], ["results/main/model.pt"])
    assert asked_for_model.validated and asked_for_model.arms == ("fine-tune", "selective")
    evaluation = "results/main/runs/selective-0/evaluation.json"
    (of_one,) = asked_for(configured(best), ["main"], [evaluation])
    assert not of_one.validated


@pytest.mark.parametrize(
    ("settings", "splits"),
    [
        ({"reader": "image_folder", "splits": {"train": "a", "val": "b"}}, {"train", "val"}),
        (
            {"reader": "image_folder", "random_split": {"train": 9, "val": 2}},
            {"train", "val", "test"},
        ),
        ({"reader": "imagenet"}, {"train"}),
        ({"reader": "places365"}, {"train"}),
        ({"reader": "dogs120"}, {"train", "test"}),
        ({"reader": "flowers102"}, {"train", "val", "test"}),
        ({"reader": "flowers102", "train": "trn+val"}, {"train", "test"}),
        ({"reader": "caltech256"}, {"train", "test"}),
        ({"reader": "caltech256", "val_per_class": 1}, {"train", "val", "test"}),
        (
            {"reader": "cameras", "cameras": {"plain": 1}, "random_split": {"train": 0.5}},
            {"train", "test"},
        ),
        ({"reader": "csv", "file": "f"}, {"train", "val", "test"}),
        ({"reader": "csv", "file": "f", "split_column": None}, {"train"}),
    ],
)
def test_splits_that_a_data_set_can_have(settings: dict[str, Any], splits: set[str]) -> None:
    config = configured({"datasets.disk": {"root": "r", **settings}})
    assert set(possible_splits(config.datasets["disk"])) == splits


def test_no_more_neighbours_than_source_images() -> None:
    key = "experiments.main.selection"
    few = {"web": Counted({"train": 19}, ["a"])}
    (line,) = of_numbers({}, few)
    assert line.startswith(f"{key}.initial_neighbours: 20 neighbours of each target image are wan")
    assert "`web` has 19 training images. Allowed: 19 and less" in line
    assert of_numbers({}, few, ("fine-tune", "all-source")) == []
    (found,) = wrong_numbers(
        configured(), Asked("main", ("selective",), True), {"web": Counted({"train": 39}, ["a"])}
    )
    assert not found.stops
    assert of_numbers({}, {"web": Counted({"train": 40}, ["a"])}) == []
    (line,) = of_numbers(
        {f"{key}.least_images_per_class": 41}, {"web": Counted({"train": 40}, ["a"])}
    )
    assert line.startswith(f"{key}.least_images_per_class: no class can have 41 images")
    (line,) = of_numbers({}, {"birds": Counted({"train": 4, "test": 1}, ["a", "b"])})
    assert line.startswith(f"{TRAINING}.target_batch: 10 target images a forward pass are more th")


def test_the_best_weights_want_a_validation_split() -> None:
    keep = {f"{TRAINING}.keep": "best_on_val"}
    without = {"birds": Counted({"train": 40, "test": 8}, ["a", "b"])}
    (line,) = of_numbers(keep, without)
    assert line.startswith(
        f"{TRAINING}.keep: `birds` has no image in the split `val` (train 40, val 0, test 8), by "
        "which the best weights are chosen"
    )
    assert line.endswith(", or set `keep: last`")
    with_val = {"birds": Counted({"train": 40, "val": 4, "test": 8}, ["a", "b"])}
    assert of_numbers(keep, with_val) == []
    own = {"experiments.main.arms.fine-tune": {"training": {"keep": "best_on_val"}}}
    (line,) = of_numbers(own, without, ("selective", "fine-tune"))
    assert line.startswith("experiments.main.arms.fine-tune.training.keep: `birds` has no image")
    assert of_numbers(own, without, ("selective",)) == []
    (line,) = of_numbers(keep | {"experiments.main.evaluation.split": "val"}, with_val)
    assert line.startswith(f"{TRAINING}.keep: chooses by `val`, which evaluation.split reports on")


def test_no_more_shards_than_training_images() -> None:
    shards = {"datasets.web.shards": 41}
    (line,) = of_numbers(shards, {"web": Counted({"train": 40}, ["a"])})
    assert line == (
        "datasets.web.shards: 41 shards of 40 training images: some would be empty. Take 1 or so"
    )
    assert of_numbers(shards, {"web": Counted({"train": 41}, ["a"])}) == []
