"""Publication: a model that plain torchvision loads, with all that was said of it."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from published import CLASSES, configuration, facts_of, publish
from small import images_table

from sjft.cli.main import main
from sjft.model.provenance import PACKAGES, digest_of_images
from sjft.model.publication import publish_model
from sjft.storage.torch_file import write_torch

# One of each way in which torchvision names, shapes and builds classifiers.
FAMILIES = ("resnet18", "squeezenet1_1", "mobilenet_v2", "mnasnet0_5", "googlenet", "inception_v3")


def read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = torch.load(path, weights_only=True)
    return content


@pytest.mark.slow
@pytest.mark.parametrize(("name", "sources"), [*((f, 3) for f in FAMILIES), ("resnet18", 0)])
def test_plain_torchvision_gives_the_scores_of_the_targets_head(
    tmp_path: Path, name: str, sources: int
) -> None:
    joint = publish(tmp_path / "model.pt", name, sources=sources)
    content = read(tmp_path / "model.pt")
    plain = torchvision.models.get_model(
        content["network"], num_classes=len(content["classes"]), **content["network_options"]
    )
    plain.load_state_dict(content["state_dict"])
    assert not any("source" in key for key in content["state_dict"])
    images = torch.randn(2, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        found, wanted = plain.eval()(images), joint.module.eval()(images)[:, :2]
    assert found.shape == (2, 2)
    assert torch.equal(found, wanted)


def test_the_file_says_how_images_are_prepared_and_what_the_scores_mean(tmp_path: Path) -> None:
    views = {"scales": [80, 72], "crops": "five", "mirror": True}
    publish(tmp_path / "model.pt", "squeezenet1_1", evaluation=views)
    content = read(tmp_path / "model.pt")
    assert content["classes"] == CLASSES
    assert content["network"] == "squeezenet1_1"
    assert content["preprocessing"] == {
        "resize": 80,
        "crop": 64,
        "interpolation": "bilinear",
        "antialias": True,
        "mean": [0.485, 0.456, 0.406],
        "std": [0.229, 0.224, 0.225],
        **views,
    }


def test_the_file_says_what_it_was_made_from(tmp_path: Path) -> None:
    publish(tmp_path / "model.pt", "squeezenet1_1")
    facts = read(tmp_path / "model.pt")["provenance"]
    assert set(facts["versions"]) == {"sjft", "python", *PACKAGES}
    assert facts["versions"]["torch"] == torch.__version__.partition("+")[0]
    assert facts["metrics"] == {
        "images": 3,
        "mean_class_accuracy": 0.75,
        "accuracy": pytest.approx(2 / 3),
        "expected_calibration_error": 0.25,
        "split": "test",
    }
    assert facts["data"] == {
        "birds": {"classes": 2, "images": {"train": 4}, "used_classes": 1, "used_images": 3},
        "web": {"classes": 3, "images": {"train": 4}, "used_classes": 0, "used_images": 0},
    }
    assert set(facts["inputs"]) == {"images of birds", "images of web", "first weights", "model"}
    assert facts["settings"]["retrievals"]["paper"]["bank"] == "small"


def test_the_same_facts_make_the_same_bytes(tmp_path: Path) -> None:
    settings = configuration("squeezenet1_1")
    joint = publish(tmp_path / "model.pt", "squeezenet1_1")
    # Equal, but every text is an object of its own here, and shared between places there.
    other = copy.deepcopy(facts_of(settings))
    other["settings"] = (
        type(settings)
        .model_validate(other["settings"])
        .model_dump(mode="json", include=set(other["settings"]))
    )
    experiment = settings.experiments["demo"]
    publish_model(tmp_path / "other.pt", joint, experiment.training, experiment.evaluation, other)
    assert (tmp_path / "other.pt").read_bytes() == (tmp_path / "model.pt").read_bytes()


def test_the_digest_of_images_sees_paths_and_sizes_but_no_times() -> None:
    table = images_table([0, 1])
    digest = digest_of_images(table)
    assert digest_of_images(table.with_columns(modified=table["modified"] + 1)) == digest
    assert digest_of_images(table.with_columns(bytes=table["bytes"] + 1)) != digest
    assert digest_of_images(table.with_columns(label=1 - table["label"])) != digest


def test_inspect_describes_a_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    publish(tmp_path / "model.pt", "squeezenet1_1")
    assert main(["inspect", str(tmp_path / "model.pt")]) == 0
    text = capsys.readouterr().out
    for words in (
        "format: sjft-published-model",
        "network: squeezenet1_1",
        "classes: [cat, dög]",
        "mean_class_accuracy: 0.75",
        "state_dict: 52 tensors, 723,522 numbers",
    ):
        assert words in text
    torch.save({"format": "other"}, tmp_path / "other.pt")
    assert main(["inspect", str(tmp_path / "other.pt")]) == 1
    assert "is no published model" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"network": "os.system"}, "no classification network 'os.system'"),
        ({"network": "timm/hf-hub:someone/something"}, "timm has no network 'hf-hub:"),
        ({"network": 5}, "'int' object"),
        ({"network_options": {"checkpoint_path": "other.pt"}}, "checkpoint_path is none of"),
        ({"network_options": {"pretrained": True}}, "pretrained is none of"),
        ({"classes": 5}, "a list of names"),
        ({"classes": ["cat", 7]}, "a list of names"),
        ({"classes": ["cat", "\ud800"]}, "surrogates not allowed"),
        ({"classes": ["cat", ""]}, "a name is empty"),
        ({"state_dict": {}}, "is None, not"),
        ({"state_dict": {"extra": torch.zeros(1).expand(10**6, 10**6)}}, "is None, not"),
        ({"state_dict": [1]}, "'list' object"),
        ({"preprocessing": {}}, "scales"),
        ({"preprocessing": {"scales": [10**6], "crops": "centre", "mirror": 1}}, "scales"),
    ],
)
def test_a_file_of_a_right_checksum_that_is_no_model_is_refused_in_one_line(
    changes: dict[str, Any], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if "timm" in words:
        pytest.importorskip("timm")
    publish(tmp_path / "model.pt", "squeezenet1_1")
    path = tmp_path / "odd.pt"
    write_torch(path, read(tmp_path / "model.pt") | changes)
    assert main(["predict", str(path), str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"sjft: {path}: ") and words in error and error.count("\n") == 1
