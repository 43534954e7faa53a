"""Weights that another experiment learns: whose they are, and whether they can be had."""

from collections.abc import Iterator, Mapping

from sjft.settings.arm import Arm
from sjft.settings.experiment import ExperimentSettings
from sjft.settings.explanation import choices
from sjft.settings.quoting import shortened
from sjft.settings.weights import ExperimentWeights
from sjft.settings.wrong_arms import wrong_arms

Experiments = Mapping[str, ExperimentSettings]


def learned_by(arm: Arm) -> str | None:
    """The experiment whose published model an arm starts from; None where it is no such model."""
    weights = arm.training.weights
    return weights.experiment if isinstance(weights, ExperimentWeights) else None


def starts_of(experiment: ExperimentSettings) -> dict[str, str]:
    """The arms that can be run and start from another experiment's model, each with its name."""
    names = filter(experiment.is_complete, experiment.arm_names)
    found = {name: learned_by(experiment.arm(name)) for name in names}
    return {name: other for name, other in found.items() if other is not None}


def wrong_starts(name: str, experiments: Experiments) -> Iterator[str]:
    """What is wrong with the experiments that the arms of one start from, each fault once."""
    experiment, told = experiments[name], set()
    for arm, other in starts_of(experiment).items():
        own = experiment.arm(arm).training.weights != experiment.training.weights
        key = f"experiments.{name}." + (f"arms.{arm}." if own else "")
        for below, wrong in _wrong_start(name, experiment.arm(arm), other, experiments):
            if (line := f"{key}training.{below}: {wrong}") not in told:
                told.add(line)
                yield line


def _wrong_start(
    name: str, arm: Arm, other: str, experiments: Experiments
) -> Iterator[tuple[str, str]]:
    learned = experiments.get(other)
    if learned is None:
        yield (
            "weights.experiment",
            f"there is no `{shortened(other)}`; "
            + choices(other, [known for known in experiments if known != name]),
        )
    elif circle := _circle(name, other, experiments):
        yield (
            "weights.experiment",
            f"{' starts from '.join(f'`{each}`' for each in circle)}: one of them must start from "
            "other weights",
        )
    elif not any(wrong_arms(learned)):
        for published in filter(learned.is_complete, learned.publish.candidates):
            network = learned.arm(published).training.network
            if network != arm.training.network:
                yield (
                    "network",
                    f"the weights come from `{other}`, which publishes a {network}; give "
                    f"{network} here, or {arm.training.network} there",
                )


def _circle(name: str, other: str, experiments: Experiments) -> list[str]:
    """The way from an experiment over ``other`` back to it; empty where none leads there."""
    ways = [[name, other]]
    seen = {other}
    while ways:
        way = ways.pop()
        if way[-1] == name:
            return way
        if way[-1] in experiments and not any(wrong_arms(experiments[way[-1]])):
            for further in starts_of(experiments[way[-1]]).values():
                if further not in seen:
                    seen.add(further)
                    ways.append([*way, further])
    return []
