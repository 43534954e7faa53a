"""What was asked for, as far as the names of the wanted files say it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sjft.layout import job_of
from sjft.pipeline.runs import fused_runs
from sjft.settings.arm import Arm
from sjft.settings.config import Configuration
from sjft.settings.experiment import ExperimentSettings

# By a run's rule: whether it is evaluated, and whether it is validated.
RUNS_ASKED = {"evaluate": (True, False), "validate": (False, True)}


@dataclass(frozen=True)
class Asked:
    """An experiment, those of its arms that are to be run, and what is asked of them.

    They are ``evaluated`` on the split that is reported, and ``validated``, on the one that the
    published arm is chosen by.
    """

    name: str
    arms: tuple[str, ...]
    evaluated: bool
    validated: bool = False

    def complete(self, experiment: ExperimentSettings) -> list[Arm]:
        """Its arms with all that they are run with, but for those without a retrieval."""
        return [experiment.arm(name) for name in self.arms if experiment.is_complete(name)]

    def having(
        self, experiment: ExperimentSettings, arms: Iterable[str], evaluated: bool, validated: bool
    ) -> "Asked":
        """The same with further arms of the experiment, in the order of its table."""
        both = {*self.arms, *arms}
        for name in filter(experiment.is_complete, list(both)):
            if (other := experiment.arm(name).as_many_as) is not None:
                both.add(other)  # which says how many are drawn
        ordered = tuple(arm for arm in experiment.arm_names if arm in both)
        return Asked(self.name, ordered, self.evaluated or evaluated, self.validated or validated)


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
            _add_published(found, configuration, name)
    return list(found.values())


def _add_published(found: dict[str, Asked], configuration: Configuration, name: str) -> None:
    """The arms that may be published, and those that they are compared with."""
    publish = configuration.experiments[name].publish
    _add(found, configuration, name, publish.arms, True, publish.is_chosen)


def _add_targets(
    found: dict[str, Asked], configuration: Configuration, name: str, targets: Sequence[str]
) -> None:
    experiment = configuration.experiments[name]
    for job in map(job_of, targets):
        if job is None or job.names.get("experiment") != name:
            continue
        if "arm" in job.names:
            _add(found, configuration, name, [job.names["arm"]], *RUNS_ASKED.get(job.rule, ()))
        elif job.rule == "ablate":
            _add(found, configuration, name, experiment.ablation_arms, True)
            for member in fused_runs(configuration, name):
                _add(found, configuration, member.experiment, [member.arm], True)
        else:
            _add_published(found, configuration, name)


def _add(
    found: dict[str, Asked],
    configuration: Configuration,
    name: str,
    arms: Iterable[str],
    evaluated: bool = False,
    validated: bool = False,
) -> None:
    """Ask for arms; what is none of the experiment's is asked of nobody, as no rule makes it."""
    experiment = configuration.experiments[name]
    known = [arm for arm in arms if arm in experiment.arm_names]
    if known:
        asked = found.get(name, Asked(name, (), False))
        found[name] = asked.having(experiment, known, evaluated, validated)
