"""What stands first in everything that tells of an experiment, and last on the terminal.

Whether borrowing helped; which arm is published and why; what to be warned of; what to do next.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from shlex import join
from typing import Any

from sjft import layout
from sjft.reports.verdict import SEEDS_OF_AN_ABLATION, Verdict
from sjft.settings.arm import METHOD, WITHOUT_SOURCE
from sjft.settings.merging import merged

_PLAIN = re.compile(r"[\w./-]+")

FILES = {
    "model": layout.MODEL,
    "card": layout.MODEL_CARD,
    "table": layout.SUMMARY_TABLE,
    "ablation": layout.ABLATION_TEXT,
    "explorer": layout.EXPLORER,
    "report": layout.REPORT,
}
# Pages that are made when they are asked for, and what they answer.
PAGES = {
    "ablation": "Arms with several seeds",
    "explorer": "Which images were borrowed for which, for a browser",
    "report": "Everything on one page, for a browser",
}


def conclusion(
    experiment: str,
    verdict: Verdict,
    arms: Sequence[str],
    published: str,
    *,
    reason: str | None,
    warning: str | None,
) -> list[str]:
    """Paragraphs: the verdict's sentences, or how to get one; the choice's reason; a warning.

    ``arms`` are those that were run; ``published`` is as `verdict` takes it.
    """
    subject = METHOD if published == WITHOUT_SOURCE else published
    missing = [arm for arm in (subject, WITHOUT_SOURCE) if arm not in arms]
    said = [_no_verdict(experiment, arms, missing)] if missing else []
    said += verdict.sentences
    return [*said, *([reason] if reason else []), *([f"Warning: {warning}"] if warning else [])]


def _no_verdict(experiment: str, arms: Sequence[str], missing: Sequence[str]) -> str:
    if set(arms) == {WITHOUT_SOURCE}:  # as where weights are learned from a source first
        return (
            f"Nothing is compared: `{WITHOUT_SOURCE}`, which borrows nothing, was run alone. To "
            f"see what borrowing would bring, write `compare: [{WITHOUT_SOURCE}, {METHOD}]` into "
            f"experiments.{experiment}.publish, and a `selection.initial_neighbours` that its "
            "source is large enough for."
        )
    absent = " and ".join(f"`{arm}`" for arm in missing)
    beside = " and ".join(f"`{arm}`" for arm in arms)
    compare = ", ".join(dict.fromkeys([*arms, *missing]))
    return (
        f"Whether borrowing helped cannot be told: there is no run of {absent} beside {beside}. "
        f"Write `publish: {{compare: [{compare}]}}` into experiments.{experiment}, and give the "
        "command again."
    )


def opening(summary: Mapping[str, Any]) -> str:
    """The paragraphs that a summary begins with."""
    known: Sequence[str] | None = summary.get("conclusion")
    if known is None:
        return "There is no verdict: this summary is an older program's. Make it anew."
    return "\n\n".join(known)


@dataclass(frozen=True)
class Command:
    """How a run was called, so that the next commands are of the same settings.

    ``configfiles`` are those that it was given, ``config`` the values of `--config`, ``snakefile``
    the Snakefile where it is not the folder's own.
    """

    configfiles: Sequence[str] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    snakefile: str | None = None

    def of(self, *files: str, change: Mapping[str, Any] | None = None) -> str:
        """The call of Snakemake that makes files, with a ``change`` of the values."""
        run = ["snakemake", *(["-s", self.snakefile] if self.snakefile else []), "--cores", "all"]
        values = merged(self.config, change or {})
        words = [f"{key}={as_flow(value)}" for key, value in values.items()]
        return join([*run, *files, *self.named, *(["--config", *words] if words else [])])

    @property
    def named(self) -> list[str]:
        """The option that names the files."""
        return ["--configfile", *self.configfiles] if self.configfiles else []


def as_flow(value: object) -> str:
    """A plain value on one line of YAML, without quotes where none are needed.

    Snakemake takes all within a value of `--config` for texts: 200 as well as "200".
    """
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{as_flow(k)}: {as_flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(as_flow, value)) + "]"
    if isinstance(value, str) and _PLAIN.fullmatch(value):
        return value
    return json.dumps(value, ensure_ascii=False)


def closing(summary: Mapping[str, Any], command: Command) -> str:
    """The last words of a run: the conclusion, where the results are, and the next commands.

    Results that are there are named; those that are not yet are what comes next. Paths are relative
    to the folder of the run, which was called by ``command``.
    """
    name = summary["experiment"]
    files = {kind: pattern.of(experiment=name) for kind, pattern in FILES.items()}
    there = {kind: file for kind, file in files.items() if Path(file).is_file()}
    results = [
        f"Results: the model {files['model']}, its card {files['card']}, all arms beside each "
        f"other {files['table']}."
    ]
    results += [f"{words}: {there[kind]}" for kind, words in PAGES.items() if kind in there]
    lines = [opening(summary), "", *results, "Next:"]
    lines.append(f"  sjft predict {join([files['model']])} photo.jpg")
    borrows = bool(summary.get("recall", True))  # else no compared arm has neighbours
    if borrows and command.config.keys() <= {"data_root"}:  # it takes no other from a command line
        root = [str(value) for value in command.config.values()]
        words = [*command.named, *(["--data-root", *root] if root else [])]
        lines.append(f"  {join(['sjft', 'neighbours', name, 'IMAGE', *words])}")
    kinds = ("explorer", "report") if borrows else ("report",)
    pages = [files[kind] for kind in kinds if kind not in there]
    lines += [f"  {command.of(*pages)}"] if pages else []
    change = None if "ablation" in there else _ablation(summary)
    lines += (
        [f"  {command.of(layout.ABLATION.of(experiment=name), change=change)}"] if change else []
    )
    return "\n".join(lines)


def _ablation(summary: Mapping[str, Any]) -> dict[str, Any] | None:
    """The change of the values that asks for more seeds of the verdict's arms and the published.

    None where there are as many seeds, where nothing was compared, and where no comparison would
    see any difference with them, as the verdict says: more test images are needed first.
    """
    comparisons = summary.get("verdict", {}).get("comparisons")
    if not comparisons or len(comparisons[0]["seeds"]) >= SEEDS_OF_AN_ABLATION:
        return None
    if all((found.get("with_more_seeds") or 0) >= 1 for found in comparisons):
        return None
    compared = [arm for found in comparisons for arm in (found["arm"], found["against"])]
    arms = dict.fromkeys([*compared, summary["published"]["arm"]])
    asked = {"arms": list(arms), "seeds": list(range(SEEDS_OF_AN_ABLATION))}
    return {"experiments": {summary["experiment"]: {"ablation": asked}}}
