"""Several processes on this machine: they end with what one process would, or with one message."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from failing import fail_while_others_wait
from PIL import Image
from small import images_table, source_table, training_settings
from torch.multiprocessing.spawn import start_processes

from sjft.errors import UserError
from sjft.networks.joint import load_joint_network
from sjft.selection.subset import select_all
from sjft.settings.checkpoints import CheckpointSettings
from sjft.settings.training_jobs import TrainingJobSettings
from sjft.training.batches import LabelledImages
from sjft.training.checkpoints import Checkpoints
from sjft.training.job import RoundJob
from sjft.training.pairing import AnySource, NoSource, OwnNeighbours, SourceChoice
from sjft.training.processes import in_processes
from sjft.training.round import Round
from sjft.training.world import World

# Not polars, whose threads no fork would have.
LOADED = ["torch", "torch.distributed", "torchvision.models", "torchvision.transforms.v2"]
SETTINGS = training_settings(
    network="shufflenet_v2_x0_5",
    input_size=24,
    resize=(24, 30),
    target_batch=4,
    accumulate=2,
    updates=8,
    learning_rate=0.01,
    log_every=5,
    # Each process would normalise by its own share.
).model_copy(update={"batch_norm": "frozen"})


@pytest.fixture(autouse=True)
def forked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes start as forks of one that has loaded torch, which takes longest.

    The one that is sent a signal below starts its own as a job does.
    """
    torch.multiprocessing.get_context("forkserver").set_forkserver_preload(LOADED)
    starting = partial(start_processes, start_method="forkserver")
    monkeypatch.setattr("sjft.training.processes.start_processes", starting)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    for side in ("target", "source"):
        (tmp_path / "images" / side).mkdir(parents=True)
        for i in range(8):
            colour = (250, 40 * i % 256, 0) if i % 2 else (0, 30 * i, 250)
            Image.new("RGB", (30, 26), colour).save(tmp_path / "images" / side / f"{i}.png")
    return tmp_path / "images"


def job(
    images: Path,
    output: Path,
    processes: int,
    choice: SourceChoice | None = None,
    recipe: dict[str, object] | None = None,
) -> RoundJob:
    the_round = Round(
        number=0,
        seed=1,
        manifest=select_all(
            images_table([0, 1] * 4, folder="target"), source_table([0, 1] * 4, folder="source")
        ),
        choice=choice or AnySource(8),
        target_folder=images,
        source_folders={"store": images},
        target_classes=["class 0", "class 1"],
        last_network=None,
        validation=LabelledImages([images / f"target/{i}.png" for i in range(8)], np.arange(8) % 2),
    )
    output.mkdir(exist_ok=True)
    return RoundJob(
        the_round,
        SETTINGS.model_copy(update={"processes": processes, **(recipe or {})}),
        None,
        2,
        Checkpoints(output / "checkpoints", {}, CheckpointSettings(updates=1)),
        TrainingJobSettings(cache_mb=1),
        output / "model.pt",
        output / "history.csv",
        {},
    )


@pytest.mark.slow
def test_two_processes_end_as_one_does_and_go_on_after_a_signal(
    images: Path, tmp_path: Path
) -> None:
    alone, both, stopped = (tmp_path / name for name in ("alone", "both", "stopped"))
    job(images, alone, 1).run()
    job(images, both, 2).run()
    assert_alike(alone, both)

    process = subprocess.Popen(
        [sys.executable, __file__, str(images), str(stopped)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    until = time.monotonic() + 300
    while not list(stopped.rglob("update-*.pt")) and time.monotonic() < until:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=300)
    assert "Run again to go on from there" in said
    assert process.returncode == 1
    assert not (stopped / "model.pt").exists()
    assert list(stopped.rglob("update-*.pt"))
    job(images, stopped, 2).run()
    assert (stopped / "model.pt").read_bytes() == (both / "model.pt").read_bytes()
    assert not (stopped / "checkpoints").exists()


@pytest.mark.slow
def test_two_processes_end_as_one_does_with_the_parts_of_the_recipe_and_weights(
    images: Path, tmp_path: Path
) -> None:
    """All but mixup, whose partners are within each process's share; sources' losses weighted."""
    weighted, plain = (
        OwnNeighbours(
            rows=np.tile(np.arange(8), 8),
            start=np.arange(8) * 8,
            number=np.full(8, 8),
            divergences=np.linspace(0, 9, 64, dtype=np.float32),
            scale=scale,
        )
        for scale in (0.5, None)
    )
    recipe = {
        "layer_wise_decay": 0.8,
        "label_smoothing": 0.1,
        "augment": "rand_augment",
        "ema": 0.7,
        "source_batch": 6,
        "source_loss_weight_at_end": 0.0,
        "keep": "best_on_val",
        "validate_every": 3,
    }
    alone, both, unweighted = (tmp_path / name for name in ("alone", "both", "unweighted"))
    job(images, alone, 1, weighted, recipe).run()
    job(images, both, 2, weighted, recipe).run()
    assert_alike(alone, both)
    job(images, unweighted, 1, plain, recipe).run()
    losses = [pl.read_csv(f / "history.csv")["source_loss"] for f in (alone, unweighted)]
    assert losses[0].to_list() != losses[1].to_list()


@pytest.mark.slow
def test_two_processes_keep_the_statistics_of_each_half_apart(images: Path, tmp_path: Path) -> None:
    """Sources that count nothing leave no trace in the target's statistics, nor in its weights."""
    ends = []
    for name, sources in (("with", AnySource(8)), ("without", NoSource())):
        recipe = {"batch_norm": "separate", "source_loss_weight": 0.0}
        job(images, tmp_path / name, 2, sources, recipe).run()
        ends.append(load_joint_network(tmp_path / name / "model.pt").module.state_dict())
    own = [name for name in ends[0] if ".source." not in name]
    assert any(name.endswith("running_var") for name in own)
    for name in own:
        torch.testing.assert_close(ends[0][name], ends[1][name], rtol=1e-4, atol=1e-6)


def assert_alike(alone: Path, both: Path) -> None:
    """Weights and history of two processes are those of one."""
    one, two = (load_joint_network(f / "model.pt").module.state_dict() for f in (alone, both))
    for name, tensor in one.items():
        torch.testing.assert_close(two[name], tensor, rtol=1e-4, atol=1e-6)
    timeless = pl.exclude("images_per_second", "seconds")
    rows, wanted = (pl.read_csv(f / "history.csv").select(timeless) for f in (both, alone))
    assert rows.columns == wanted.columns
    found = [table.fill_null(-1).to_numpy() for table in (rows, wanted)]
    assert abs(found[0] - found[1]).max() < 1e-4


@pytest.mark.slow
def test_what_one_process_says_to_the_user_ends_all() -> None:
    with pytest.raises(UserError, match=r"^the image: is not an image"):
        in_processes(2, "gloo", fail_while_others_wait, "is not an image")


@pytest.mark.slow
def test_a_process_that_is_killed_ends_all() -> None:
    with pytest.raises(UserError, match=r"ended from outside .*SIGKILL"):
        in_processes(2, "gloo", fail_while_others_wait, None)


def test_there_must_be_a_gpu_for_each_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert World(1, 2).device("auto") == torch.device("cuda", 1)
    assert World(3, 4).device("cpu") == torch.device("cpu")
    with pytest.raises(UserError, match=r"training\.processes: 4 processes .* torch finds 2"):
        World(0, 4).device("auto")


def test_a_batch_must_be_shared_evenly() -> None:
    with pytest.raises(ValueError, match=r"target_batch \(4\) must be a multiple of processes"):
        training_settings(processes=3)


if __name__ == "__main__":
    try:
        job(Path(sys.argv[1]), Path(sys.argv[2]), 2).run()
    except UserError as error:
        print(error)
        sys.exit(1)
