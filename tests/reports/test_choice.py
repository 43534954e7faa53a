"""The choice of the published arm, and the warning where another is better."""

import pytest

from sjft.errors import UserError
from sjft.reports.choice import best_arm, warning_of_choice


def test_the_best_on_the_split_is_chosen_and_the_others_are_named() -> None:
    choice = best_arm({"selective": [0.7, 0.72], "fine-tune": [0.75, 0.752], "all-source": [0.6]})
    assert choice.arm == "fine-tune"
    assert choice.reason == (
        "`fine-tune` is published: it has the best, 75.1 % mean class accuracy on the split `val`; "
        "`selective` 71.0, `all-source` 60.0."
    )


def test_of_equal_arms_the_simpler_is_taken_and_said() -> None:
    # 0.1 + 0.2 and 0.3 are the same share of images, added up otherwise.
    equal = {"selective": [0.1 + 0.2], "fine-tune": [0.3], "random-source": [0.2]}
    choice = best_arm(equal)
    assert choice.arm == "fine-tune"
    assert "`fine-tune` and `selective` have 30.0 %" in choice.reason
    assert "it needs no source" in choice.reason
    assert best_arm(dict(reversed(equal.items()))) == choice


def test_of_equal_arms_that_borrow_the_first_is_taken() -> None:
    choice = best_arm({"b": [0.5], "a": [0.5], "fine-tune": [0.4]}, "dev")
    assert choice.arm == "b"
    assert "`b` and `a` have 50.0 % mean class accuracy on the split `dev`" in choice.reason
    assert "it stands first" in choice.reason


def test_a_single_arm_needs_no_choice() -> None:
    assert "the only arm" in best_arm({"selective": [0.5]}).reason


@pytest.mark.parametrize(
    ("accuracies", "told"),
    [
        ({}, "no arm was evaluated on it. Give the target such a split"),
        ({"a": []}, "the accuracies of `a` on the split `val` are none"),
        ({"a": [0.5], "b": [float("nan")]}, "the accuracies of `b` on the split `val` are nan"),
        ({"a": [71.5]}, "are 71.5; one share from 0 to 1 is expected"),
    ],
)
def test_without_figures_there_is_no_choice(accuracies: dict[str, list[float]], told: str) -> None:
    with pytest.raises(UserError) as refused:
        best_arm(accuracies)
    assert told in str(refused.value)


def test_a_published_arm_that_another_beats_is_warned_of() -> None:
    test = {"fine-tune": [0.751], "random-source": [0.73], "selective": [0.715]}
    warning = warning_of_choice("selective", test, "test")
    assert warning is not None and warning.startswith(
        "The published arm `selective` is the worst of the 3 compared on the split `test`: 71.5 %, "
        "and `fine-tune` 75.1 %. "
    )
    assert "is number 2 of the 3" in (warning_of_choice("random-source", test, "test") or "")
    assert warning_of_choice("fine-tune", test, "test") is None
    assert warning_of_choice("gabor", test, "test") is None
    assert warning_of_choice("selective", {"selective": [0.3], "fine-tune": [0.3]}, "val") is None
