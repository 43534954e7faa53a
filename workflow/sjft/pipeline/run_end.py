"""The last words of a run that made results: what came of it, and what to do next."""

from collections.abc import Collection, Iterable, Mapping
from itertools import takewhile
from pathlib import Path
from typing import Any

from sjft import layout
from sjft.errors import UserError
from sjft.layout import Job
from sjft.reports.conclusion import Command, closing
from sjft.reports.summary import read_summary

# What is worth words at the end of a run, by the rule that makes it.
WORTH_WORDS = ("publish", "ablate", "explore", "describe")


def end_of_run(made: Iterable[Job], command: Command, learned: Collection[str] = ()) -> str:
    """What a run came to, experiment by experiment; empty where it made no results.

    ``made`` are the jobs that ran by the ``command``. Of the experiments that were ``learned`` for
    others to start from, it is said how well that went, and the others come last.
    """
    of_experiment: dict[str, list[Job]] = {}
    for job in made:
        if "experiment" in job.names:
            of_experiment.setdefault(job.names["experiment"], []).append(job)
    names = sorted(of_experiment, key=lambda name: (name not in learned, name))
    told = (
        _learned(name) if name in learned else _came_to(name, of_experiment[name], command)
        for name in names
        if any(job.rule in WORTH_WORDS for job in of_experiment[name])
    )
    return "\n\n".join(filter(None, told))


def _learned(name: str) -> str:
    model, card = (p.of(experiment=name) for p in (layout.MODEL, layout.MODEL_CARD))
    said = f"`{name}` was learned first: its model {model}, its card {card}."
    try:
        table = read_summary(Path(layout.SUMMARY.of(experiment=name)))["table"]
    except UserError as error:  # what ran went well all the same
        return f"{said}\n\n{error}"
    return f"{said}\n\n{table}"


def _came_to(name: str, jobs: Collection[Job], command: Command) -> str:
    said: list[str] = []
    rules = {job.rule for job in jobs}
    summary = Path(layout.SUMMARY.of(experiment=name))
    if summary.is_file():  # an ablation may be asked for alone
        try:
            said += _of_summary(read_summary(summary), jobs, command)
        except UserError as error:  # what ran went well all the same
            said.append(str(error))
    ablation = Path(layout.ABLATION_TEXT.of(experiment=name))
    if "ablate" in rules and ablation.is_file():
        said += [f"Of all seeds of the ablation, {ablation}:", *_verdict_of(ablation)]
    return "\n\n".join(said)


def _of_summary(found: Mapping[str, Any], jobs: Collection[Job], command: Command) -> Iterable[str]:
    """The summary's words, where it is of the runs as they are now."""
    rules = {job.rule for job in jobs}
    evaluated = {(j.names["arm"], j.names["seed"]) for j in jobs if j.rule == "evaluate"}
    arms = found.get("arms", {})
    told_of = {(arm, str(run["seed"])) for arm, of in arms.items() for run in of["runs"]}
    if evaluated & told_of and "summarise" not in rules:
        name = found["experiment"]
        yield (
            f"{layout.SUMMARY.of(experiment=name)} tells of runs that were made anew since: "
            f"`{command.of(layout.MODEL.of(experiment=name))}` makes it and the model anew."
        )
        return
    if "publish" in rules:
        yield found["table"]
    yield closing(found, command)


def _verdict_of(ablation: Path) -> Iterable[str]:
    """The paragraphs between an ablation's heading and its table."""
    _, *paragraphs = ablation.read_text(encoding="utf-8").split("\n\n")
    return takewhile(lambda paragraph: not paragraph.startswith("|"), paragraphs)
