"""Why a job runs again, said in few words."""

import pytest

from sjft.pipeline.rerun_reasons import changed_settings, first_names, named_by_kind

TRAINING = {
    "network": "resnet50",
    "learning_rate": 0.01,
    "weights": {"name": "V1"},
    "resize": (1, 2),
}
DIGEST = "0123456789abcdef"


def old(*values: object) -> set[str]:
    return {repr(value) for value in values}


def test_one_key_of_many_is_named_from_what_to_what() -> None:
    now = TRAINING | {"learning_rate": 0.02}
    assert (
        changed_settings({"training": now}, old(TRAINING)) == "training.learning_rate: 0.01 -> 0.02"
    )


def test_keys_within_keys_and_several_of_them_are_named() -> None:
    now = TRAINING | {"weights": {"name": "V2", "seed": 1}, "resize": (1, 3)}
    assert changed_settings({"training": now}, old(TRAINING)) == (
        "training.weights.name: 'V1' -> 'V2', training.weights.seed: 1, which is new, "
        "training.resize: (1, 2) -> (1, 3)"
    )
    gone = {key: value for key, value in TRAINING.items() if key != "network"}
    assert changed_settings({"training": gone}, old(TRAINING)) == (
        "training.network: no longer 'resnet50'"
    )


def test_each_section_is_compared_with_its_own_past() -> None:
    evaluation = {"scales": [256], "crops": "centre"}
    now = {
        "evaluation": evaluation | {"scales": [256, 288]},
        "training": TRAINING | {"learning_rate": 1},
    }
    assert changed_settings(now, old(TRAINING, evaluation)) == (
        "evaluation.scales: [256] -> [256, 288], training.learning_rate: 0.01 -> 1"
    )


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("code", DIGEST, "the program"),
        ("code", {"finetune": DIGEST}, "the program"),
        ("content", DIGEST, "the images"),
        ("opened", [DIGEST], "the images"),
        ("rows", [DIGEST], "the list of images"),
        ("weights", "31 bytes, 17", "the file of weights"),
    ],
)
def test_digests_are_not_shown(name: str, value: object, words: str) -> None:
    earlier = {"finetune": "f" * 16} if isinstance(value, dict) else "f" * 16
    assert changed_settings({name: value}, old(earlier)) == words


def test_a_plain_value_is_told_from_a_digest() -> None:
    now = {"split": "val", "code": DIGEST}
    assert changed_settings(now, old("test", "f" * 16)) == "split: 'test' -> 'val', the program"
    assert changed_settings({"split": "val"}, old("test", "train")) == "split: 'val'"


def test_long_lists_say_what_came_and_went() -> None:
    before = [f"results/a/{number}.csv" for number in range(20)]
    now = {"runs": [*before[1:], "new"]}
    assert (
        changed_settings(now, old(before)) == "runs: without ['results/a/0.csv'] and with ['new']"
    )
    assert changed_settings({"runs": before[::-1]}, old(before)) == "runs: in another order"


def test_much_is_cut_and_the_rest_counted() -> None:
    before = {f"key_{number}": 0 for number in range(9)}
    text = changed_settings({"settings": dict.fromkeys(before, 1)}, old(before))
    assert text.endswith("settings.key_4: 0 -> 1 and 4 more")
    assert len(changed_settings({"words": "x" * 500}, old("y"))) < 150


def test_settings_of_another_version_are_shown_as_they_are() -> None:
    assert changed_settings({"training": TRAINING}, {"<object>"}).startswith("training: {")
    assert changed_settings({}, {"<object>", "3"}) == "no longer 3, no longer '<object>'"


def test_of_many_names_the_first_are_shown_in_order() -> None:
    assert first_names("dbac") == "a, b, c and 1 more"
    assert first_names(["b", "a"]) == "a, b"
    kinds = {"added": ["b", "a"], "removed": [], "replaced": ["c"]}
    assert named_by_kind(kinds) == "added: a, b; replaced: c"
