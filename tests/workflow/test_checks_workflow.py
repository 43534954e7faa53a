"""The look before the first job, as `snakemake -n` shows it."""

from pathlib import Path
from typing import Any

from chain import ANSWERS, Chain, copy_workflow
from image_files import save_images

from sjft.storage.files import read_json


def broken(config: dict[str, Any]) -> None:
    """A network that does not exist, layers and test images that are not there, K_0 too large."""
    config["banks"]["deep"] = {
        "type": "cnn",
        "weights": {"source": "random"},
        "layers": ["features.33"],
    }
    config["retrievals"]["deep"] = {"bank": "deep"}
    config["datasets"]["own"]["random_split"] = {"train": 0.5, "val": 0.5}
    config["experiments"]["own"] |= {
        "retrieval": "deep",
        "selection": {"initial_neighbours": 100},
        "training": {"network": "resnet5", "input_size": 32, "resize": [32, 32], "updates": 9},
    }


def test_a_dry_run_says_all_that_cannot_work_at_once_and_remembers_it(tmp_path: Path) -> None:
    chain: Chain = copy_workflow(tmp_path / "user")
    (chain.root / ANSWERS).unlink(missing_ok=True)
    images = [f"{name}/{number}.png" for name in "ab" for number in range(4)]
    save_images(chain.root / "data/my own images", images)
    chain.configure(broken)
    outcome = chain.snakemake("results/own/model.pt", "-n")
    assert outcome.code == 1
    assert "What was asked for cannot work as it is configured:" in outcome.output
    for line in (
        "experiments.own.training.network: torchvision has no classification network 'resnet5'",
        "banks.deep.layers: alexnet has no module 'features.33'. Its convolutions: features.0, fe",
        "experiments.own.evaluation.split: `own` has no image in the split `test` (train 4, val",
        "experiments.own.selection.initial_neighbours: 100 neighbours of each target image are wa",
    ):
        assert outcome.output.count(f"\n  - {line}") == 1, outcome.output
    warning = "To know before the run:\n  - experiments.own.training.learning_rate_steps: 2400 is"
    assert warning in outcome.output
    assert "Traceback" not in outcome.output
    assert not chain.results.exists()
    kept = read_json(chain.root / ANSWERS)
    # Of the network in each of two arms, and of layers; the others are no networks'.
    assert sum(map(len, kept.values())) == 3
