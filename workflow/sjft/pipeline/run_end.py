"""The last words of a run that made results: what came of it, and what to do next."""

from collections.abc import Collection, Iterable, Sequence
from itertools import takewhile
from pathlib import Path

from sjft import layout
from sjft.layout import Job
from sjft.reports.conclusion import closing
from sjft.reports.summary import read_summary

# What is worth words at the end of a run, by the rule that makes it.
WORTH_WORDS = ("publish", "ablate", "explore", "describe")


def end_of_run(
    made: Iterable[Job], configfiles: Sequence[str], snakefile: str | None = None
) -> str:
    """What a run came to, experiment by experiment; empty where it made no results.

    ``made`` are the jobs that ran; the others are as `sjft.reports.conclusion.closing` takes them.
    """
    of_experiment: dict[str, set[str]] = {}
    for job in made:
        if job.rule in WORTH_WORDS:
            of_experiment.setdefault(job.names["experiment"], set()).add(job.rule)
    told = (
        _came_to(name, rules, configfiles, snakefile)
        for name, rules in sorted(of_experiment.items())
    )
    return "\n\n".join(filter(None, told))


def _came_to(
    name: str, rules: Collection[str], configfiles: Sequence[str], snakefile: str | None
) -> str:
    said = []
    summary = Path(layout.SUMMARY.of(experiment=name))
    if summary.is_file():  # an ablation may be asked for alone
        found = read_summary(summary)
        said += [found["table"]] if "publish" in rules else []
        said.append(closing(found, configfiles, snakefile))
    ablation = Path(layout.ABLATION_TEXT.of(experiment=name))
    if "ablate" in rules and ablation.is_file():
        said += [f"Of all seeds of the ablation, {ablation}:", *_verdict_of(ablation)]
    return "\n\n".join(said)


def _verdict_of(ablation: Path) -> Iterable[str]:
    """The paragraphs between an ablation's heading and its table."""
    _, *paragraphs = ablation.read_text(encoding="utf-8").split("\n\n")
    return takewhile(lambda paragraph: not paragraph.startswith("|"), paragraphs)
