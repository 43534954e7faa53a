"""What was asked for, as far as the names of the wanted files say it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from sjft.settings.arm import ARMS, ArmName
from sjft.settings.config import Configuration
from sjft.settings.experiment import ExperimentSettings


@dataclass(frozen=True)
class Asked:
    """An experiment, those of its arms that are to be run, and whether they are evaluated."""

    name: str
    arms: tuple[ArmName, ...]
    evaluated: bool

    def having(self, arms: Iterable[ArmName], evaluated: bool) -> "Asked":
        """The same with further arms, in the order of the paper's table."""
        both = {*self.arms, *arms}
        if any(ARMS[arm].sources == "random" for arm in both):
            both.add("selective")  # which says how many are drawn
        ordered = tuple(arm for arm in ARMS if arm in both)
        return Asked(self.name, ordered, self.evaluated or evaluated)


def asked_for(
    configuration: Configuration, experiments: Iterable[str], targets: Sequence[str]
) -> list[Asked]:
    """The parts of these experiments that the ``targets``, paths of files, need.

    Of an experiment that no target names, it is all that is published.
    """
    found: dict[str, Asked] = {}
    for name in experiments:
        _add_targets(found, configuration, name, targets)
        if name not in found:
            _add(found, name, published_arms(configuration.experiments[name]), True)
    return list(found.values())


def published_arms(experiment: ExperimentSettings) -> set[ArmName]:
    """The arm that is published, and those that it is compared with."""
    return {experiment.publish.arm, *experiment.publish.compare}


def _add_targets(
    found: dict[str, Asked], configuration: Configuration, name: str, targets: Sequence[str]
) -> None:
    experiment = configuration.experiments[name]
    for target in targets:
        parts = PurePath(target).parts
        inside = parts[parts.index("results") + 1 :] if "results" in parts else ()
        if inside[:1] != (name,) or len(inside) < 2:
            continue
        if inside[1] == "runs" and len(inside) > 3:
            arm = next((a for a in ARMS if inside[2].rpartition("-")[0] == a), None)
            if arm:
                _add(found, name, [arm], not inside[3].startswith("round-"))
        elif inside[1].startswith("ablation"):
            _add(found, name, experiment.ablation_arms, True)
            for member in experiment.fused:
                other, _, member_arm = member.rpartition("/")
                _add(found, other or name, [a for a in ARMS if a == member_arm], True)
        else:
            _add(found, name, published_arms(experiment), True)


def _add(found: dict[str, Asked], name: str, arms: Iterable[ArmName], evaluated: bool) -> None:
    found[name] = found.get(name, Asked(name, (), False)).having(arms, evaluated)
