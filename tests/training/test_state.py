"""What a checkpoint holds of a round: all that changes, and the time that it took so far."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from rounds import CPU, batches
from small import small_network, training_settings

from sjft.training.averaging import weight_average
from sjft.training.best import BestWeights
from sjft.training.history import History
from sjft.training.loss import JointTask
from sjft.training.optimiser import make_optimiser, make_schedule
from sjft.training.precision import Precision
from sjft.training.state import TrainingState
from sjft.training.world import ALONE


def state_of(seed: int) -> TrainingState:
    network = small_network(2, 2, seed=seed, batch_norm=True)
    settings = training_settings(
        updates=9, log_every=2, warm_up_updates=5, optimiser="adamw", ema=0.8
    )
    optimiser = make_optimiser(network, settings)
    return TrainingState(
        *(network.module, optimiser, make_schedule(optimiser, settings)),
        *(Precision("float16", CPU), History(2, 9), CPU, ALONE),
        weight_average(network.module, settings.ema),
        BestWeights(lambda module: 0.5),
    )


def trained(state: TrainingState, updates: int) -> None:
    """Move all parts, each by its own means."""
    network = small_network(2, 2, batch_norm=True)
    task = JointTask(replace(network, module=state.module), 1.0)
    assert state.average is not None and state.best is not None
    for update, batch in enumerate(batches(updates)):
        result = task(**batch.tensors())
        # The first is too large for float16's scale: this falls, and nothing else moves.
        state.precision.backward(result["loss"] * (1e38 if update == 0 else 1))
        state.history.add(batch, result, update)
        state.precision.step(state.optimiser)
        state.average.update()
        state.history.close_update(update, [0.1, 0.2, 0.3])
        state.schedule.step()
        state.best.after(update + 1, state.module, state.average)
    torch.rand(3)


def require_equal(one: Any, other: Any, name: str = "state") -> None:
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, other), name
    elif isinstance(one, dict):
        assert one.keys() == other.keys(), name
        for key in one:
            require_equal(one[key], other[key], f"{name}.{key}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), name
        for place, pair in enumerate(zip(one, other, strict=True)):
            require_equal(*pair, f"{name}.{place}")
    elif name.startswith("state.history.seconds"):
        assert one == pytest.approx(other, abs=60), name
    else:
        assert one == other, name


# The first update of float16 is left out, as its scale falls.
@pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler.step")
def test_each_part_is_given_back() -> None:
    with torch.random.fork_rng(devices=[]):
        first, second = state_of(0), state_of(1)
        before = second.content()
        trained(first, 3)
        content = first.content()
        for part in content:
            with pytest.raises(AssertionError, match=f"state.{part}"):
                require_equal({part: before[part]}, {part: content[part]})
        torch.rand(3)
        second.restore(content)
        require_equal(second.content(), content)


def test_the_time_between_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = 100.0
    monkeypatch.setattr("sjft.training.history.time.perf_counter", lambda: clock)
    task, given = JointTask(small_network(2, 2), 1.0), batches(4)
    first = History(2, 4, started=clock, last=clock)
    for update, batch in enumerate(given[:2]):
        first.add(batch, task(**batch.tensors()), update)
        clock += 2
        first.close_update(update, [0.1, 0.2])
    clock += 1
    kept = first.state()
    clock = 1000.0
    second = History(2, 4)
    second.restore(kept)
    for update, batch in enumerate(given[2:], 2):
        second.add(batch, task(**batch.tensors()), update)
        clock += 1.5
        second.close_update(update, [0.1, 0.2])
    table = second.table()
    # 16 images in 4 seconds; and 16 in the second before and the three behind the break.
    assert table["images_per_second"].to_list() == [4.0, 4.0]
    assert table["seconds"].to_list() == [4.0, 8.0]
