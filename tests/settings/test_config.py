"""The configuration: defaults, and messages that name the key and what is allowed there."""

from typing import Any

import pytest
from configurations import DELETE, SMALLEST, changed, read, refusal
from pydantic import ValidationError

from sjft.errors import UserError
from sjft.settings.arm import PRESETS
from sjft.settings.bank import LevelGrid
from sjft.settings.config import (
    read_configuration,
)
from sjft.settings.evaluation import EvaluationSettings
from sjft.settings.weights import RandomWeights, TorchvisionWeights


def test_defaults_are_filled_in() -> None:
    config = read()
    assert config.data_root == "data"
    assert config.retrievals["paper"].bins == 100
    assert config.banks["alexnet"].grid == LevelGrid()
    assert config.experiments["main"].selection.initial_neighbours == 300
    weights = TorchvisionWeights(source="torchvision", name="IMAGENET1K_V1")
    assert config.banks["alexnet"].weights == weights  # type: ignore[union-attr]


def test_sections_cannot_be_changed_after_reading() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        read().retrievals["paper"].bins = 4  # type: ignore[misc]


def test_nested_weights_are_read_by_their_source() -> None:
    config = read_configuration(changed({"banks.alexnet.weights": {"source": "random", "seed": 4}}))
    assert config.banks["alexnet"].weights == RandomWeights(source="random", seed=4)  # type: ignore[union-attr]


@pytest.mark.parametrize("bank", ["alexnet", "gabor"])
@pytest.mark.parametrize(
    "weights",
    [
        {},
        {"features.0": 1.0},
        {"features.0": 1.0, "features.3": 1.0, "features.6": 1.0},
        {"features.0": 2.0, "features.3": -1.0},
        {"features.0": 0.0, "features.3": 0.0},
        {"gabor": 0.0},
    ],
)
def test_layer_weights_must_fit_the_bank(bank: str, weights: dict[str, float]) -> None:
    message = refusal({"retrievals.paper": {"bank": bank, "layer_weights": weights}})
    layers = {"alexnet": "features.0, features.3", "gabor": "gabor"}[bank]
    assert "retrievals.paper.layer_weights: give one weight, none negative" in message
    assert f"to each layer of bank `{bank}`: {layers}" in message


@pytest.mark.parametrize("weight", [float("nan"), float("inf")])
def test_layer_weights_must_be_finite(weight: float) -> None:
    changes = {"retrievals.paper": {"bank": "gabor", "layer_weights": {"gabor": weight}}}
    assert "retrievals.paper.layer_weights.gabor: Input should be a finite" in refusal(changes)


@pytest.mark.parametrize(
    ("bank", "weights"),
    [("gabor", {"gabor": 2.0}), ("alexnet", {"features.3": 0.0, "features.0": 0.5})],
)
def test_fitting_layer_weights_are_taken(bank: str, weights: dict[str, float]) -> None:
    changes = {"retrievals.paper": {"bank": bank, "layer_weights": weights}}
    assert read_configuration(changed(changes)).retrievals["paper"].layer_weights == weights


def test_no_more_neighbours_are_wanted_than_are_kept() -> None:
    message = refusal({"retrievals.paper.neighbours_on_file": 10})
    assert "experiments.main.selection.initial_neighbours: 300 neighbours are wanted" in message
    assert "retrievals.paper.neighbours_on_file keeps 10" in message


def test_several_mistakes_are_told_at_once() -> None:
    message = refusal(
        {"retrievals.paper.bins": "x", "banks.gabor.scale": 3, "experiments.main.source": DELETE}
    )
    assert message.count("\n  - ") == 3
    for key in ("retrievals.paper.bins: ", "banks.gabor.scale: ", "experiments.main.source: "):
        assert f"\n  - {key}" in message
    assert message.endswith("Every key is described in docs/reference.md.")


def test_several_wrong_names_are_told_at_once() -> None:
    message = refusal(
        {
            "retrievals.paper.bank": "none",
            "experiments.main.target": "none",
            "experiments.logs": SMALLEST["experiments"]["main"],
        }
    )
    assert message.count("\n  - ") == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"datasets.birds.splits": DELETE},
            "datasets.birds: give either `splits` or `random_split`",
        ),
        ({"datasets.birds.random_split": {}}, "datasets.birds: give either `splits` or `random_sp"),
        ({"datasets.birds.splits": {"test": "."}}, "datasets.birds: `splits` must name the folder"),
        ({"banks.gabor.crop": 300}, "banks.gabor: crop (300) must not exceed resize (256)"),
        ({"banks.gabor.grid.lowest_octave": 12}, "banks.gabor.grid: lowest_octave must be smaller"),
        (
            {"banks.gabor.grid": {"lowest_octave": -126, "levels_per_octave": 256}},
            "banks.gabor.grid: 70661 levels do not fit 16 bits",
        ),
        (
            {"experiments.main.target": "web"},
            "experiments.main: target and source must be different",
        ),
        (
            {"experiments.main.seeds": [1]},
            "experiments.main: publish.seed 0 is not among seeds (1,)",
        ),
        (
            {"experiments.main.evaluation.scales": [100]},
            "experiments.main: evaluation.scales must be at least training.input_size (224)",
        ),
        (
            {"experiments.main.training.resize": [300, 256]},
            "experiments.main.training: need input_size <= resize[0] <= resize[1]",
        ),
    ],
)
def test_values_that_contradict_each_other_are_named_by_their_section(
    changes: dict[str, Any], message: str
) -> None:
    assert f"\n  - {message}" in refusal(changes)


def test_training_images_are_scored_by_a_single_view() -> None:
    settings = EvaluationSettings(scales=(64, 80), crops="five", mirror=True, split="val")
    view = settings.single_view()
    assert (view.scales, view.crops, view.mirror, view.split) == ((64,), "centre", False, "val")


GABOR = {"retrievals.linear": {"bank": "gabor"}}
ABLATION, ARMS = "experiments.main.ablation", "experiments.main.arms"
GABOR_ARM = {**GABOR, f"{ARMS}.gabor": {"retrieval": "linear"}}
OTHER_K = {"selection": {"initial_neighbours": 30}}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({f"{ABLATION}.arms": ["gabor"]}, f"{ARMS}.gabor: the arm `gabor` has no retrieval yet"),
        (
            {"experiments.main.publish": {"compare": ["gabor"]}},
            f"{ARMS}.gabor: the arm `gabor` has no retrieval yet. Write `arms: {{gabor: {{",
        ),
        (
            {f"{ARMS}.gabor": {"retrieval": "paper"}},
            f"{ARMS}.gabor.retrieval: the bank of `paper` is not of `type: gabor`",
        ),
        (
            {f"{ARMS}.gabor": {"retrieval": "papers"}},
            f"{ARMS}.gabor.retrieval: there is no `papers`; did you mean `paper`?",
        ),
        (
            {
                "retrievals.linear": {"bank": "gabor", "neighbours_on_file": 100},
                f"{ARMS}.gabor": {"retrieval": "linear"},
            },
            f"{ARMS}.gabor.selection.initial_neighbours: 300 neighbours are wanted, but "
            "retrievals.linear.neighbours_on_file keeps 100",
        ),
        ({f"{ABLATION}.arms": []}, f"{ABLATION}.arms: "),
        (
            {f"{ABLATION}.arms": ["selektive"]},
            f"{ABLATION}.arms: there is no arm `selektive`; did you mean `selective`? Allowed: scr",
        ),
        (
            {"experiments.main.publish": {"arm": "fine_tune"}},
            "experiments.main.publish.arm: there is no arm `fine_tune`; did you mean `fine-tune`?",
        ),
        (
            {"experiments.main.publish": {"arm": "best"}},
            "experiments.main.publish.compare: `publish.arm: best` chooses among these, and there "
            "is none. Name two or more",
        ),
        (
            {"experiments.main.publish": {"arm": "best", "compare": ["fine-tune"]}},
            "experiments.main.publish.compare: `publish.arm: best` chooses among these, and there "
            "is `fine-tune` alone",
        ),
        (
            {f"{ARMS}.best": OTHER_K},
            f"{ARMS}.best: `publish: {{arm: best}}` chooses among the arms",
        ),
        (
            {"experiments.main.publish": {"compare": ["k30"]}, f"{ARMS}.k300": OTHER_K},
            "experiments.main.publish.compare: there is no arm `k30`; did you mean `k300`?",
        ),
        (
            {f"{ABLATION}.fusion": ["main/selektive"]},
            f"{ABLATION}.fusion: there is no arm `main/selektive`; did you mean `selective`?",
        ),
        (
            {f"{ABLATION}.fusion": ["mian/selective"]},
            f"{ABLATION}.fusion: there is no `mian`; did you mean `main`?",
        ),
        ({f"{ABLATION}.fusion": ["gabor"]}, f"{ABLATION}.fusion: `gabor`: the arm `gabor` has no"),
        (
            {
                "experiments.other": {"target": "demo", "source": "web", "retrieval": "paper"},
                f"{ABLATION}.fusion": ["selective", "other/selective"],
            },
            f"{ABLATION}.fusion: `other/selective` has another target, or another evaluation.split",
        ),
    ],
)
def test_an_ablation_that_cannot_be_run_is_explained(changes: dict[str, Any], message: str) -> None:
    assert f"\n  - {message}" in refusal(changes)


@pytest.mark.parametrize(
    ("changes", "left_out"),
    [
        ({}, {"gabor"}),
        ({**GABOR, f"{ARMS}.gabor": {"retrieval": "linear"}}, set()),
        (
            {"experiments.main.training": {"weights": {"source": "random"}}},
            {"gabor", "scratch", "selective-scratch"},
        ),
        ({"experiments.main.rounds": 1}, {"gabor", "no-iteration"}),
        ({f"{ABLATION}.arms": ["selective", "scratch"]}, {*PRESETS} - {"scratch", "selective"}),
    ],
)
def test_an_ablation_runs_all_that_can_be_run(changes: dict[str, Any], left_out: set[str]) -> None:
    experiment = read_configuration(changed(changes)).experiments["main"]
    assert experiment.ablation_arms == tuple(arm for arm in PRESETS if arm not in left_out)
    assert experiment.fused == (() if "gabor" in left_out else ("selective", "gabor"))


def test_arms_from_scratch_start_from_random_weights_at_their_own_learning_rate() -> None:
    training = {"head_learning_rate_factor": 10, "batch_norm": "frozen", "learning_rate": 0.5}
    rate = {"training": {"learning_rate": 0.25}}
    own = {f"{ARMS}.{name}": rate for name in ("scratch", "selective-scratch")}
    config = read_configuration(
        changed({"experiments.main.training": training, **GABOR_ARM, **own})
    )
    experiment = config.experiments["main"]
    for name in PRESETS:
        found = experiment.arm(name).training
        if name not in {"scratch", "selective-scratch"}:
            assert found == experiment.training
            continue
        assert isinstance(found.weights, RandomWeights)
        assert (found.learning_rate, found.head_learning_rate_factor) == (0.25, 1.0)
        assert (found.source_head_factor, found.source_head) == (1.0, "new")
        assert found.batch_norm == "shared"
        # What was changed is valid, and nothing else was.
        assert type(found).model_validate(found.model_dump()) == found
        assert found.updates == experiment.training.updates
    same = read().experiments["main"]
    assert same.arm("scratch").training.learning_rate == same.training.learning_rate


def test_arms_from_scratch_keep_statistics_of_each_half() -> None:
    config = read_configuration(changed({"experiments.main.training.batch_norm": "separate"}))
    arms = ("scratch", "selective-scratch", "selective")
    found = [config.experiments["main"].arm(name).training for name in arms]
    assert {each.batch_norm for each in found} == {"separate"}
    # Without source images there is one half.
    assert [each.deciding(with_sources=False)["batch_norm"] for each in found] == ["shared"] * 3
    own = {f"{ARMS}.scratch": {"training": {"batch_norm": "frozen"}}}
    with pytest.raises(UserError, match=r"arms\.scratch\.training: batch_norm: random weights"):
        read_configuration(changed(own))
    alone = {f"{ARMS}.fine-tune": {"training": {"batch_norm": "separate"}}}
    with pytest.raises(UserError, match=r"fine-tune\.training\.batch_norm: decides nothing here"):
        read_configuration(changed(alone))


@pytest.mark.parametrize(("value", "new"), [(True, "frozen"), (False, "shared")])
def test_the_old_key_of_batch_norm_names_the_new_one(value: bool, new: str) -> None:
    with pytest.raises(UserError, match=rf"freeze_batch_norm: is `batch_norm: {new}` now"):
        read_configuration(changed({"experiments.main.training.freeze_batch_norm": value}))


def test_the_old_key_of_the_largest_image_names_the_new_one_and_not_the_most_alike() -> None:
    with pytest.raises(UserError, match=r"birds\.largest_picture: is `largest_image` now: write"):
        read_configuration(changed({"datasets.birds.largest_picture": 20}))


def test_the_gabor_arm_has_its_own_retrieval() -> None:
    config = read_configuration(changed(GABOR_ARM))
    found = {arm: config.experiments["main"].arm(arm).retrieval for arm in PRESETS}
    assert found == {arm: "linear" if arm == "gabor" else "paper" for arm in PRESETS}
    with pytest.raises(UserError, match=r"gabor: \{retrieval: NAME\}.*`type: gabor`"):
        read().experiments["main"].arm("gabor")
