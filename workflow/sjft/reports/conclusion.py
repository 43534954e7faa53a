"""What stands first in everything that tells of an experiment, and last on the terminal.

Whether borrowing helped; which arm is published and why; what to be warned of; what to do next.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from shlex import join
from typing import Any

from sjft.reports.verdict import METHOD, SEEDS_OF_AN_ABLATION, WITHOUT_SOURCE, Verdict


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

    ``arms`` are those that were run.
    """
    subject = METHOD if published == WITHOUT_SOURCE else published
    missing = [arm for arm in (subject, WITHOUT_SOURCE) if arm not in arms]
    said = [_no_verdict(experiment, arms, missing)] if missing else []
    said += verdict.sentences
    return [*said, *([reason] if reason else []), *([f"Warning: {warning}"] if warning else [])]


def _no_verdict(experiment: str, arms: Sequence[str], missing: Sequence[str]) -> str:
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


def closing(
    summary: Mapping[str, Any], model: Path, card: Path, configfiles: Sequence[str] | None
) -> str:
    """The last words of a run: the conclusion, where the results are, and the next commands.

    ``configfiles`` are those that the run was given; None where a command for it is not known.
    """
    place = model.parent
    table = place / "summary.md"
    named = ["--configfile", *configfiles] if configfiles else []
    lines = [
        opening(summary),
        "",
        f"Results: the model {model}, its card {card}, all arms beside each other {table}.",
        "Next:",
        f"  sjft predict {join([str(model)])} photo.jpg",
    ]
    if configfiles is not None:
        asked = join(["sjft", "neighbours", summary["experiment"], "IMAGE", *named])
        lines.append(f"  {asked}")
        ablation = _ablation(summary, place, named)
        lines += [f"  {ablation}"] if ablation else []
    return "\n".join(lines)


def _ablation(summary: Mapping[str, Any], place: Path, named: Sequence[str]) -> str | None:
    """The command for the arms of the verdict with more seeds; None where there are as many."""
    comparisons = summary["verdict"]["comparisons"]
    if not comparisons or len(comparisons[0]["seeds"]) >= SEEDS_OF_AN_ABLATION:
        return None
    arms = dict.fromkeys(arm for found in comparisons for arm in (found["arm"], found["against"]))
    seeds = ", ".join(map(str, range(SEEDS_OF_AN_ABLATION)))
    changed = f"{{ablation: {{arms: [{', '.join(arms)}], seeds: [{seeds}]}}}}"
    return join(
        [
            *("snakemake", "--cores", "all", str(place / "ablation.csv"), *named),
            *("--config", f"experiments={{{summary['experiment']}: {changed}}}"),
        ]
    )
