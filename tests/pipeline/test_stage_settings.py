"""What a stage goes by is all that its job reads: the same outcome as with every setting."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from rerun_table import BASE
from rounds import batches
from searches import BACKENDS, pairing_on_disk
from small import images_table, random_histograms, random_neighbours, small_network, source_table

from sjft.pipeline.stage_settings import of_search, of_selection, of_training, only_told
from sjft.retrieval.index import search_backend
from sjft.retrieval.shard_search import search_shard
from sjft.selection.arms import RoundInputs, select
from sjft.settings.arm import PRESETS
from sjft.settings.config import Configuration, read_configuration
from sjft.settings.known_part import known_part
from sjft.settings.retrieval import RetrievalSettings
from sjft.settings.selection import SelectionSettings
from sjft.settings.training import TrainingSettings
from sjft.training.round import train

TARGETS = images_table([0, 1] * 4, folder="target")
SOURCES = source_table([2, 2, 5, 5, 5, 7, 7, 9] * 5, folder="source")


def configured(section: str, name: str, **changes: Any) -> Configuration:
    raw = copy.deepcopy(BASE)
    for key, value in changes.items():
        entry = raw[section][name]
        entry[key] = {**entry.get(key, {}), **value} if isinstance(value, dict) else value
    return read_configuration(raw)


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("name", PRESETS)
def test_an_arm_selects_by_what_it_goes_by(name: str, number: int) -> None:
    selection = {
        "initial_neighbours": 3,
        "growth_misclassified": 1.5,
        "growth_uncertain": 0.5,
        "entropy_threshold": 0.3,
        "highest_sampling_level": 3,
        "draw_hard_images_more": True,
        "least_images_per_class": 2,
    }
    configuration = configured("experiments", "all", selection=selection)
    arm = configuration.experiments["all"].arm(name)
    last = number > 0 and arm.iterates
    inputs = RoundInputs(
        targets=TARGETS,
        sources=SOURCES,
        neighbours=random_neighbours(1, 8, 40, 12) if arm.selects else None,
        last_targets=pl.DataFrame({"sampling_level": [1.0, 2.0] * 4}) if last else None,
        last_difficulty=pl.DataFrame(
            {"correct": [True, True, False, True] * 2, "entropy": [0.1, 0.3, 0.9, 0.2] * 2}
        )
        if last
        else None,
        as_many_as=pl.DataFrame({"image": range(7)}) if arm.as_many_as else None,
    )
    part = known_part(SelectionSettings, of_selection(configuration, "all", name, str(number)))
    whole = configuration.experiments["all"].selection
    found, wanted = (select(arm.sources, inputs, settings, 0) for settings in (part, whole))
    assert found.subset.equals(wanted.subset)
    assert found.targets.equals(wanted.targets)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_shard_is_searched_by_what_it_goes_by(tmp_path: Path, backend: str) -> None:
    annoy = {"search_k": 40, "candidates_factor": 2.0}
    configuration = configured("retrievals", "plain", backend=backend, epsilon=1e-3, annoy=annoy)
    told = only_told(configuration)["retrievals"]["plain"]
    values = {**of_search(configuration, "plain"), "device": told["device"]}
    targets, sources = random_histograms(1, 9), random_histograms(2, 60)
    files = pairing_on_disk(tmp_path, targets, sources)[: BACKENDS[backend]]
    found, wanted = (
        search_shard(
            *(targets, sources, files),
            kept=10,
            candidates=int(10 * search_backend(backend).candidates_factor(settings)),
            settings=settings,
            memory=10**9,
        )
        for settings in (
            known_part(RetrievalSettings, values),
            configuration.retrievals["plain"],
        )
    )
    if backend == "exact":  # no candidates are asked for
        assert "annoy" not in values
    np.testing.assert_array_equal(found.sources, wanted.sources)
    np.testing.assert_array_equal(found.divergences, wanted.divergences)


@pytest.mark.parametrize("schedule", ["steps", "cosine"])
@pytest.mark.parametrize("arm", ["fine-tune", "all-source", "scratch"])
def test_an_arm_is_trained_by_what_it_goes_by(arm: str, schedule: str) -> None:
    training = {
        "schedule": schedule,
        "learning_rate_steps": 2,
        "updates": 3,
        "warm_up_updates": 1,
        "source_loss_weight": 0.3,
        "source_head_learning_rate_factor": 4.0,
        "head_learning_rate_factor": 2.0,
        "precision": "float32",
    }
    configuration = configured("experiments", "all", training=training)
    told = only_told(configuration)["experiments"]["all"]["training"]
    values = of_training(configuration, "all", arm) | told
    assert ("learning_rate_steps" in values) == (schedule == "steps")
    with_sources = configuration.experiments["all"].arm(arm).with_sources
    # Whatever is said of source images: an arm from scratch has its own learning rates.
    whole = configuration.experiments["all"].training
    if arm == "scratch":
        whole = whole.model_copy(update={"head_learning_rate_factor": 1.0})
    states = []
    for settings in (known_part(TrainingSettings, values), whole):
        network = small_network(sources=3 if with_sources else 0)
        given = batches(3, sources=with_sources)
        train(network, lambda start, given=given: given[start:], settings, torch.device("cpu"))
        states.append(network.module.state_dict())
    assert all(torch.equal(tensor, states[1][name]) for name, tensor in states[0].items())
