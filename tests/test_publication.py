"""Publication: a model that plain torchvision loads, and its card."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision

from sjft.network import JointNetwork, joint_network
from sjft.publication import publish_model, write_model_card
from sjft.settings.experiment import ExperimentSettings
from sjft.settings.weights import RandomWeights

EXPERIMENT = ExperimentSettings.model_validate(
    {
        "target": "birds",
        "source": "web",
        "retrieval": "paper",
        "training": {"network": "squeezenet1_1", "weights": {"source": "random"}},
        "evaluation": {"scales": (300, 256)},
    }
)
PROVENANCE: dict[str, Any] = {
    "experiment": EXPERIMENT.model_dump(mode="json"),
    "classes": ["crow", "owl"],
}


def network_of(name: str, sources: int) -> JointNetwork:
    weights = RandomWeights(source="random", seed=0)
    classes = [f"s{i}" for i in range(sources)]
    return joint_network(name, weights, None, ["crow", "owl"], classes, 0)


def publish(folder: Path, name: str, sources: int = 3) -> tuple[JointNetwork, dict[str, Any]]:
    network = network_of(name, sources)
    publish_model(folder / "model.pt", network, EXPERIMENT, PROVENANCE)
    content: dict[str, Any] = torch.load(folder / "model.pt", weights_only=True)
    return network, content


def card(folder: Path) -> str:
    summary = {"table": "| arm | mean class accuracy |\n| selective | 62.5 % |"}
    write_model_card(folder / "card.md", "demo", summary, PROVENANCE)
    return (folder / "card.md").read_text()


@pytest.mark.parametrize(
    ("name", "sources"), [("squeezenet1_1", 3), ("squeezenet1_1", 0), ("mnasnet0_5", 3)]
)
def test_the_code_on_the_card_loads_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, sources: int
) -> None:
    joint, _ = publish(tmp_path, name, sources)
    code = re.search(r"```python\n(.*?)```", card(tmp_path), re.DOTALL)
    assert code is not None
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(code[1], names)
    images = torch.randn(3, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        found = names["network"].eval()(images)
        wanted = joint.module.eval()(images)[:, :2]
    assert torch.equal(found, wanted)


def test_a_network_with_auxiliary_classifiers_is_published_without(tmp_path: Path) -> None:
    joint, content = publish(tmp_path, "googlenet")
    plain = torchvision.models.get_model("googlenet", num_classes=2, **content["network_options"])
    plain.load_state_dict(content["state_dict"])
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert torch.equal(plain.eval()(images), joint.module.eval()(images)[:, :2])


def test_the_file_says_how_pictures_are_prepared_and_what_the_scores_mean(tmp_path: Path) -> None:
    _, content = publish(tmp_path, "squeezenet1_1")
    assert content["classes"] == ["crow", "owl"]
    assert content["network"] == "squeezenet1_1"
    assert content["preprocessing"] == {
        "resize": 300,
        "crop": 224,
        "mean": [0.485, 0.456, 0.406],
        "std": [0.229, 0.224, 0.225],
    }
    assert content["provenance"] == PROVENANCE
    assert not any("source" in key for key in content["state_dict"])


def test_the_card_names_network_data_sets_and_accuracy(tmp_path: Path) -> None:
    text = card(tmp_path)
    for words in (
        "# Model card: demo",
        "`squeezenet1_1` of torchvision with 2 classes",
        "| target data set | birds |",
        "| source data set | web |",
        "| retrieval | paper |",
        "| arm, seed, rounds | selective, 0, 2 |",
        "| updates a round, target images an update | 3000, 100 |",
        "shorter side to 300 px, central crop of 224 px",
        "| selective | 62.5 % |",
    ):
        assert words in text
