"""What the names of wanted files ask of an experiment."""

import pytest
import torch
from checked import RAW, TRAINING, configured

from sjft.checks.asked import asked_for
from sjft.checks.first_look import first_look


@pytest.mark.parametrize(
    ("targets", "arms", "evaluated"),
    [
        ([], {"selective"}, True),
        (["results/main/model.pt"], {"selective"}, True),
        (["results/main/ablation.csv"], {"fine-tune", "gabor"}, True),
        (["results/main/runs/scratch-3/round-0/model.pt"], {"scratch"}, False),
        (["results/main/runs/no-iteration-0/evaluation.json"], {"no-iteration"}, True),
        (["results/main/runs/random-source-0/round-1/model.pt"], {"random-source", "selective"}, 0),
        (["results/other/model.pt"], {"selective"}, True),
        (["outer/results/main/runs/gabor-0/round-0/model.pt"], {"gabor"}, False),
    ],
)
def test_what_was_asked_for(targets: list[str], arms: set[str], evaluated: bool) -> None:
    (asked,) = asked_for(configured(), ["main"], targets)
    assert (set(asked.arms), asked.evaluated) == (arms, bool(evaluated))


@pytest.mark.parametrize(
    ("files", "trained"),
    [
        (["round-0/subset.csv"], False),
        (["round-0/targets.csv", "round-0/pairs.csv"], False),
        (["round-1/subset.csv"], True),
        (["round-0/model.pt"], True),
        (["round-0/subset.csv", "evaluation.json"], True),
    ],
)
def test_the_first_subsets_are_there_before_anything_is_trained(
    files: list[str], trained: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = configured({f"{TRAINING}.device": "cuda", f"{TRAINING}.processes": 2})
    targets = [f"results/main/runs/gabor-0/{file}" for file in files]
    (asked,) = asked_for(config, ["main"], targets)
    assert asked.trained is trained
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    stops = first_look(config, [asked], lambda _: None, runs_here=True).stops
    assert ("training.device: `cuda` is asked for" in (stops or "")) is trained
    assert stops is None or trained


def test_members_of_a_fusion_are_asked_for_too() -> None:
    other = {**RAW["experiments"]["main"], "ablation": {}}
    config = configured(
        {"experiments.other": other, "experiments.main.ablation.fusion": ["gabor", "other/scratch"]}
    )
    names = {a.name: a.arms for a in asked_for(config, ["main"], ["results/main/ablation.csv"])}
    assert names == {"main": ("fine-tune", "gabor"), "other": ("scratch",)}
