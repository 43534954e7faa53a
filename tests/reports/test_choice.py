"""The choice of the published arm, and the warning where another is better."""

from pathlib import Path

import pytest

from sjft.errors import UserError
from sjft.reports.choice import (
    best_arm,
    published_arm,
    read_choice,
    warning_of_choice,
    write_choice,
)
from sjft.storage.files import read_json, write_json


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
    three = {arm: [0.5] for arm in ("b", "a", "c")}
    assert "`b`, `a` and `c` have 50.0 %" in best_arm(three).reason


def test_half_a_point_decides_and_so_do_all_and_none() -> None:
    assert best_arm({"fine-tune": [0.7, 0.7], "selective": [0.7, 0.71]}).arm == "selective"
    assert best_arm({"fine-tune": [0.0], "selective": [1.0]}).arm == "selective"
    warning = warning_of_choice("fine-tune", {"fine-tune": [0.7], "selective": [0.705]}, "val")
    assert warning is not None and "70.0 %, and `selective` 70.5 %" in warning


def test_a_single_arm_needs_no_choice() -> None:
    assert "the only arm" in best_arm({"selective": [0.5]}).reason


@pytest.mark.parametrize(
    ("accuracies", "told"),
    [
        ({}, "no arm was evaluated on it. Give the target such a split"),
        ({"a": []}, "the accuracies of `a` on the split `val` are none"),
        ({"a": [0.5], "b": [float("nan")]}, "the accuracies of `b` on the split `val` are nan"),
        ({"a": [float("inf")]}, "the accuracies of `a` on the split `val` are inf"),
        ({"a": [-0.1]}, "are -0.1; one share from 0 to 1 is expected"),
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
    told = warning_of_choice("random-source", test, "test", lambda _: False) or ""
    assert "73.0 %, and `fine-tune` 75.1 %, which may be chance. `publish" in told
    assert "chance" not in (warning_of_choice("random-source", test, "test") or "")
    assert warning_of_choice("fine-tune", test, "test") is None
    assert warning_of_choice("gabor", test, "test") is None
    assert warning_of_choice("selective", {"selective": [0.3], "fine-tune": [0.3]}, "val") is None


##### on file #####


def measured(path: Path, accuracy: float, split: str = "val") -> Path:
    write_json(path, {"mean_class_accuracy": accuracy, "split": split})
    return path


def test_a_choice_is_written_with_its_figures_and_read_back(tmp_path: Path) -> None:
    runs = [
        (arm, seed, measured(tmp_path / f"{arm}-{seed}.json", accuracy))
        for arm, seed, accuracy in (("b", 0, 0.5), ("b", 4, 0.75), ("a", 0, 0.5), ("a", 4, 0.5))
    ]
    choice = write_choice(tmp_path / "choice.json", runs)
    assert choice == read_choice(tmp_path / "choice.json")
    assert choice.arm == "b" and "62.5 % mean class accuracy on the split `val`" in str(
        choice.reason
    )
    figures = read_json(tmp_path / "choice.json")["mean_class_accuracy"]
    assert figures == {"b": {"0": 0.5, "4": 0.75}, "a": {"0": 0.5, "4": 0.5}}
    assert published_arm(["a", "b"], tmp_path / "choice.json") == "b"
    assert published_arm(["a"], None) == "a"
    with pytest.raises(UserError, match="names the arm `b`, which is none of `a`, `c`"):
        published_arm(["a", "c"], tmp_path / "choice.json")


def test_images_that_could_not_be_read_are_told_with_the_choice(tmp_path: Path) -> None:
    files = {arm: measured(tmp_path / f"{arm}.json", 0.5) for arm in ("selective", "fine-tune")}
    skipped = [{"path": "val/daisy/broken.jpg", "reason": "cannot be decoded"}]
    for file in files.values():
        write_json(file, read_json(file) | {"skipped": skipped})
    choice = write_choice(tmp_path / "choice.json", [(arm, 0, f) for arm, f in files.items()])
    assert str(choice.reason).endswith(
        "and it needs no source. 1 image of the split `val` could not be read, and has no part in "
        "this choice: val/daisy/broken.jpg."
    )
    assert read_choice(tmp_path / "choice.json") == choice


def test_the_choice_says_how_few_images_it_rests_on(tmp_path: Path) -> None:
    runs = [("a", 0, measured(tmp_path / "a.json", 0.95)), ("b", 0, measured(tmp_path / "b", 0.9))]
    for _, _, file in runs:
        write_json(file, read_json(file) | {"images": 20})
    assert write_choice(tmp_path / "choice.json", runs).reason == (
        "`a` is published: it has the best, 95.0 % mean class accuracy on the 20 images of the "
        "split `val`; `b` 90.0."
    )


def test_classes_that_the_choice_knows_nothing_of_are_told(tmp_path: Path) -> None:
    file = measured(tmp_path / "a.json", 0.5)
    classes = [{"class_name": name, "images": n} for name, n in (("ash", 3), ("birch", 0))]
    write_json(file, read_json(file) | {"classes": classes})
    reason = str(write_choice(tmp_path / "choice.json", [("a", 0, file)]).reason)
    assert reason.endswith(
        ". The split `val` has no image of 1 class (birch): how well it is told is not known, and "
        "means are over the other classes."
    )


def test_the_test_split_chooses_nothing(tmp_path: Path) -> None:
    runs = [("a", 0, measured(tmp_path / "a.json", 0.5, "test"))]
    with pytest.raises(UserError, match=r"a\.json: is of the split `test`; an arm is chosen by"):
        write_choice(tmp_path / "choice.json", runs)
    assert not (tmp_path / "choice.json").exists()


def test_another_file_is_no_choice(tmp_path: Path) -> None:
    (tmp_path / "choice.json").write_text("{}")
    with pytest.raises(UserError, match=r"choice\.json: is no choice of an arm"):
        read_choice(tmp_path / "choice.json")
