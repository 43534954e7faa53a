"""What an experiment consists of: pairings, runs and their rounds, as functions of the settings."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sjft.errors import UserError
from sjft.layout import SEPARATOR, File, Pattern
from sjft.settings.arm import Arm
from sjft.settings.config import Configuration
from sjft.settings.learned_weights import starts_of
from sjft.settings.retrieval import LeakageSettings
from sjft.settings.selection import Sources
from sjft.settings.training import TrainingSettings


@dataclass(frozen=True)
class Pairing:
    """A target with its sources, and how neighbours are found: by which bank's descriptors."""

    target: str
    sources: tuple[str, ...]
    retrieval: str
    bank: str


@dataclass(frozen=True)
class Run:
    """An arm of an experiment, with a seed."""

    experiment: str
    arm: str
    seed: int

    def file(self, pattern: Pattern) -> File:
        """A file of the run as a whole."""
        return pattern.of(experiment=self.experiment, arm=self.arm, seed=self.seed)

    def file_of_round(self, pattern: Pattern, number: int) -> File:
        """A file of one of its rounds, which count from 0."""
        names = {"experiment": self.experiment, "arm": self.arm, "seed": self.seed}
        return pattern.of(**names, round=number)


##### what an arm is #####


def arm_of(c: Configuration, experiment: str, arm: str) -> Arm:
    """An arm with all that it is run with; raises `UserError` for one that cannot be run."""
    try:
        return c.experiments[experiment].arm(arm)
    except UserError as error:
        raise UserError(f"experiments.{experiment}: {error}") from None


def complete_arms(c: Configuration, experiment: str) -> list[Arm]:
    """All arms that can be run."""
    settings = c.experiments[experiment]
    return [settings.arm(name) for name in settings.arm_names if settings.is_complete(name)]


def pairing(c: Configuration, experiment: str, arm: str | None = None) -> Pairing:
    """What an arm selects from and how, or an experiment as a whole where none is given.

    Raises `UserError` for an arm whose retrieval is not configured.
    """
    settings = c.experiments[experiment]
    retrieval = settings.retrieval if arm is None else arm_of(c, experiment, arm).retrieval
    return Pairing(settings.target, settings.sources, retrieval, c.retrievals[retrieval].bank)


def leakage(c: Configuration, retrieval: str) -> LeakageSettings:
    """Whether held-out images are looked for, and left out."""
    return c.retrievals[retrieval].leakage


def kind_of_sources(c: Configuration, experiment: str, arm: str) -> Sources:
    """Where an arm's source images come from."""
    return arm_of(c, experiment, arm).sources


def target_of(c: Configuration, experiment: str) -> str:
    """The data set that an experiment is about."""
    return c.experiments[experiment].target


def sources_of(c: Configuration, experiment: str, arm: str) -> tuple[str, ...]:
    """The sources that an arm uses."""
    used = arm_of(c, experiment, arm).with_sources
    return c.experiments[experiment].sources if used else ()


def training(c: Configuration, experiment: str, arm: str) -> TrainingSettings:
    """How an arm is trained."""
    return arm_of(c, experiment, arm).training


def learned_before(c: Configuration, names: Iterable[str]) -> tuple[str, ...]:
    """The experiments whose models these start from, over however many others, but for these.

    What lies furthest ahead comes first.
    """
    begun = dict.fromkeys(names)
    ahead = dict(begun)
    for name in (waiting := list(begun)):
        for other in starts_of(c.experiments[name]).values():
            if other not in ahead:
                ahead[other] = None
                waiting.append(other)
    return tuple(name for name in reversed(ahead) if name not in begun)


def started_from(c: Configuration, experiment: str) -> list[str]:
    """The experiments whose models the published and the compared arms start from.

    Likewise those that these start from, over however many: their images have been seen too.
    """
    found = [experiment]
    for name in found:
        settings = c.experiments[name]
        starts = starts_of(settings)
        others = dict.fromkeys(starts[arm] for arm in settings.publish.arms if arm in starts)
        found += [other for other in others if other not in found]
    return found[1:]


def joined(sources: Iterable[str]) -> str:
    """What a ranking of these sources is called: the value of the wildcard `sources`."""
    return SEPARATOR.join(sources)


def sources_named(name: str) -> tuple[str, ...]:
    """The sources, in their order, of which a ranking is called so: no name holds the separator."""
    return tuple(name.split(SEPARATOR))


def uses_neighbours(c: Configuration, experiment: str, arm: str) -> bool:
    """Whether an arm selects by neighbours, or draws as many images as an arm that does."""
    found = arm_of(c, experiment, arm)
    return found.selects or found.as_many_as is not None


##### rounds #####


def last_round(c: Configuration, experiment: str) -> int:
    """The number of the round that is evaluated."""
    return c.experiments[experiment].rounds - 1


def trained_in(c: Configuration, run: Run, number: int) -> Run:
    """The run that a round is trained in: an arm's first one may be the same as another arm's."""
    if number > 0:
        return run
    owner = c.experiments[run.experiment].first_round_owner(run.arm)
    return Run(run.experiment, owner, run.seed)


def trained_file(c: Configuration, run: Run, pattern: Pattern, number: int) -> File:
    """A file of a round, where it is trained."""
    return trained_in(c, run, number).file_of_round(pattern, number)


##### which runs there are #####


def compared_runs(c: Configuration, experiment: str) -> list[Run]:
    """The runs that may be published and those that are compared, in a stable order."""
    settings = c.experiments[experiment]
    compared = [
        Run(experiment, a, seed) for a in settings.publish.compare for seed in settings.seeds
    ]
    return list(dict.fromkeys([*compared, *candidate_runs(c, experiment)]))


def candidate_runs(c: Configuration, experiment: str) -> list[Run]:
    """The run whose model is handed over; of an arm that is chosen, all that it may be."""
    publish = c.experiments[experiment].publish
    return [Run(experiment, arm, publish.seed) for arm in dict.fromkeys(publish.candidates)]


def validated_runs(c: Configuration, experiment: str) -> list[Run]:
    """The runs by which the published arm is chosen; none where it is named."""
    settings = c.experiments[experiment]
    if not settings.publish.is_chosen:
        return []
    arms = dict.fromkeys(settings.publish.candidates)
    return [Run(experiment, arm, seed) for arm in arms for seed in settings.seeds]


def ablation_runs(c: Configuration, experiment: str) -> list[Run]:
    """All rows of the ablation but the fused one, arm by arm."""
    settings = c.experiments[experiment]
    return [
        Run(experiment, a, seed) for a in settings.ablation_arms for seed in settings.ablation.seeds
    ]


def fused_runs(c: Configuration, experiment: str) -> Iterator[Run]:
    """What the row `fusion` averages: all members of the first seed, then of the next."""
    settings = c.experiments[experiment]
    for seed in settings.ablation.seeds:
        for member in settings.fused:
            other, _, arm = member.rpartition("/")
            yield Run(other or experiment, arm, seed)
