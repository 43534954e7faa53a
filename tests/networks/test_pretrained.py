"""Weights: random ones, and files of several forms or of something else."""

import re
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from filter_banks import FILE, PUBLISHED, RANDOM, SMALL, agree, cnn, network, normalised
from torch.nn import functional as F
from weights_files import Unwelcome, load, state

from sjft.errors import UserError
from sjft.networks.architecture import classifier_name
from sjft.networks.pretrained import digest_of_weights, load_network
from sjft.settings.weights import RandomWeights


def test_random_weights_depend_on_their_seed_alone() -> None:
    torch.manual_seed(1)
    one = load_network("squeezenet1_1", RANDOM, None).state_dict()
    torch.manual_seed(2)
    same = load_network("squeezenet1_1", RANDOM, None).state_dict()
    other = load_network("squeezenet1_1", RandomWeights(source="random", seed=4), None).state_dict()
    assert all((one[name] == same[name]).all() for name in one)
    assert any((one[name] != other[name]).any() for name in one)


def test_random_weights_leave_the_generator_alone() -> None:
    torch.manual_seed(1)
    wanted = torch.rand(3)
    torch.manual_seed(1)
    load_network("squeezenet1_1", RANDOM, None)
    assert (torch.rand(3) == wanted).all()


def test_digests_tell_weights_apart(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    digests = [
        *(digest_of_weights(RandomWeights(source="random", seed=seed), None) for seed in (1, 2)),
        *(digest_of_weights(PUBLISHED, tmp_path / name) for name in ("a", "b")),
    ]
    assert len(set(digests)) == len(digests)
    assert digest_of_weights(FILE, tmp_path / "a") == digest_of_weights(PUBLISHED, tmp_path / "a")


@pytest.mark.parametrize(
    "wrap",
    [
        lambda s: s,
        lambda s: {"state_dict": s, "epoch": 3},
        lambda s: {f"module.{name}": tensor for name, tensor in s.items()},
        lambda s: {"state_dict": {f"module.{name}": tensor for name, tensor in s.items()}},
    ],
    ids=["plain", "checkpoint", "parallel", "parallel checkpoint"],
)
def test_weights_are_read_from_files_of_several_forms(tmp_path: Path, wrap: Any) -> None:
    saved = state()
    loaded = load(tmp_path, wrap(saved)).state_dict()
    assert loaded.keys() == saved.keys()
    assert all((loaded[name] == saved[name]).all() for name in saved)


def test_the_classifier_has_as_many_classes_as_the_weights(tmp_path: Path) -> None:
    network = load(tmp_path, state(classes=7))
    assert classifier_name(network) == "classifier.1"
    assert network.classifier[1].weight.shape[0] == 7  # type: ignore[union-attr, index]


def test_files_of_before_batches_were_counted_are_taken(tmp_path: Path) -> None:
    old = {k: v for k, v in state(name="resnet18").items() if "num_batches_tracked" not in k}
    loaded = load(tmp_path, old, "resnet18").state_dict()
    assert all((loaded[name] == old[name]).all() for name in old)
    assert loaded["bn1.num_batches_tracked"] == 0
    now = network("resnet18").state_dict()  # with torch's layout versions
    for name in [name for name in now if "num_batches_tracked" in name]:
        del now[name]
    assert load(tmp_path, now, "resnet18").state_dict()["bn1.num_batches_tracked"] == 0


def test_weights_without_layout_versions_are_taken(tmp_path: Path) -> None:
    saved = network("mnasnet0_5").state_dict()
    loaded = load(tmp_path, dict(saved), "mnasnet0_5").state_dict()
    assert all((loaded[name] == saved[name]).all() for name in saved)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["googlenet", "inception_v3", "mnasnet0_5", "densenet121"])
def test_published_weights_are_taken_in_the_form_that_they_have(tmp_path: Path, name: str) -> None:
    """With auxiliary classifiers, layout versions, and the names of old layers."""
    saved = network(name).state_dict()
    old = re.compile(r"(denselayer\d+\.(?:norm|conv))(\d)")
    published = OrderedDict((old.sub(r"\1.\2", key), value) for key, value in saved.items())
    published._metadata = saved._metadata  # type: ignore[attr-defined]
    assert (published.keys() != saved.keys()) == (name == "densenet121")
    loaded = load(tmp_path, published, name, PUBLISHED).state_dict()
    assert loaded.keys() == saved.keys()
    assert all((loaded[key] == saved[key]).all() for key in saved)


def test_the_first_tensors_that_do_not_fit_are_named(tmp_path: Path) -> None:
    saved = state()
    del saved["features.0.bias"]
    saved["features.0.weight"] = saved["features.0.weight"][:, :2]
    saved["extra"] = torch.zeros(1)
    with pytest.raises(UserError) as error:
        load(tmp_path, saved)
    message = str(error.value)
    assert f"the weights of {SMALL} ({tmp_path / 'weights.pt'}) do not fit" in message
    assert "features.0.weight: has shape (64, 2, 3, 3), needs (64, 3, 3, 3)" in message
    assert "features.0.bias: missing" in message
    assert "extra: not in the network" in message


def test_weights_of_another_network_are_refused_in_a_few_lines(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"do not fit:(\n.*){5}\n  and \d+ more$"):
        load(tmp_path, state(name="resnet18"))


@pytest.mark.parametrize("content", [b"", b"no weights at all", b"PK\x03\x04 broken", bytes(999)])
def test_a_file_that_torch_cannot_read_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "weights.pt").write_bytes(content)
    with pytest.raises(UserError, match=r"weights\.pt is not a file of tensors"):
        load_network(SMALL, FILE, tmp_path / "weights.pt")


def test_a_truncated_file_of_weights_is_named(tmp_path: Path) -> None:
    torch.save(state(), tmp_path / "weights.pt")
    content = (tmp_path / "weights.pt").read_bytes()
    (tmp_path / "weights.pt").write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match=r"weights\.pt is not a file of tensors"):
        load_network(SMALL, FILE, tmp_path / "weights.pt")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (Unwelcome(), "weights_only=True"),
        ([torch.zeros(1)], "holds no state dictionary"),
        ({"weight": 3}, "holds no state dictionary"),
    ],
)
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        load(tmp_path, content)


def test_a_missing_file_of_weights_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"there is no file .*weights\.pt"):
        load_network(SMALL, FILE, tmp_path / "weights.pt")
    with pytest.raises(UserError, match=r"weights\.pt: cannot be read"):
        cnn(SMALL, "features.0", weights=FILE, file=tmp_path / "weights.pt")


@torch.no_grad()
def test_a_bank_measures_with_the_weights_of_a_file(tmp_path: Path) -> None:
    saved = state()
    torch.save(saved, tmp_path / "weights.pt")
    bank = cnn(SMALL, "features.0", weights=FILE, file=tmp_path / "weights.pt", activation="before")
    agree(
        bank,
        [
            F.conv2d(
                normalised(bank), saved["features.0.weight"], saved["features.0.bias"], stride=2
            )
        ],
    )
