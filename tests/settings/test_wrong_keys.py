"""Keys that are not known, not there or of another kind: the message names them."""

from typing import Any

import pytest
from configurations import DELETE, SMALLEST, read, refusal

from sjft.settings.config import (
    RESERVED,
    RESERVED_DATASETS,
)

UNKNOWN = {
    "retreivals": "retreivals: unknown key; did you mean `retrievals`? Allowed: data_root, ",
    "banks.alexnet.layer": "banks.alexnet.layer: unknown key; did you mean `layers`? Allowed: ",
    "banks.gabor.layers": "banks.gabor.layers: unknown key; Allowed: resize, crop, grid, ",
    "banks.gabor.grid.octave": "banks.gabor.grid.octave: unknown key; did you mean `lowest_oct",
    "datasets.birds.shard": "datasets.birds.shard: unknown key; did you mean `shards`? Allow",
    "datasets.web.spilt_column": "datasets.web.spilt_column: unknown key; did you mean `split_col",
    "retrievals.paper.bin": "retrievals.paper.bin: unknown key; did you mean `bins`? Allowed",
    "retrievals.paper.annoy.tree": "retrievals.paper.annoy.tree: unknown key; did you mean "
    "`trees`? Allowed: trees, search_k, candidates_factor",
    "experiments.main.trainig": "experiments.main.trainig: unknown key; did you mean `training`?",
    "experiments.main.training.learn_rate": "experiments.main.training.learn_rate: unknown key; "
    "did you mean `learning_rate`? Allowed: network, ",
    "experiments.main.publish.zzz": "experiments.main.publish.zzz: unknown key; Allowed: arm, seed",
}


@pytest.mark.parametrize("key", UNKNOWN)
def test_an_unknown_key_is_named_with_its_nearest_spelling(key: str) -> None:
    assert f"\n  - {UNKNOWN[key]}" in refusal({key: 1})


NESTED = {
    "banks.alexnet.weights": "banks.alexnet.weights.sed: unknown key; did you mean `seed`? "
    "Allowed: source, seed",
    "experiments.main.training.weights": "experiments.main.training.weights.sed: unknown key; did "
    "you mean `seed`? Allowed: source, seed",
}


@pytest.mark.parametrize("key", NESTED)
def test_an_unknown_key_within_weights_is_named(key: str) -> None:
    assert NESTED[key] in refusal({key: {"source": "random", "sed": 1}})


def test_an_unknown_key_of_an_optional_section_is_named() -> None:
    message = refusal(
        {"datasets.birds.splits": DELETE, "datasets.birds.random_split": {"trian": 0.5}}
    )
    assert "datasets.birds.random_split.trian: unknown key; did you mean `train`?" in message
    assert "Allowed: train, val, seed" in message


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("retrievals.paper.bins", "many", "retrievals.paper.bins: Input should be a valid integer"),
        (
            "retrievals.paper.bins",
            3,
            "retrievals.paper.bins: Input should be greater than or equal",
        ),
        ("retrievals.paper", None, "retrievals.paper: Input should be"),
        ("retrievals.paper.epsilon", 0, "retrievals.paper.epsilon: Input should be greater than 0"),
        ("retrievals.paper.epsilon", 1e-320, "retrievals.paper.epsilon: need at least 1e-300, got"),
        (
            "experiments.main.training.resize",
            [256, 10**10],
            "experiments.main.training.resize.1: Input should be less than or equal to 16384",
        ),
        (
            "experiments.main.evaluation.scales",
            [256, 10**10],
            "experiments.main.evaluation.scales.1: Input should be less than or equal to 16384",
        ),
        (
            "banks.alexnet.resize",
            10**10,
            "banks.alexnet.resize: Input should be less than or equal",
        ),
        (
            "retrievals.paper.annoy.candidates_factor",
            1e308,
            "retrievals.paper.annoy.candidates_factor: Input should be less than or equal to 1000",
        ),
        (
            "retrievals.paper.annoy.search_k",
            2**31,
            "retrievals.paper.annoy.search_k: Input should be less than 2147483648",
        ),
        (
            "experiments.main.selection.growth_misclassified",
            1e30,
            "experiments.main.selection.growth_misclassified: Input should be less than or equal",
        ),
        (
            "retrievals.paper.epsilon",
            float("nan"),
            "retrievals.paper.epsilon: Input should be a fin",
        ),
        (
            "retrievals.paper.backend",
            "anoy",
            "retrievals.paper.backend: Input should be 'annoy', 'flat', ",
        ),
        ("datasets", [], "datasets: Input should be a valid dictionary"),
        (
            "datasets.birds.shards",
            0,
            "datasets.birds.shards: Input should be greater than or equal",
        ),
        (
            "datasets.birds.splits",
            {"learn": "."},
            "datasets.birds.splits.learn: Input should be 'tr",
        ),
        (
            "datasets.demo.per_class",
            {"train": 2, "test": -1},
            "datasets.demo.per_class.test: Input should be greater than or equal to 0, got -1",
        ),
        ("banks.alexnet.layers", [], "banks.alexnet.layers: "),
        ("banks.alexnet.layers", [1], "banks.alexnet.layers.0: Input should be a valid string"),
        ("banks.alexnet.mean", [0.5, 0.5], "banks.alexnet.mean.2: this key is required"),
        ("experiments.a b", {}, "experiments.a b: String should match pattern"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_expected(key: str, value: Any, message: str) -> None:
    assert f"\n  - {message}" in refusal({key: value})


def test_a_wrong_value_is_shown() -> None:
    assert "got 'many'" in refusal({"retrievals.paper.bins": "many"})


@pytest.mark.parametrize(
    "key",
    [
        "datasets",
        "datasets.birds.root",
        "datasets.web.file",
        "datasets.demo.per_class",
        "retrievals.paper.bank",
        "experiments.main.target",
    ],
)
def test_a_missing_key_is_named(key: str) -> None:
    assert f"\n  - {key}: this key is required\n" in refusal({key: DELETE})


def test_a_missing_key_within_weights_is_named() -> None:
    message = refusal({"banks.alexnet.weights": {"source": "file"}})
    assert "\n  - banks.alexnet.weights.path: this key is required\n" in message


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("datasets.birds.reader", "datasets.birds: the key 'reader' is required"),
        ("banks.gabor.type", "banks.gabor: the key 'type' is required"),
    ],
)
def test_a_missing_tag_is_named(key: str, message: str) -> None:
    assert f"\n  - {message}" in refusal({key: DELETE})


@pytest.mark.parametrize(
    ("key", "allowed"),
    [
        ("datasets.birds.reader", ("image_folder", "csv", "synthetic")),
        ("banks.gabor.type", ("cnn", "gabor")),
        ("banks.alexnet.weights.source", ("torchvision", "file", "random")),
    ],
)
def test_a_wrong_tag_is_named_with_those_allowed(key: str, allowed: tuple[str, ...]) -> None:
    message = refusal({key: "foldr"})
    place, _, tag = key.rpartition(".")
    assert f"\n  - {place}: " in message
    for word in ("foldr", tag, *allowed):
        assert f"'{word}'" in message


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        (
            "experiments.main.target",
            "brids",
            "there is no `brids`; did you mean `birds`? Allowed: b",
        ),
        ("experiments.main.source", "zzz", "there is no `zzz`; Allowed: birds, web, demo"),
        (
            "experiments.main.retrieval",
            "pap",
            "there is no `pap`; did you mean `paper`? Allowed: pap",
        ),
        (
            "retrievals.paper.bank",
            "gabo",
            "there is no `gabo`; did you mean `gabor`? Allowed: alexn",
        ),
    ],
)
def test_a_name_of_nothing_is_refused(key: str, value: str, message: str) -> None:
    assert f"\n  - {key}: {message}" in refusal({key: value})


@pytest.mark.parametrize("name", RESERVED)
def test_reserved_experiment_names_are_refused(name: str) -> None:
    message = refusal({f"experiments.{name}": SMALLEST["experiments"]["main"]})
    assert f"experiments.{name}: reserved names are {', '.join(RESERVED)}" in message


@pytest.mark.parametrize("name", RESERVED_DATASETS)
def test_reserved_names_of_data_sets_are_refused(name: str) -> None:
    message = refusal({f"datasets.{name}": SMALLEST["datasets"]["birds"]})
    assert f"datasets.{name}: reserved names are {', '.join(RESERVED_DATASETS)}" in message


def test_a_wrong_key_in_a_list_is_named_with_its_place() -> None:
    right = {"url": "https://example.org/a.tar"}
    message = refusal({"datasets.birds.downloads": [right, {**right, "byte": 3}]})
    assert "\n  - datasets.birds.downloads.1.byte: unknown key; did you mean `bytes`?" in message
    message = refusal({"datasets.birds.downloads": [right, {"url": "a.tar"}]})
    assert "datasets.birds.downloads.1.url: String should match pattern" in message
    message = refusal({"datasets.birds.downloads": [right, right]})
    assert "datasets.birds.downloads: two files are called 'a.tar'" in message


def test_the_address_of_weights_is_checked() -> None:
    assert read().weights_url == "https://download.pytorch.org/models"
    assert "\n  - weights_url: String should match" in refusal({"weights_url": "my mirror"})
