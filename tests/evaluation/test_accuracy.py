"""Evaluation: accuracies against counting, and what cannot be evaluated."""

import json
import logging
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_files import save_images
from small import images_table, small_network, training_settings

from sjft.errors import BadImageError, UserError
from sjft.evaluation.accuracy import (
    accuracies,
    confusion,
    confusion_table,
    prediction_table,
)
from sjft.evaluation.calibration import calibration
from sjft.evaluation.probabilities import Probabilities
from sjft.evaluation.run import evaluate
from sjft.evaluation.scoring import Scoring, class_probabilities
from sjft.networks.devices import choose_device
from sjft.settings.evaluation import EvaluationSettings

SETTINGS = EvaluationSettings(scales=(16,))
NETWORK = small_network(3, 2, seed=4)
NAMES = ["class 0", "class 1", "class 2"]


def one_hot(predicted: list[int], classes: int) -> np.ndarray:
    return np.eye(classes, dtype=np.float32)[predicted]


def measure(
    images: pl.DataFrame, folder: Path, *, skip: bool = False
) -> tuple[dict[str, Any], Probabilities]:
    scoring = Scoring(SETTINGS, training_settings(), skip_bad_images=skip)
    return evaluate(NETWORK, images, folder, NAMES, scoring)


@given(answers=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), min_size=1, max_size=40))
def test_accuracies_are_counted_by_class_and_over_all(answers: list[tuple[int, int]]) -> None:
    labels, predicted = [a for a, _ in answers], [b for _, b in answers]
    found = accuracies(one_hot(predicted, 5), np.array(labels), [f"c{i}" for i in range(5)])
    own = []
    for label, row in enumerate(found["classes"]):
        of_class = [a == b for a, b in answers if a == label]
        assert row["class_name"] == f"c{label}"
        assert row["images"] == len(of_class)
        as_predicted = [a == b for a, b in answers if b == label]
        assert row["predicted"] == len(as_predicted)
        if as_predicted:
            assert row["precision"] == pytest.approx(sum(as_predicted) / len(as_predicted))
        else:
            assert row["precision"] is None
        if of_class:
            own.append(sum(of_class) / len(of_class))
            assert row["accuracy"] == pytest.approx(own[-1])
        else:
            assert row["accuracy"] is None
    assert found["images"] == len(answers)
    assert found["accuracy"] == pytest.approx(sum(a == b for a, b in answers) / len(answers))
    assert found["mean_class_accuracy"] == pytest.approx(sum(own) / len(own))
    json.dumps(found, allow_nan=False)


@given(answers=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), min_size=1, max_size=40))
def test_the_confusion_is_counted_pair_by_pair(answers: list[tuple[int, int]]) -> None:
    labels, predicted = [a for a, _ in answers], [b for _, b in answers]
    counts = confusion(one_hot(predicted, 5), np.array(labels))
    assert counts.shape == (5, 5)
    names = [f"c{i}" for i in range(5)]
    rows = confusion_table(counts, names).rows()
    assert {(a, b): n for a, b, n in rows} == Counter((names[a], names[b]) for a, b in answers)
    assert rows == sorted(rows)


def ece_by_definition(probabilities: np.ndarray, labels: list[int]) -> float:
    total = 0.0
    for b in range(15):
        members = [
            (max(row), int(np.argmax(row)) == label)
            for row, label in zip(probabilities.astype(np.float64).tolist(), labels, strict=True)
            if b / 15 < max(row) <= (b + 1) / 15
        ]
        if members:
            accuracy = sum(right for _, right in members) / len(members)
            confidence = sum(sure for sure, _ in members) / len(members)
            total += len(members) / len(labels) * abs(accuracy - confidence)
    return total


@given(seed=st.integers(0, 10**6), images=st.integers(1, 60), classes=st.integers(1, 6))
def test_the_calibration_error_is_that_of_the_definition(
    seed: int, images: int, classes: int
) -> None:
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.full(classes, 0.4), images).astype(np.float32)
    labels = rng.integers(0, classes, images)
    found = calibration(probabilities, labels)
    wanted = ece_by_definition(probabilities, labels.tolist())
    assert found["expected_calibration_error"] == pytest.approx(wanted, abs=1e-9)
    assert sum(row["images"] for row in found["bins"]) == images
    for row in found["bins"]:
        assert row["above"] < row["confidence"] <= row["up_to"] + 1e-9


def test_certainty_that_is_always_right_is_calibrated_and_always_wrong_is_not() -> None:
    assert calibration(one_hot([0, 1], 2), np.array([0, 1]))["expected_calibration_error"] == 0
    assert calibration(one_hot([0, 1], 2), np.array([1, 0]))["expected_calibration_error"] == 1


def test_small_classes_count_as_much_as_large_ones() -> None:
    found = accuracies(one_hot([0] * 10, 3), np.array([0] * 9 + [2]), NAMES)
    assert found["accuracy"] == 0.9
    assert found["mean_class_accuracy"] == 0.5


def test_the_predictions_name_classes() -> None:
    values = np.array([[0.2, 0.7, 0.1], [0.5, 0.3, 0.2]], np.float32)
    table = prediction_table(Probabilities(["a", "b"], np.array([1, 2]), values, NAMES))
    assert table["path"].to_list() == ["a", "b"]
    assert table["predicted_class"].to_list() == ["class 1", "class 0"]
    assert table["class_name"].to_list() == ["class 1", "class 2"]
    assert table["correct"].to_list() == [True, False]
    np.testing.assert_allclose(table["probability"], [0.7, 0.5], rtol=1e-6)


def test_a_network_is_evaluated_on_the_given_images(tmp_path: Path) -> None:
    images = images_table([0, 1, 2, 0, 1])
    save_images(tmp_path, images["path"].to_list())
    measured, found = measure(images, tmp_path)
    expected = class_probabilities(
        *(NETWORK, [tmp_path / path for path in images["path"]], SETTINGS, training_settings()),
        choose_device("cpu"),
        1,
    ).probabilities
    right = expected.argmax(axis=1) == images["label"].to_numpy()
    assert measured["accuracy"] == right.mean()
    assert found.paths == images["path"].to_list()
    assert found.labels.tolist() == [0, 1, 2, 0, 1]
    assert found.class_names == NAMES
    np.testing.assert_array_equal(found.values, expected)
    assert prediction_table(found)["correct"].to_list() == right.tolist()
    assert measured["split"] == "test"
    assert measured["skipped"] == []


def test_an_empty_split_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no image in the split `test`"):
        measure(images_table([]), tmp_path)


def test_bad_images_are_refused_or_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    images = images_table([0, 1, 2])
    save_images(tmp_path, images["path"].to_list())
    (tmp_path / "a" / "1.png").write_bytes(b"no image")
    with pytest.raises(BadImageError, match=r"1\.png"):
        measure(images, tmp_path)
    with caplog.at_level(logging.WARNING):
        measured, found = measure(images, tmp_path, skip=True)
    assert measured["images"] == 2
    assert [skipped["path"] for skipped in measured["skipped"]] == ["a/1.png"]
    assert found.paths == ["a/0.png", "a/2.png"]
    assert measured["classes"][1]["accuracy"] is None
    assert "1.png" in caplog.text


def test_images_that_are_all_bad_are_refused_even_where_they_may_be_skipped(
    tmp_path: Path,
) -> None:
    images = images_table([0, 1])
    save_images(tmp_path, images["path"].to_list())
    for path in images["path"]:
        (tmp_path / path).write_bytes(b"no image")
    with pytest.raises(BadImageError, match=r"0\.png"):
        measure(images, tmp_path, skip=True)
