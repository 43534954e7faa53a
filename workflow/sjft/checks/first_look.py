"""All that can be known to fail, or not to do what is meant, before the first job."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sjft.checks.answers import ANSWERS, answers_to, findings_of, questions_of
from sjft.checks.asked import Asked, asked_for
from sjft.checks.finding import Finding
from sjft.checks.machine import missing_here
from sjft.checks.numbers import Counted, counted_by_settings, wrong_numbers
from sjft.checks.values import wrong_values
from sjft.data.listing import ListedOnce
from sjft.data.state import state_of
from sjft.errors import UserError
from sjft.fetch.missing import missing_data, missing_parts
from sjft.pipeline.runs import learned_before
from sjft.settings.config import NEXT_LINE, WHERE_KEYS_ARE_DESCRIBED, Configuration
from sjft.settings.dataset import Synthetic


@dataclass(frozen=True)
class Look:
    """What was found: ``stops`` says why nothing is run, ``warns`` what to know all the same."""

    stops: str | None
    warns: str | None


def first_look(
    configuration: Configuration,
    asked: Sequence[Asked],
    count: Callable[[str], Counted | None],
    *,
    runs_here: bool,
    needs_data: bool = True,
    kept: Path | None = None,
) -> Look:
    """Look at all that was asked for, at once.

    ``count`` gives the images of a data set whose folder is there, or None where they have not
    been counted; it may raise `UserError`. ``runs_here`` says whether jobs are run on this machine,
    ``needs_data`` whether missing data is a reason to stop. Answers about networks are kept in the
    folder ``kept``.
    """
    arms = {each.name: each.arms for each in asked}
    untrained = {each.name for each in asked if not each.trained}
    missing = missing_data(configuration, arms, arms, untrained) if needs_data else None
    counted, unlisted = _counted(configuration, asked, count)
    findings = [
        *(f for each in asked for f in wrong_values(configuration, each)),
        *_of_networks(configuration, asked, counted, kept),
        *(f for each in asked for f in wrong_numbers(configuration, each, counted)),
        *missing_here(configuration, asked, stops=runs_here),
    ]
    findings = list(dict.fromkeys(findings))
    stopping = [str(finding) for finding in findings if finding.stops] + unlisted
    parts = []
    if stopping:
        what = "What was asked for cannot work as it is configured:"
        parts.append(NEXT_LINE.join([what, *stopping]) + f"\n{WHERE_KEYS_ARE_DESCRIBED}")
    if missing:
        parts.append(missing)
    warning = [str(finding) for finding in findings if not finding.stops]
    warns = NEXT_LINE.join(["To know before the run:", *warning]) if warning else None
    return Look("\n".join(parts) or None, warns)


def _counted(
    configuration: Configuration, asked: Sequence[Asked], count: Callable[[str], Counted | None]
) -> tuple[dict[str, Counted], list[str]]:
    """The images of all data sets that are here, and why some cannot be listed."""
    counted: dict[str, Counted] = {}
    problems = []
    experiments = [configuration.experiments[each.name] for each in asked]
    for name in dict.fromkeys(n for e in experiments for n in (e.target, *e.sources)):
        settings = configuration.datasets[name]
        found = counted_by_settings(settings)
        if not (isinstance(settings, Synthetic) or settings.generated):
            root = Path(configuration.data_root) / settings.root
            if list(missing_parts(settings, root)):
                continue
            try:
                found = count(name)
            except UserError as error:
                problems.append(f"datasets.{name}: {error}")
        if found is not None:
            counted[name] = found
    return counted, problems


def _of_networks(
    configuration: Configuration,
    asked: Sequence[Asked],
    counted: Mapping[str, Counted],
    kept: Path | None,
) -> Iterator[Finding]:
    questions = [q for each in asked for q in questions_of(configuration, each, counted)]
    answers, why_not = answers_to(questions, kept)
    if why_not:
        message = f"networks could not be looked at before the run ({why_not})"
        yield Finding("experiments", message, stops=False)
    else:
        yield from findings_of(questions, answers)


def look_at_plan(
    configuration: Configuration, name: str, given: Sequence[str], lists: ListedOnce
) -> Look:
    """A `first_look` at all that an experiment publishes, for its plan: data may be missing.

    The images of the data sets in ``given`` are not counted: their numbers are assumed; the others'
    ``lists`` are those of the whole command.
    """

    def count(dataset: str) -> Counted | None:
        settings = configuration.datasets[dataset]
        assert not isinstance(settings, Synthetic)
        if dataset in given:
            return None
        table, _ = lists.of(settings, Path(configuration.data_root) / settings.root)
        return Counted.of_state(state_of(table, settings.shards))

    asked = asked_for(configuration, [*learned_before(configuration, [name]), name], [])
    return first_look(configuration, asked, count, runs_here=False, needs_data=False, kept=ANSWERS)
