"""Weights as others write them: what is taken, what the log says, and what is refused how."""

import argparse
import logging
import os
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from filter_banks import FILE, SMALL
from safetensors.torch import save_file
from torch import Tensor, nn
from torchvision import models
from weights_files import Unwelcome, load, state

from sjft.errors import UserError
from sjft.networks.foreign_weights import find_weights
from sjft.networks.joint import joint_network
from sjft.networks.pretrained import digest_of_weights, load_network

State = dict[str, Tensor]


def renamed(before: State, prefix: str) -> State:
    return {f"{prefix}{name}": tensor for name, tensor in before.items()}


def compiled_inside(before: State) -> State:
    """The names where a part of the network was compiled."""
    return {name.replace("features.", "features._orig_mod."): v for name, v in before.items()}


CONTAINERS: dict[str, Any] = {
    "state_dict": lambda s: {"state_dict": s, "epoch": 3, "best": 0.5},
    "model": lambda s: {"model": s, "optimizer": {"state": {0: {"step": torch.ones(1)}}}},
    "model_state_dict": lambda s: {"epoch": 1, "model_state_dict": s, "loss": torch.ones(1)},
    "net": lambda s: {"net": s, "acc": 91.2, "epoch": 7},
    "weights": lambda s: {"weights": s},
    "ema": lambda s: {"ema": s, "updates": 100},
    "ema.module": lambda s: {"ema": {"decay": 0.9, "module": s}},
    "model.state_dict": lambda s: {"model": {"state_dict": s}, "args": argparse.Namespace(lr=1)},
}
PREFIXES = [
    *("module.", "_orig_mod.", "backbone.", "model.", "encoder.", "net.", "base_encoder."),
    *("module.backbone.", "module._orig_mod.", "_orig_mod.module.", "model.module.encoder."),
    *("backbone.features.", "classifier."),  # parts of its own names
]


@pytest.fixture(autouse=True)
def _all_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


def take(tmp_path: Path, content: Any, saved: State, name: str = SMALL) -> None:
    """Load a file's content, and see that all weights are those that were saved."""
    loaded = load(tmp_path, content, name).state_dict()
    assert loaded.keys() == saved.keys()
    assert all(torch.equal(loaded[key], saved[key]) for key in saved)


def refused(tmp_path: Path, content: Any, name: str = SMALL) -> str:
    with pytest.raises(UserError) as error:
        load(tmp_path, content, name)
    message = str(error.value)
    assert str(tmp_path / "weights.pt") in message
    assert "\x1b" not in message
    assert "weights_only=False" not in message.replace("`", "")
    assert "add_safe_globals" not in message
    return message


@pytest.mark.parametrize("place", CONTAINERS)
def test_weights_are_taken_out_of_containers(
    tmp_path: Path, place: str, caplog: pytest.LogCaptureFixture
) -> None:
    saved = state()
    take(tmp_path, CONTAINERS[place](saved), saved)
    assert f"weights: {tmp_path / 'weights.pt'}: taken in `{place}`" in caplog.text


@pytest.mark.parametrize("prefix", PREFIXES)
def test_names_of_wrappers_are_put_aside(
    tmp_path: Path, prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    saved = state()
    take(tmp_path, {"model": renamed(saved, prefix)}, saved)
    without = prefix.replace("_orig_mod.", "")
    assert "taken in `model`, without " in caplog.text
    assert not without or f"`{without}`" in caplog.text
    assert without == prefix or "`_orig_mod.`" in caplog.text


def test_parts_that_were_compiled_alone_are_taken(tmp_path: Path) -> None:
    saved = state()
    take(tmp_path, compiled_inside(saved), saved)
    take(tmp_path, renamed(compiled_inside(saved), "module."), saved)


@pytest.mark.slow
def test_what_torch_s_own_wrappers_save_is_taken(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    network = models.get_model(SMALL, weights=None, num_classes=4)
    saved = network.state_dict()
    averaged = torch.optim.swa_utils.AveragedModel(network).state_dict()
    assert "n_averaged" in averaged
    take(tmp_path, averaged, saved)
    assert "taken outermost, without `module.`, `n_averaged`" in caplog.text
    take(tmp_path, nn.DataParallel(network).state_dict(), saved)
    take(tmp_path, torch.compile(network).state_dict(), saved)


def test_a_plain_file_is_taken_without_a_word(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    saved = state()
    take(tmp_path, saved, saved)
    assert "weights:" not in caplog.text


def test_of_several_that_fit_the_averaged_come_last_and_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    saved, averaged = state(), {name: v * 2 for name, v in state().items()}
    for other in ("model_ema", "ema", "state_dict_ema", "swa", "averaged_model"):
        caplog.clear()
        take(tmp_path, {other: averaged, "model": saved}, saved)
        assert f"those in `{other}` fit too and are not used" in caplog.text
    take(tmp_path, {"model": renamed(averaged, "student."), "state_dict": saved}, averaged)


def test_the_number_of_classes_is_the_file_s(tmp_path: Path) -> None:
    for classes in (1, 2, 7, 1000):
        saved = state(classes)
        take(tmp_path, {"model": renamed(saved, "module.")}, saved)
    saved = state(7, "resnet18")
    take(tmp_path, {"net": renamed(saved, "backbone.")}, saved, "resnet18")


@pytest.mark.parametrize("name", ["mnasnet0_5", "densenet121"])
def test_layout_versions_and_old_names_survive_a_container(tmp_path: Path, name: str) -> None:
    saved = models.get_model(name, weights=None, num_classes=3).state_dict()
    wrapped = OrderedDict(renamed(saved, "module."))
    wrapped._metadata = OrderedDict(  # type: ignore[attr-defined]
        {"": {"version": 1}} | {f"module.{k}".rstrip("."): v for k, v in saved._metadata.items()}  # type: ignore[attr-defined]
    )
    old = {
        key.replace(".norm1.", ".norm.1.").replace(".conv2.", ".conv.2."): v
        for key, v in wrapped.items()
        if "denselayer" in key
    }
    content = wrapped
    if name == "densenet121":
        content = OrderedDict((k, v) for k, v in wrapped.items() if "denselayer" not in k) | old
        assert any(".norm.1." in key for key in content)
    take(tmp_path, {"state_dict": content}, saved, name)


def test_options_and_numbers_beside_the_weights_do_no_harm(tmp_path: Path) -> None:
    saved = state()
    content = {
        "model": saved,
        "args": argparse.Namespace(lr=0.1, layers=[1, 2]),
        "best": np.float64(0.93),
        "epoch": np.int64(4),
        "done": np.bool_(True),
        "kind": np.str_("x"),
    }
    take(tmp_path, content, saved)


def test_files_of_before_torch_1_6_are_taken(tmp_path: Path) -> None:
    saved = state()
    torch.save({"model": saved}, tmp_path / "w.pt", _use_new_zipfile_serialization=False)
    loaded = load_network(SMALL, FILE, tmp_path / "w.pt").state_dict()
    assert all(torch.equal(loaded[name], saved[name]) for name in saved)


@pytest.mark.parametrize("suffix", ["safetensors", "bin"])
def test_safetensors_are_known_by_their_content(tmp_path: Path, suffix: str) -> None:
    saved = state()
    path = tmp_path / f"w.{suffix}"
    save_file({name: v.contiguous() for name, v in renamed(saved, "model.").items()}, path)
    loaded = load_network(SMALL, FILE, path).state_dict()
    assert all(torch.equal(loaded[name], saved[name]) for name in saved)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UserError, match="it is damaged, or of another format"):
        load_network(SMALL, FILE, path)


def test_without_safetensors_the_message_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_file({"a": torch.ones(1)}, tmp_path / "w.safetensors")
    monkeypatch.setattr("sjft.networks.weights_file.find_spec", lambda _: None)
    with pytest.raises(UserError, match=r"w\.safetensors .* not installed here: .*pip install"):
        load_network(SMALL, FILE, tmp_path / "w.safetensors")


def test_what_does_not_fit_is_set_beside_what_is_expected(tmp_path: Path) -> None:
    message = refused(tmp_path, {"model": renamed(state(5, "resnet18"), "module."), "epoch": 3})
    assert "weights.pt has in `model` 122 tensors: module.conv1.weight (64, 3, 7, 7)," in message
    assert f"{SMALL} expects 52 tensors: features.0.weight (64, 3, 3, 3)," in message
    assert "features.0.weight: missing" in message
    assert message.count("\n") < 10


def test_two_encoders_in_one_are_not_taken_for_one(tmp_path: Path) -> None:
    content = renamed(state(), "encoder_q.") | renamed(state(), "encoder_k.")
    message = refused(tmp_path, content)
    assert "has 104 tensors: encoder_q.features.0.weight (64, 3, 3, 3)," in message
    assert "  encoder_q.features.0.weight: not in the network" in message


@pytest.mark.parametrize("change", ["one more", "one less", "another shape"])
def test_the_rest_must_fit_exactly(tmp_path: Path, change: str) -> None:
    saved = state()
    if change == "one more":
        saved["features.0.extra"] = torch.ones(1)
    elif change == "one less":
        del saved["features.3.squeeze.bias"]
    else:
        saved["features.0.weight"] = saved["features.0.weight"][:, :, :2]
    message = refused(tmp_path, {"model": renamed(saved, "backbone.")})
    lines = message.split("do not fit:\n")[1].splitlines()
    assert lines == [
        {
            "one more": "  features.0.extra: not in the network",
            "one less": "  features.3.squeeze.bias: missing",
            "another shape": "  features.0.weight: has shape (64, 3, 2, 3), needs (64, 3, 3, 3)",
        }[change]
    ]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda t: torch.full_like(t, torch.nan), "has values that are infinite or no numbers"),
        (lambda t: t.double() + 1e300, "has values that are infinite or no numbers"),
        (lambda t: (100 * t).to(torch.int8), "holds torch.int8, needs torch.float32"),
        (lambda t: torch.quantize_per_tensor(t, 0.1, 0, torch.qint8), "holds torch.qint8, needs"),
        (lambda t: t.to(torch.complex64), "holds torch.complex64, needs torch.float32"),
        (lambda t: t.to_sparse(), "is torch.sparse_coo, needs torch.strided"),
        (lambda t: t.to("meta"), "has a shape and no values"),
    ],
)
@pytest.mark.filterwarnings("ignore")  # torch plans to drop quantised tensors
def test_values_that_are_no_weights_are_refused(
    tmp_path: Path, spoil: Callable[[Tensor], Tensor], words: str
) -> None:
    saved = state()
    saved["classifier.1.bias"] = spoil(saved["classifier.1.bias"])
    assert f"do not fit:\n  classifier.1.bias: {words}" in refused(tmp_path, {"model": saved})


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_of_other_precision_are_taken(tmp_path: Path, kind: torch.dtype) -> None:
    saved = {name: tensor.to(kind) for name, tensor in state().items()}
    take(tmp_path, saved, {name: tensor.float() for name, tensor in saved.items()})


def test_a_whole_network_is_refused_without_torch_s_advice(tmp_path: Path) -> None:
    message = refused(tmp_path, nn.Linear(2, 2))
    assert "an object of torch.nn.modules.linear.Linear, which may run any code" in message
    assert "weights_files.Unwelcome" in refused(tmp_path, {"model": state(), "hook": Unwelcome()})


@pytest.mark.filterwarnings("ignore")
def test_a_program_of_torchscript_is_told(tmp_path: Path) -> None:
    torch.jit.trace(nn.Linear(2, 2), torch.ones(1, 2)).save(tmp_path / "weights.pt")
    with pytest.raises(UserError, match="it is a TorchScript archive") as error:
        load_network(SMALL, FILE, tmp_path / "weights.pt")
    assert "False" not in str(error.value)


@pytest.mark.parametrize("content", [{}, {"model": {}}, {"epoch": 3}, 7, {"a": {"b": {"c": {}}}}])
def test_files_without_tensors_are_refused(tmp_path: Path, content: Any) -> None:
    assert "holds no state dictionary" in refused(tmp_path, content)


def test_pipes_folders_and_devices_are_named_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, kind in (
        (tmp_path / "pipe", "a named pipe"),
        (tmp_path, "a folder"),
        (Path("/dev/zero"), "a device"),
    ):
        with pytest.raises(UserError, match=f"weights: {path} cannot be read: it is {kind}"):
            load_network(SMALL, FILE, path)
        with pytest.raises(UserError, match=f"it is {kind}"):
            digest_of_weights(FILE, path)


def test_training_starts_from_them_too(tmp_path: Path) -> None:
    saved = state()
    torch.save({"model": renamed(saved, "module.")}, tmp_path / "w.pt")
    network = joint_network(SMALL, FILE, tmp_path / "w.pt", ["a", "b"], ["c"], 1)
    loaded = network.module.state_dict()["features.0.weight"]
    assert torch.equal(loaded, saved["features.0.weight"])


def test_names_decide_and_not_their_order(tmp_path: Path) -> None:
    saved = state()
    torch.save(dict(reversed(renamed(saved, "m.").items())), tmp_path / "w.pt")
    found = find_weights(tmp_path / "w.pt", saved)
    assert found.state.keys() == saved.keys()
