"""Checkpoints: whatever interrupts a round, it ends with the bytes of one that nothing did."""

import errno
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

import numpy as np
import pytest
import torch
from PIL import Image
from small import images_table, source_table, training_settings

from sjft.errors import UserError
from sjft.networks.joint import save_network
from sjft.selection.subset import select_all
from sjft.settings.checkpoints import CheckpointSettings
from sjft.training.batches import JointBatches, LabelledImages
from sjft.training.checkpoints import Checkpoints
from sjft.training.loss import JointTask
from sjft.training.pairing import AnySource
from sjft.training.round import Round, run_round

UPDATES = 7
# Dropout draws from torch's own stream; the schedule changes the rate on the way.
SETTINGS = training_settings(
    network="squeezenet1_1",
    input_size=24,
    resize=(24, 26),
    target_batch=3,
    accumulate=2,
    updates=UPDATES,
    learning_rate=0.01,
    learning_rate_steps=4,
    log_every=3,
)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("images")
    for side in ("target", "source"):
        (root / side).mkdir()
        for i in range(6):
            colour = (250, 40 * i, 0) if i % 2 else (0, 30 * i, 250)
            Image.new("RGB", (28, 26), colour).save(root / side / f"{i}.png")
    return root


def the_round(root: Path) -> Round:
    targets = images_table([0, 1] * 3, folder="target")
    sources = source_table([0, 1] * 3, folder="source")
    return Round(
        number=0,
        seed=1,
        manifest=select_all(targets, sources),
        choice=AnySource(6),
        target_folder=root,
        source_folders={"store": root},
        target_classes=["class 0", "class 1"],
        last_network=None,
        validation=LabelledImages([root / f"target/{i}.png" for i in range(6)], np.arange(6) % 2),
    )


def result(root: Path, output: Path, checkpoints: Checkpoints | None, threads: int = 1) -> bytes:
    network, history = run_round(the_round(root), SETTINGS, None, threads, checkpoints)
    assert history["update"].to_list() == [3, 6, 7]
    save_network(output, network, {"losses": history["target_loss"].to_list()})
    return output.read_bytes()


@pytest.fixture(scope="module")
def uninterrupted(images: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return result(images, tmp_path_factory.mktemp("whole") / "m.pt", None)


def every_update(folder: Path, keep: int = 2) -> Checkpoints:
    return Checkpoints(folder / "round", {"rate": 0.01}, CheckpointSettings(updates=1, keep=keep))


class Killed(Exception):
    """Stands for whatever ends a process between two instructions."""


@pytest.fixture
def killed_at(monkeypatch: pytest.MonkeyPatch, images: Path, tmp_path: Path):
    """A function that trains until a batch is asked for, and dies there."""
    whole = JointBatches.outline

    def train_until(step: int, checkpoints: Checkpoints) -> None:
        def dying(self: JointBatches, wanted: int, *, pinned: bool) -> object:
            if wanted == step:
                raise Killed
            return whole(self, wanted, pinned=pinned)

        with monkeypatch.context() as patched:
            patched.setattr(JointBatches, "outline", dying)
            with pytest.raises(Killed):
                run_round(the_round(images), SETTINGS, None, 1, checkpoints)

    return train_until


@pytest.mark.parametrize("step", [0, 1, 5, 9, 2 * UPDATES - 1])
def test_a_round_killed_at_any_batch_ends_with_the_same_bytes(
    killed_at, uninterrupted: bytes, images: Path, tmp_path: Path, step: int
) -> None:
    killed_at(step, every_update(tmp_path))
    written = sorted(path.name for path in tmp_path.rglob("*.pt"))
    done = step // 2
    assert written == [f"update-{u:08d}.pt" for u in range(max(1, done - 1), done + 1)]
    assert result(images, tmp_path / "m.pt", every_update(tmp_path)) == uninterrupted


def test_a_round_killed_again_and_again_ends_with_the_same_bytes(
    killed_at, uninterrupted: bytes, images: Path, tmp_path: Path
) -> None:
    for step in (3, 7, 10, 12):
        killed_at(step, every_update(tmp_path))
    assert result(images, tmp_path / "m.pt", every_update(tmp_path)) == uninterrupted


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {"optimiser": "adamw", "learning_rate": 0.001},
        {"layer_wise_decay": 0.7},
        {"label_smoothing": 0.1},
        {"augment": "rand_augment"},
        {"mixup": 0.4},
        {"ema": 0.8},
        {"network": "shufflenet_v2_x0_5", "batch_norm": "separate"},
        {"source_batch": 1, "source_loss_weight_at_end": 0.0},
        {"keep": "best_on_val", "validate_every": 3, "learning_rate": 0.05},
        {"keep": "best_on_val", "validate_every": 3, "learning_rate": 0.05, "ema": 0.8},
    ],
    ids=",".join,
)
def test_a_killed_round_ends_with_the_same_bytes_with_each_part_of_the_recipe(
    killed_at,
    uninterrupted: bytes,
    images: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, object],
) -> None:
    settings = SETTINGS.model_copy(update=changes)
    monkeypatch.setattr(sys.modules[__name__], "SETTINGS", settings)
    whole = result(images, tmp_path / "whole.pt", None)
    for step in (5, 10):
        killed_at(step, every_update(tmp_path))
    assert list(tmp_path.rglob("update-*.pt"))
    assert result(images, tmp_path / "m.pt", every_update(tmp_path)) == whole
    assert whole != uninterrupted


@pytest.mark.parametrize("damage", [b"", b"no checkpoint", None, "a flipped bit"])
def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(
    killed_at,
    uninterrupted: bytes,
    images: Path,
    tmp_path: Path,
    damage: bytes | str | None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    killed_at(9, every_update(tmp_path))
    before, last = sorted(tmp_path.rglob("*.pt"))
    content = last.read_bytes()
    flipped = bytearray(content)
    flipped[len(content) // 2] ^= 16
    cut = content[: len(content) // 2]
    last.write_bytes(damage if isinstance(damage, bytes) else flipped if damage else cut)
    caplog.set_level("INFO")
    assert result(images, tmp_path / "m.pt", every_update(tmp_path)) == uninterrupted
    assert f"{last} is passed over" in caplog.text
    assert f"from {before}" in caplog.text


def test_checkpoints_of_other_settings_are_not_used_and_not_lost(
    killed_at, uninterrupted: bytes, images: Path, tmp_path: Path, caplog
) -> None:
    first = every_update(tmp_path)
    killed_at(9, first)
    caplog.set_level("INFO")
    other = Checkpoints(first.root, {"rate": 0.1}, CheckpointSettings(updates=3))
    assert result(images, tmp_path / "m.pt", other) == uninterrupted
    assert "goes on after" not in caplog.text
    told = f"{first.folder}: checkpoints that were made otherwise (rate: 0.01 there, 0.1 here) are"
    assert told in caplog.text
    other.remove()
    assert not other.folder.exists()
    assert result(images, tmp_path / "m.pt", every_update(tmp_path)) == uninterrupted
    assert "goes on after update 4" in caplog.text
    first.remove()
    assert not first.root.exists()


def test_of_digests_it_is_told_what_they_are_of(
    killed_at, uninterrupted: bytes, images: Path, tmp_path: Path, caplog
) -> None:
    made = [{"rate": 0.1, "code": code, "inputs": {"a/subset.csv": code}} for code in ("1", "2")]
    first, other = (Checkpoints(tmp_path / "c", by, CheckpointSettings(updates=3)) for by in made)
    killed_at(9, first)
    assert result(images, tmp_path / "m.pt", other) == uninterrupted
    assert "(another version of the program; another a/subset.csv) are not used" in caplog.text


def test_a_checkpoint_of_other_settings_in_the_place_of_our_own_is_refused(
    killed_at, images: Path, tmp_path: Path
) -> None:
    first = every_update(tmp_path)
    killed_at(9, first)
    other = Checkpoints(first.root, {"rate": 0.1, "more": {"than": 1}}, CheckpointSettings())
    shutil.copytree(first.folder, other.folder)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.pt")}
    with pytest.raises(UserError, match="made with other settings") as error:
        run_round(the_round(images), SETTINGS, None, 1, other)
    assert "rate: 0.01 there, 0.1 here; more.than: None there, 1 here" in str(error.value)
    assert "update-00000004.pt" in str(error.value)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.pt")} == before


def test_checkpoints_are_written_by_time_too(
    images: Path, tmp_path: Path, uninterrupted: bytes
) -> None:
    by_time = Checkpoints(tmp_path / "often", {}, CheckpointSettings(seconds=1e-6, keep=3))
    assert result(images, tmp_path / "m.pt", by_time) == uninterrupted
    assert len(list(by_time.folder.glob("*.pt"))) == 3
    seldom = Checkpoints(tmp_path / "seldom", {}, CheckpointSettings())
    result(images, tmp_path / "m.pt", seldom)
    assert not seldom.folder.exists()


def test_a_loss_that_is_not_finite_leaves_the_last_good_checkpoint(
    images: Path, tmp_path: Path, uninterrupted: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, good = JointTask.forward, every_update(tmp_path)
    passes = []

    def spoilt(self: JointTask, **given: torch.Tensor) -> dict[str, torch.Tensor]:
        passes.append(len(passes))
        result = whole(self, **given)
        return result if len(passes) < 10 else result | {"loss": result["loss"] * math.nan}

    with monkeypatch.context() as patched:
        patched.setattr(JointTask, "forward", spoilt)
        with pytest.raises(UserError, match=r"loss of update 5 is not finite.*target/\d\.png"):
            run_round(the_round(images), SETTINGS, None, 1, good)
    assert [path.name for path in sorted(good.folder.glob("*.pt"))] == [
        "update-00000003.pt",
        "update-00000004.pt",
    ]
    assert result(images, tmp_path / "m.pt", good) == uninterrupted


def test_weights_that_are_not_finite_are_not_kept(images: Path, tmp_path: Path) -> None:
    # The first loss is finite; the step that follows it leads nowhere.
    far = SETTINGS.model_copy(update={"learning_rate": 1e38, "weight_decay": 1e9, "updates": 1})
    for checkpoints in (None, every_update(tmp_path)):
        with pytest.raises(UserError, match=r"After update 1 the weights `.*` are not finite"):
            run_round(the_round(images), far, None, 1, checkpoints)
    assert not list(tmp_path.rglob("*.pt"))


def test_a_full_disk_leaves_the_checkpoint_before(
    killed_at, uninterrupted: bytes, images: Path, tmp_path: Path
) -> None:
    killed_at(5, every_update(tmp_path))
    with pytest.MonkeyPatch.context() as patched:

        def full(_content: object, file: IO[bytes]) -> None:
            file.write(b"beginning")
            raise OSError(errno.ENOSPC, "No space left on device")

        patched.setattr(torch, "save", full)
        with pytest.raises(UserError, match=r"update-00000003\.pt: .*No space left"):
            run_round(the_round(images), SETTINGS, None, 1, every_update(tmp_path))
    names = sorted(path.name for path in every_update(tmp_path).folder.iterdir())
    assert names == ["decided_by.json", "update-00000001.pt", "update-00000002.pt"]
    assert result(images, tmp_path / "m.pt", every_update(tmp_path)) == uninterrupted


def test_mixed_precision_goes_on_with_the_same_bytes(
    killed_at, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mixed = SETTINGS.model_copy(update={"precision": "bfloat16"})
    monkeypatch.setattr(sys.modules[__name__], "SETTINGS", mixed)
    whole = result(images, tmp_path / "whole.pt", None)
    killed_at(9, every_update(tmp_path))
    assert result(images, tmp_path / "m.pt", every_update(tmp_path)) == whole


def test_a_signal_is_heeded_while_a_round_is_trained_and_no_longer(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    checkpoints = every_update(tmp_path)
    with checkpoints.heeding_termination():
        assert not checkpoints.asked_to_end
        os.kill(os.getpid(), signal.SIGTERM)
        assert checkpoints.asked_to_end
    assert signal.getsignal(signal.SIGTERM) is before


def train_slowly(images: Path, folder: Path) -> int:
    """What a process of its own does: train, waiting before each batch, and heed signals."""
    whole = JointBatches.outline

    def waiting(self: JointBatches, step: int, *, pinned: bool) -> object:
        time.sleep(0.2)
        return whole(self, step, pinned=pinned)

    JointBatches.outline = waiting  # type: ignore[method-assign]
    checkpoints = every_update(folder)
    try:
        with checkpoints.heeding_termination():
            run_round(the_round(images), SETTINGS, None, 1, checkpoints)
    except UserError as error:
        print(error)
        return 1
    return 0


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_signal_loses_nothing(
    images: Path, tmp_path: Path, uninterrupted: bytes, number: signal.Signals
) -> None:
    process = subprocess.Popen(
        [sys.executable, __file__, str(images), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    until = time.monotonic() + 300  # a busy machine takes its time to load torch
    while not list(tmp_path.rglob("update-*.pt")) and time.monotonic() < until:
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(number)
    said, _ = process.communicate(timeout=300)
    if number == signal.SIGTERM:
        assert process.returncode == 1
        assert "Run again to go on from there" in said
    else:
        assert process.returncode == -signal.SIGKILL
    assert len(list(tmp_path.rglob("update-*.pt"))) in (1, 2)
    assert result(images, tmp_path / "m.pt", every_update(tmp_path)) == uninterrupted


if __name__ == "__main__":
    sys.exit(train_slowly(Path(sys.argv[1]), Path(sys.argv[2])))
