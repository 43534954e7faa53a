"""What is known to fail before the first job is told then, all of it at once, with its key."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from checked import DISK, RAW, SELECTION, TRAINING, configured, of_answers

from sjft.checks import machine
from sjft.checks.answers import questions_of
from sjft.checks.asked import Asked, asked_for
from sjft.checks.first_look import Look, first_look
from sjft.checks.networks import answer
from sjft.checks.numbers import Counted, wrong_numbers
from sjft.checks.values import wrong_values
from sjft.cli.main import main
from sjft.errors import UserError
from sjft.settings.arm import PRESETS
from sjft.settings.config import read_configuration


def test_a_sound_configuration_is_said_nothing_about() -> None:
    assert of_answers({}, tuple(PRESETS)) == []
    config, asked = configured(), Asked("main", ("selective",), True)
    assert list(wrong_values(config, asked)) == []
    assert list(wrong_numbers(config, asked, {})) == []


def of_values(changes: dict[str, Any]) -> list[str]:
    return [str(f) for f in wrong_values(configured(changes), Asked("main", ("selective",), True))]


@pytest.mark.parametrize(
    ("ours", "theirs", "said"),
    [
        ({"updates": 4000}, {}, "`updates`"),
        ({"weights": {"source": "random", "seed": 3}}, {}, "`weights`"),
        ({}, {"updates": 4000}, "`updates`"),
        ({"updates": 4000}, {"updates": 4000}, None),
        # What is the source's alone is what the verdict is about.
        ({"source_loss_weight": 0.2, "target_loss_weight": 0.5, "source_batch": 8}, {}, None),
        ({"batch_norm": "separate"}, {}, None),
    ],
)
def test_what_borrows_and_trains_otherwise_than_fine_tune_is_named(
    ours: dict[str, Any], theirs: dict[str, Any], said: str | None
) -> None:
    config = configured(
        {
            "experiments.main.arms": {
                "gabor": {"retrieval": "by_gabor"},
                "own": {"training": {**ours, "learning_rate_steps": 100}},
                "fine-tune": {"training": {**theirs, "learning_rate_steps": 100}},
            },
            "experiments.main.publish": {"arm": "own", "compare": ["fine-tune"]},
        }
    )
    found = [str(f) for f in wrong_values(config, Asked("main", ("own", "fine-tune"), True))]
    lines = [line for line in found if "otherwise than in `fine-tune`" in line]
    assert len(lines) == (said is not None)
    if said is not None:
        assert lines[0].startswith(f"experiments.main.arms.own.training: {said}: otherwise")
    # Beside nothing there is nothing to be told apart; nor of an arm that is compared alone.
    for arms in (("own",), ("gabor", "fine-tune")):
        alone = [str(f) for f in wrong_values(config, Asked("main", arms, True))]
        assert not [line for line in alone if "otherwise than in" in line]


def test_adamw_may_take_larger_steps_from_random_weights() -> None:
    changes = {
        f"{TRAINING}.optimiser": "adamw",
        f"{TRAINING}.learning_rate": 0.01,
        f"{TRAINING}.weights": {"source": "random"},
    }
    assert not [line for line in of_values(changes) if "learning_rate:" in line]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({f"{TRAINING}.std": [1, 0, 1]}, f"{TRAINING}.std: every channel is divided by its numbe"),
        ({"banks.cnn.std": [1, 1, -1]}, "banks.cnn.std: every channel is divided by its number, "),
        ({"datasets.web.per_class": {"test": 3}}, "datasets.web.per_class: there is no training "),
        (
            {f"{TRAINING}.updates": 250},
            f"{TRAINING}.learning_rate_steps: 2400 is not below updates (250): the learning rate n",
        ),
        (
            {f"{TRAINING}.processes": 2, f"{TRAINING}.device": "cpu"},
            f"{TRAINING}.processes: 2 processes on a CPU share its 8 threads",
        ),
        (
            {
                f"{TRAINING}.optimiser": "adamw",
                f"{TRAINING}.learning_rate": 0.01,
                f"{TRAINING}.weights": {"source": "torchvision"},
            },
            f"{TRAINING}.learning_rate: 0.01 is SGD's order of size",
        ),
        (
            {
                f"{TRAINING}.optimiser": "adamw",
                f"{TRAINING}.learning_rate": 0.02,
                f"{TRAINING}.weights": {"source": "random"},
            },
            f"{TRAINING}.learning_rate: 0.02 is SGD's order of size",
        ),
        (
            {
                f"{TRAINING}.optimiser": "adamw",
                f"{TRAINING}.learning_rate": 3e-4,
                f"{TRAINING}.momentum": 0.8,
            },
            f"{TRAINING}.momentum: is of SGD, and decides nothing",
        ),
        (
            {f"{TRAINING}.rand_augment_magnitude": 5},
            f"{TRAINING}.rand_augment_magnitude: decides nothing without",
        ),
        (
            {f"{TRAINING}.mixup": 0.2, f"{TRAINING}.target_batch": 1},
            f"{TRAINING}.mixup: a process has one target image",
        ),
        (
            {f"{TRAINING}.ema": 0.9999},
            f"{TRAINING}.ema: with 0.9999, the weights after the first of 3000 updates still count "
            "74 %",
        ),
        (
            {f"{TRAINING}.validate_every": 9},
            f"{TRAINING}.validate_every: decides nothing without `keep: best_on_val`",
        ),
        (
            {f"{TRAINING}.keep": "best_on_val", f"{TRAINING}.validate_every": 3000},
            f"{TRAINING}.validate_every: 3000 is not below updates (3000): the last weights alone",
        ),
        (
            {f"{TRAINING}.layer_wise_decay": 0.7, f"{TRAINING}.weights": {"source": "random"}},
            f"{TRAINING}.layer_wise_decay: keeps the layers next to the input as they came",
        ),
        (
            {f"{TRAINING}.precision": "float16", f"{TRAINING}.device": "cpu"},
            f"{TRAINING}.precision: most CPUs emulate float16",
        ),
        (
            {"experiments.main.ablation.fusion": ["selective", "selective"]},
            "experiments.main.ablation.fusion: `selective` is named twice",
        ),
        (
            {"experiments.main.ablation.fusion": ["selective"]},
            "experiments.main.ablation.fusion: `selective` alone is averaged with nothing",
        ),
        ({"experiments.main.seeds": [0, 1, 0]}, "experiments.main.seeds: 0 stands twice"),
        (
            {"retrievals.by_cnn.backend": "flat", "retrievals.by_cnn.annoy": {"trees": 50}},
            "retrievals.by_cnn.annoy.trees: decides nothing with `backend: flat`",
        ),
        (
            {
                "retrievals.by_cnn.backend": "exact",
                "retrievals.by_cnn.annoy": {"candidates_factor": 3},
            },
            "retrievals.by_cnn.annoy.candidates_factor: decides nothing with `backend: exact`",
        ),
        (
            {"retrievals.by_cnn.backend": "exact", "retrievals.by_cnn.projection_dimensions": 64},
            "retrievals.by_cnn.projection_dimensions: decides nothing with `backend: exact`",
        ),
        (
            {f"{SELECTION}.growth_misclassified": 0, f"{SELECTION}.growth_uncertain": 0},
            f"{SELECTION}.growth_misclassified: this and growth_uncertain are 0: no K_i can grow, "
            "and all 2 rounds borrow the same images",
        ),
        (
            {f"{SELECTION}.highest_sampling_level": 1},
            f"{SELECTION}.highest_sampling_level: this is 1: no K_i can grow",
        ),
        (
            {"retrievals.by_cnn.neighbours_on_file": 20},
            f"retrievals.by_cnn.neighbours_on_file: 20 are kept, as many as "
            f"{SELECTION}.initial_neighbours: no K_i can grow",
        ),
        (
            {"experiments.main.ablation.seeds": [7, 7]},
            "experiments.main.ablation.seeds: 7 stands twice, and would count twice",
        ),
        (
            {"experiments.main.publish.compare": ["fine-tune", "fine-tune"]},
            "experiments.main.publish.compare: fine-tune stands twice",
        ),
        (
            {"experiments.main.evaluation.scales": [256, 288, 256]},
            "experiments.main.evaluation.scales: 256 stands twice",
        ),
    ],
)
def test_settings_that_do_not_do_what_they_seem_to(changes: dict[str, Any], line: str) -> None:
    (found,) = of_values(changes)
    assert found.startswith(line)
    cosine = {f"{TRAINING}.updates": 250, f"{TRAINING}.schedule": "cosine"}
    assert of_values(cosine) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"retrievals.by_cnn.backend": "flat", "retrievals.by_cnn.annoy": {"candidates_factor": 3}},
        {"retrievals.by_cnn.backend": "annoy", "retrievals.by_cnn.annoy": {"search_k": 900}},
        {"retrievals.by_cnn.backend": "auto", "retrievals.by_cnn.projection_dimensions": 64},
        {"retrievals.by_cnn.backend": "exact", "retrievals.by_cnn.annoy": {"trees": 20}},
        {f"{SELECTION}.highest_sampling_level": 1, "experiments.main.rounds": 1},
        {f"{SELECTION}.growth_misclassified": 0},
        {
            "retrievals.by_cnn.neighbours_on_file": 20,
            f"{SELECTION}.draw_hard_images_more": True,
        },
    ],
)
def test_settings_of_search_and_growth_that_do_something(changes: dict[str, Any]) -> None:
    assert of_values(changes) == []


def test_growth_is_said_of_the_arm_that_it_is_about_and_of_none_that_does_not_grow() -> None:
    flat = {"selection": {"highest_sampling_level": 1}}
    config = configured({"experiments.main.arms.flat": flat})
    (found,) = wrong_values(config, Asked("main", ("selective", "no-iteration", "flat"), True))
    assert str(found).startswith("experiments.main.arms.flat.selection.highest_sampling_level: ")
    assert not found.stops
    none = configured({f"{SELECTION}.highest_sampling_level": 1})
    assert list(wrong_values(none, Asked("main", ("no-iteration", "fine-tune"), True))) == []


def test_an_arm_by_gabor_filters_needs_a_bank_of_them() -> None:
    config = configured(
        {"experiments.main.ablation": {"arms": ["fine-tune"]}, "experiments.main.arms": {}}
    )
    (found,) = wrong_values(config, Asked("main", ("gabor",), True))
    assert str(found).startswith(
        "experiments.main.arms.gabor: the arm `gabor` has no retrieval yet."
    )
    assert found.stops


def test_no_training_image_is_said_once() -> None:
    for name, numbers in (("web", {"test": 3}), ("birds", {"test": 3})):
        look = looked_at({f"datasets.{name}.per_class": numbers})
        assert look.stops is not None
        assert look.stops.count("\n  - ") == 1
        assert f"datasets.{name}.per_class: there is no training image" in look.stops
        assert look.warns is None


def test_what_the_machine_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(machine.shutil, "which", lambda name: None)
    monkeypatch.setattr(machine.importlib.util, "find_spec", lambda name: None)
    gpus = {"banks.cnn.device": "cuda", "retrievals.by_cnn.device": "cuda"}
    asked = [Asked("main", ("selective",), True)]

    def found(changes: dict[str, Any]) -> list[str]:
        missing = machine.missing_here(configured(changes), asked, stops=True)
        return [f.key for f in missing if f.stops]

    assert found(gpus) == ["retrievals.by_cnn.device", "banks.cnn.device"]
    compiled = {f"{TRAINING}.compile": True, f"{TRAINING}.device": "cpu"}
    assert found(compiled) == [f"{TRAINING}.compile"]
    assert found({"training_jobs": {"tensorboard": True}}) == ["training_jobs.tensorboard"]
    assert found({"banks.gabor.device": "cuda"}) == []  # `selective` does not use it
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert found(gpus) == []
    assert found({f"{TRAINING}.device": "cuda", f"{TRAINING}.processes": 2}) == [
        f"{TRAINING}.processes"
    ]


def looked_at(changes: dict[str, Any], **counts: Any) -> Look:
    """A look at the experiment."""

    def count(name: str) -> Counted | None:
        found = counts.get(name)
        if isinstance(found, UserError):
            raise found
        return found

    config = configured(changes)
    return first_look(config, asked_for(config, ["main"], []), count, runs_here=True)


def test_all_findings_are_told_at_once(tmp_path: Path) -> None:
    assert looked_at({}) == Look(None, None)
    (tmp_path / "disk").mkdir()
    look = looked_at(
        {
            "data_root": str(tmp_path),
            **DISK,
            "banks.cnn.layers": ["features.33"],
            f"{TRAINING}.network": "resnet5",
            f"{TRAINING}.updates": 20,
            "experiments.main.selection.initial_neighbours": 500,
        },
        disk=UserError("there is one class only"),
    )
    assert look.stops is not None
    assert look.warns is not None
    assert look.stops.startswith("What was asked for cannot work as it is configured:\n  - ")
    for key in (
        f"{TRAINING}.network",
        "banks.cnn.layers",
        "experiments.main.selection.initial_neighbours",
        "datasets.disk: there is one class only",
    ):
        assert f"\n  - {key}" in look.stops
    assert look.stops.count("\n  - ") == 4
    assert look.warns.count("\n  - ") == 1


def test_missing_data_stands_beside_what_is_wrong(tmp_path: Path) -> None:
    changes = DISK | {"data_root": str(tmp_path), f"{TRAINING}.network": "resnet5"}
    stops = looked_at(changes).stops
    assert stops is not None
    assert f"{TRAINING}.network: " in stops
    assert f"data set `disk`: no folder {tmp_path / 'disk'}" in stops


def test_a_plan_is_refused_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    raw = copy.deepcopy(RAW)
    raw["experiments"]["main"]["training"] |= {"network": "resnet5", "updates": 20}
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.yaml").write_text(json.dumps(raw))
    assert main(["plan", "main"]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert f"{TRAINING}.network: torchvision has no classification network 'resnet5'" in shown.err
    assert f"{TRAINING}.learning_rate_steps: 2400 is not below updates (20)" in shown.err


@pytest.mark.slow
def test_the_shipped_experiments_are_sound(repository: Path = Path(__file__).parents[2]) -> None:
    import yaml  # noqa: PLC0415

    raw = yaml.safe_load((repository / "config/config.yaml").read_text(encoding="utf-8"))
    config = read_configuration(raw)
    questions = set()
    for name, experiment in config.experiments.items():
        asked = Asked(name, experiment.ablation_arms, True)
        assert list(wrong_values(config, asked)) == []
        assert list(wrong_numbers(config, asked, {})) == []
        questions |= {json.dumps(question.asks) for question in questions_of(config, asked, {})}
    for question in questions:
        assert answer(json.loads(question)) == [], question
