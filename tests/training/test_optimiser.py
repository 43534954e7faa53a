"""The optimiser's groups, and the learning rate of every update."""

import io
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from small import small_network, training_settings

from sjft.settings.training import TrainingSettings
from sjft.training.optimiser import make_optimiser, make_schedule, rate_factor

TRAINED = {"weights": {"source": "file", "path": "w.pth"}}


def rates(settings: TrainingSettings, sources: int = 3) -> list[list[float]]:
    """The rate of each group at each update, as the loop would see them."""
    optimiser = make_optimiser(small_network(2, sources), settings)
    schedule = make_schedule(optimiser, settings)
    found = []
    for _ in range(settings.updates):
        found.append([group["lr"] for group in optimiser.param_groups])
        optimiser.step()
        schedule.step()
    return found


def test_steps_divide_the_rate_by_ten_again_and_again() -> None:
    found = rates(training_settings(updates=7, learning_rate=0.5, learning_rate_steps=3))
    assert [rate[0] for rate in found] == pytest.approx([0.5] * 3 + [0.05] * 3 + [0.005])


@given(updates=st.integers(1, 60), warm_up=st.integers(0, 20), rate=st.floats(1e-4, 1.0))
def test_a_cosine_falls_to_zero_behind_a_warm_up(updates: int, warm_up: int, rate: float) -> None:
    if warm_up >= updates:
        return
    settings = training_settings(
        updates=updates, learning_rate=rate, schedule="cosine", warm_up_updates=warm_up
    )
    for update, (found, *_) in enumerate(rates(settings)):
        if update < warm_up:
            wanted = rate * (update + 1) / (warm_up + 1)
        else:
            wanted = rate * math.cos((update - warm_up) / (updates - warm_up) * math.pi / 2) ** 2
        assert found == pytest.approx(wanted, rel=1e-9, abs=1e-15)
    assert rate_factor(settings, updates) == pytest.approx(0, abs=1e-12)


def test_steps_have_a_warm_up_too() -> None:
    settings = training_settings(
        updates=6, learning_rate=1.0, learning_rate_steps=4, warm_up_updates=3
    )
    assert [rate[0] for rate in rates(settings)] == pytest.approx([0.25, 0.5, 0.75, 1, 0.1, 0.1])


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({}, (1, 1)),
        ({"head_learning_rate_factor": 10}, (10, 10)),
        ({"head_learning_rate_factor": 10, "source_head_learning_rate_factor": 3}, (10, 3)),
        ({"head_learning_rate_factor": 10, "source_head": "pretrained", **TRAINED}, (10, 1)),
        (
            {"source_head_learning_rate_factor": 2, "source_head": "pretrained", **TRAINED},
            (1, 2),
        ),
    ],
)
def test_trunk_and_heads_have_their_own_rates(
    changes: dict[str, object], wanted: tuple[float, float]
) -> None:
    settings = training_settings(learning_rate=0.1, schedule="cosine", updates=3, **changes)
    for update, found in enumerate(rates(settings)):
        rate = 0.1 * rate_factor(settings, update)
        assert found == pytest.approx([rate, rate * wanted[0], rate * wanted[1]])


def test_every_parameter_is_in_one_group() -> None:
    for sources in (0, 3):
        network = small_network(2, sources, batch_norm=True)
        groups = make_optimiser(network, training_settings()).param_groups
        assert len(groups) == 2 + bool(sources)
        grouped = [id(p) for group in groups for p in group["params"]]
        assert sorted(grouped) == sorted(id(p) for p in network.module.parameters())
        assert all(group["momentum"] == 0.9 for group in groups)
        assert all(group["weight_decay"] == 1e-4 for group in groups)


@pytest.mark.parametrize("schedule", ["steps", "cosine"])
def test_a_schedule_that_is_saved_goes_on(schedule: str) -> None:
    settings = training_settings(
        updates=9, schedule=schedule, learning_rate_steps=4, warm_up_updates=2
    )
    whole = rates(settings)
    optimiser = make_optimiser(small_network(), settings)
    made = make_schedule(optimiser, settings)
    for _ in range(5):
        optimiser.step()
        made.step()
    file = io.BytesIO()
    torch.save([optimiser.state_dict(), made.state_dict()], file)
    file.seek(0)
    states = torch.load(file, weights_only=True)
    again = make_optimiser(small_network(), settings)
    going_on = make_schedule(again, settings)
    again.load_state_dict(states[0])
    going_on.load_state_dict(states[1])
    for update in range(5, 9):
        assert [group["lr"] for group in again.param_groups] == whole[update]
        again.step()
        going_on.step()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"updates": 4, "warm_up_updates": 4}, "need warm_up_updates < updates, got 4, 4"),
        ({"source_head": "pretrained"}, "random weights have no pre-trained classifier"),
        ({"source_head_classes": "a.txt"}, "is for `source_head: pretrained` alone"),
        ({"schedule": "linear"}, "'steps' or 'cosine'"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(
    changes: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        training_settings(**changes)
