"""One network with two heads: every family of torchvision, the joint loss, and files."""

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from small import random_images, scores, small_network
from torch import nn
from torchvision import models

from sjft.errors import UserError
from sjft.networks.architecture import classifier_name
from sjft.networks.joint import (
    JointNetwork,
    TwoHeads,
    continue_from,
    joint_network,
    load_joint_network,
    plain_state,
    save_network,
)
from sjft.settings.weights import FileWeights, RandomWeights
from sjft.storage.torch_file import write_torch

RANDOM = RandomWeights(source="random", seed=3)
ALL_NETWORKS = models.list_models(module=models)
# Side of an image that each of these can be given.
FAMILIES = {
    "alexnet": 64,
    "convnext_tiny": 32,
    "densenet121": 32,
    "efficientnet_b0": 32,
    "googlenet": 32,
    "mnasnet0_5": 32,
    "mobilenet_v2": 32,
    "mobilenet_v3_small": 32,
    "regnet_y_400mf": 32,
    "resnet18": 32,
    "shufflenet_v2_x0_5": 32,
    "squeezenet1_1": 32,
}
# What torchvision calls the layer that gives the scores, as its users know it.
CLASSIFIERS = {
    "alexnet": "classifier.6",
    "convnext": "classifier.2",
    "densenet": "classifier",
    "efficientnet": "classifier.1",
    "googlenet": "fc",
    "inception": "fc",
    "maxvit": "classifier.5",
    "mnasnet": "classifier.1",
    "mobilenet_v2": "classifier.1",
    "mobilenet_v3": "classifier.3",
    "regnet": "fc",
    "resnet": "fc",
    "resnext": "fc",
    "shufflenet": "fc",
    "squeezenet": "classifier.1",
    "swin": "head",
    "vgg": "classifier.6",
    "vit": "heads.head",
    "wide": "fc",
}


def build(name: str, targets: int = 2, sources: int = 3, seed: int = 0) -> JointNetwork:
    return joint_network(
        name,
        RANDOM,
        None,
        [f"t{i}" for i in range(targets)],
        [f"s{i}" for i in range(sources)],
        seed,
    )


def equal_states(one: nn.Module, other: nn.Module) -> bool:
    first, second = one.state_dict(), other.state_dict()
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


class MetaTensors(torch.overrides.TorchFunctionMode):
    """Make parameters without memory, but let a network compute its widths.

    RegNet works its widths out with tensors, which `torch.device("meta")` would take away.
    """

    def __torch_function__(self, function, types, arguments=(), options=None):
        options = dict(options or {})
        if function is torch.empty:
            options["device"] = "meta"
        return function(*arguments, **options)


@pytest.fixture
def without_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks are built without their numbers, and so in no time."""
    real = models.get_model

    def build_on_meta(name: str, **options: object) -> nn.Module:
        with MetaTensors():
            network: nn.Module = real(name, **options)
        return network

    monkeypatch.setattr("sjft.networks.architecture.models.get_model", build_on_meta)


@pytest.mark.slow
@pytest.mark.parametrize("name", ALL_NETWORKS)
def test_every_network_of_torchvision_gets_two_heads(name: str, without_memory: None) -> None:
    family = max((f for f in CLASSIFIERS if name.startswith(f)), key=len)
    with MetaTensors():
        network = build(name)
    heads = network.module.get_submodule(CLASSIFIERS[family])
    assert heads is network.heads
    assert classifier_name(network.module) == f"{CLASSIFIERS[family]}.source"
    assert [len(head.weight) for head in (heads.target, heads.source)] == [2, 3]


@pytest.mark.parametrize(("name", "side"), FAMILIES.items())
def test_both_heads_stand_side_by_side_and_the_targets_fits_torchvision(
    name: str, side: int
) -> None:
    network = build(name)
    found = scores(network, random_images(2, side))
    assert found.shape == (2, 5)
    assert torch.isfinite(found).all()
    options = (
        {"aux_logits": False, "init_weights": False, "transform_input": True}
        if name == "googlenet"
        else {}
    )
    plain = models.get_model(name, num_classes=2, **options)
    plain.load_state_dict(plain_state(network), strict=True)
    with torch.inference_mode():
        alone = plain.eval()(random_images(2, side))
    assert torch.equal(alone, found[:, :2])


@pytest.mark.parametrize("name", ["squeezenet1_1", "mnasnet0_5", "shufflenet_v2_x0_5", "googlenet"])
def test_a_file_gives_back_the_network(tmp_path: Path, name: str) -> None:
    network = build(name)
    save_network(tmp_path / "m.pt", network, {})
    loaded = load_joint_network(tmp_path / "m.pt")
    assert equal_states(loaded.module, network.module)
    assert plain_state(loaded).keys() == plain_state(network).keys()


def test_without_a_source_there_is_one_head() -> None:
    network = build("squeezenet1_1", sources=0)
    assert network.heads.source is None
    assert scores(network, random_images()).shape == (4, 2)
    plain = models.get_model("squeezenet1_1", num_classes=2)
    plain.load_state_dict(plain_state(network), strict=True)


def test_seeds_decide_the_heads_and_random_trunks() -> None:
    one, again, other = (build("squeezenet1_1", seed=seed) for seed in (1, 1, 2))
    assert equal_states(one.module, again.module)
    assert not torch.equal(one.heads.target.weight, other.heads.target.weight)
    first = "features.0.weight"
    assert not torch.equal(one.module.state_dict()[first], other.module.state_dict()[first])
    assert not torch.equal(one.heads.target.weight, one.heads.source.weight[:2])


def test_building_a_network_leaves_the_random_state_of_torch_alone() -> None:
    before = torch.get_rng_state()
    build("squeezenet1_1")
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("name", ["regnet_y_400mf", "mnasnet0_5"])
@pytest.mark.parametrize("parallel", [False, True])
def test_the_trunk_keeps_the_weights_of_a_file(tmp_path: Path, name: str, parallel: bool) -> None:
    plain = models.get_model(name, num_classes=7)
    saved = nn.DataParallel(plain) if parallel else plain
    torch.save(saved.state_dict(), tmp_path / "w.pt")
    weights = FileWeights(source="file", path="w.pt")
    network = joint_network(name, weights, tmp_path / "w.pt", ["a", "b"], ["c"], 0)
    found, classifier = network.module.state_dict(), classifier_name(plain)
    trunk = [key for key in plain.state_dict() if not key.startswith(classifier)]
    assert len(trunk) > 20
    assert all(torch.equal(found[key], plain.state_dict()[key]) for key in trunk)


def named(network: JointNetwork, classes: list[str]) -> JointNetwork:
    return JointNetwork(network.name, network.module, network.target_classes, classes)


def test_a_round_continues_from_the_last_ones_weights() -> None:
    previous = named(small_network(2, 3, batch_norm=True, seed=1), ["a", "b", "d"])
    network = named(small_network(2, 4, batch_norm=True, seed=2), ["b", "c", "d", "e"])
    fresh = network.heads.source.weight.detach().clone(), network.heads.source.bias.detach().clone()
    previous.module.norm.running_mean += 1
    continue_from(network, previous)
    own, old = network.module.state_dict(), previous.module.state_dict()
    for key in own:
        if not key.startswith("fc.source."):
            assert torch.equal(own[key], old[key])
    for before, part in zip(fresh, ("weight", "bias"), strict=True):
        found, last = own[f"fc.source.{part}"], old[f"fc.source.{part}"]
        assert torch.equal(found[[0, 2]], last[[1, 2]])
        assert torch.equal(found[[1, 3]], before[[1, 3]])


@pytest.mark.parametrize(("sources", "before"), [(0, 0), (0, 3), (3, 0)])
def test_a_round_continues_with_or_without_a_source(sources: int, before: int) -> None:
    previous, network = small_network(2, before, seed=1), small_network(2, sources, seed=2)
    continue_from(network, previous)
    assert torch.equal(network.heads.target.weight, previous.heads.target.weight)
    assert torch.equal(network.module.conv.weight, previous.module.conv.weight)
    if sources:
        fresh = small_network(2, 3, seed=2).heads.source
        assert torch.equal(network.heads.source.weight, fresh.weight)


def test_no_known_source_class_leaves_the_source_head_as_it_was() -> None:
    previous = named(small_network(2, 3, seed=1), ["a", "b", "c"])
    network = named(small_network(2, 3, seed=2), ["d", "e", "f"])
    continue_from(network, previous)
    assert torch.equal(network.heads.source.weight, small_network(2, 3, seed=2).heads.source.weight)


def test_other_target_classes_are_refused() -> None:
    with pytest.raises(UserError, match="other target classes"):
        continue_from(small_network(2), small_network(3))


def test_a_file_holds_classes_and_facts_and_the_same_bytes(tmp_path: Path) -> None:
    network = build("squeezenet1_1")
    network.module.to(memory_format=torch.channels_last)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        save_network(tmp_path / name / "m.pt", network, {"inputs": {"x": "y"}})
    assert (tmp_path / "a" / "m.pt").read_bytes() == (tmp_path / "b" / "m.pt").read_bytes()
    content = torch.load(tmp_path / "a" / "m.pt", weights_only=True)
    assert content["inputs"] == {"x": "y"}
    assert all(tensor.is_contiguous() for tensor in content["state_dict"].values())
    loaded = load_joint_network(tmp_path / "a" / "m.pt")
    assert loaded.target_classes == ["t0", "t1"]
    assert loaded.source_classes == ["s0", "s1", "s2"]
    assert isinstance(loaded.heads, TwoHeads)


def refusal(path: Path) -> str:
    with pytest.raises(UserError) as error:
        load_joint_network(path)
    return str(error.value)


def test_truncated_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.pt"
    save_network(path, build("squeezenet1_1"), {})
    whole = path.read_bytes()
    for length in (0, 1, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        assert "m.pt: cannot be read as a model" in refusal(path)


@given(content=st.binary(max_size=60), pickled=st.booleans())
def test_arbitrary_bytes_are_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, pickled: bool
) -> None:
    path = tmp_path_factory.mktemp("model") / "m.pt"
    path.write_bytes(b"\x80\x02" * pickled + content)
    assert "m.pt: " in refusal(path)


def test_missing_and_other_files_are_refused(tmp_path: Path) -> None:
    assert "cannot be read" in refusal(tmp_path / "m.pt")
    write_torch(tmp_path / "m.pt", {"format": "other"})
    assert "no model of a training round" in refusal(tmp_path / "m.pt")
    write_torch(tmp_path / "m.pt", [1, 2])
    assert "no model of a training round" in refusal(tmp_path / "m.pt")
    write_torch(tmp_path / "m.pt", {"format": "sjft-model", "format_version": 99})
    assert "version 99" in refusal(tmp_path / "m.pt")
