"""What stands first in everything that tells of an experiment, and last on the terminal.

Whether borrowing helped; which arm is published and why; what to be warned of; what to do next.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from shlex import join
from typing import Any

from sjft import layout
from sjft.reports.verdict import METHOD, SEEDS_OF_AN_ABLATION, WITHOUT_SOURCE, Verdict

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
    summary: Mapping[str, Any], configfiles: Sequence[str], snakefile: str | None = None
) -> str:
    """The last words of a run: the conclusion, where the results are, and the next commands.

    Results that are there are named; those that are not yet are what comes next. Paths are relative
    to the folder of the run. ``configfiles`` are those that the run was given, and so is
    ``snakefile`` where it is not the folder's own.
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
    named = ["--configfile", *configfiles] if configfiles else []
    lines.append(f"  {join(['sjft', 'neighbours', name, 'IMAGE', *named])}")
    run = ["snakemake", *(["-s", snakefile] if snakefile else []), "--cores", "all"]
    pages = [files[kind] for kind in ("explorer", "report") if kind not in there]
    lines += [f"  {join([*run, *pages, *named])}"] if pages else []
    more = None if "ablation" in there else _ablation(summary)
    lines += [f"  {join([*run, more[0], *named, *more[1:]])}"] if more else []
    return "\n".join(lines)


def _ablation(summary: Mapping[str, Any]) -> list[str] | None:
    """What asks for the verdict's arms with more seeds: the file, and then the change.

    None where there are as many seeds, and where nothing was compared.
    """
    comparisons = summary["verdict"]["comparisons"]
    if not comparisons or len(comparisons[0]["seeds"]) >= SEEDS_OF_AN_ABLATION:
        return None
    arms = dict.fromkeys(arm for found in comparisons for arm in (found["arm"], found["against"]))
    seeds = ", ".join(map(str, range(SEEDS_OF_AN_ABLATION)))
    changed = f"{{ablation: {{arms: [{', '.join(arms)}], seeds: [{seeds}]}}}}"
    name = summary["experiment"]
    return [layout.ABLATION.of(experiment=name), "--config", f"experiments={{{name}: {changed}}}"]
