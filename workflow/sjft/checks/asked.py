"""What was asked for, as far as the names of the wanted files say it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sjft.layout import Job, job_of
from sjft.pipeline.runs import fused_runs
from sjft.settings.arm import Arm
from sjft.settings.config import Configuration
from sjft.settings.experiment import ExperimentSettings

# What these make for the first round is there before anything is trained.
BEFORE_TRAINING = ("select_subset", "list_pairs")


@dataclass(frozen=True)
class Asked:
    """An experiment, those of its arms that are to be run, and what is asked of them.

    They are ``evaluated`` on the split that is reported, and ``validated``, on the one that the
    published arm is chosen by. Where they are not ``trained``, their first subsets are wanted.
    """

    name: str
    arms: tuple[str, ...]
    evaluated: bool
    validated: bool = False
    trained: bool = True

    def complete(self, experiment: ExperimentSettings) -> list[Arm]:
        """Its arms with all that they are run with, but for those without a retrieval."""
        return [experiment.arm(name) for name in self.arms if experiment.is_complete(name)]

    def joined(self, experiment: ExperimentSettings, other: "Asked") -> "Asked":
        """What both ask of the experiment, its arms in the order of its table."""
        both = {*self.arms, *other.arms}
        for name in filter(experiment.is_complete, list(both)):
            if (counted := experiment.arm(name).as_many_as) is not None:
                both.add(counted)  # which says how many are drawn
        return Asked(
            self.name,
            tuple(arm for arm in experiment.arm_names if arm in both),
            self.evaluated or other.evaluated,
            self.validated or other.validated,
            self.trained or other.trained,
        )


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
    _add(found, configuration, Asked(name, tuple(publish.arms), True, publish.is_chosen))


def _add_targets(
    found: dict[str, Asked], configuration: Configuration, name: str, targets: Sequence[str]
) -> None:
    experiment = configuration.experiments[name]
    for job in map(job_of, targets):
        if job is None or job.names.get("experiment") != name:
            continue
        if "arm" in job.names:
            _add(found, configuration, _of_run(job))
        elif job.rule == "ablate":
            _add(found, configuration, Asked(name, tuple(experiment.ablation_arms), True))
            for member in fused_runs(configuration, name):
                _add(found, configuration, Asked(member.experiment, (member.arm,), True))
        else:
            _add_published(found, configuration, name)


def _of_run(job: Job) -> Asked:
    """What one file of a run asks of its experiment."""
    return Asked(
        job.names["experiment"],
        (job.names["arm"],),
        evaluated=job.rule == "evaluate",
        validated=job.rule == "validate",
        trained=job.rule not in BEFORE_TRAINING or int(job.names["round"]) > 0,
    )


def _add(found: dict[str, Asked], configuration: Configuration, asked: Asked) -> None:
    """Ask for arms; what is none of the experiment's is asked of nobody, as no rule makes it."""
    experiment = configuration.experiments[asked.name]
    known = tuple(arm for arm in asked.arms if arm in experiment.arm_names)
    if known:
        so_far = found.get(asked.name, Asked(asked.name, (), False, trained=False))
        found[asked.name] = so_far.joined(experiment, replace(asked, arms=known))
