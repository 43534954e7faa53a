"""Summary of an experiment: accuracies of the arms, and what was selected."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from statistics import mean
from typing import Any

import polars as pl

from sjft.errors import NotAsWrittenError, UserError
from sjft.evaluation.probabilities import Probabilities, read_probabilities
from sjft.leakage.table import words_on_doubt
from sjft.reports.choice import Choice, warning_of_choice
from sjft.reports.conclusion import conclusion
from sjft.reports.duplicated import duplicated_among, figures, lines_on_duplicates, without
from sjft.reports.guessing import warning_of_guessing
from sjft.reports.repeated import Contents, count_repeated, lines_on_repeated
from sjft.reports.unreadable import skipped_of, told_unreadable
from sjft.reports.untested import lines_on_untested, untested_in
from sjft.reports.verdict import is_behind, verdict
from sjft.retrieval.ranking import shares_of_sources
from sjft.selection.subset import Manifest, read_manifest
from sjft.settings.arm import WITHOUT_SOURCE
from sjft.storage.files import read_json
from sjft.storage.markdown import aligned
from sjft.wording import counted


@dataclass(frozen=True)
class RunFiles:
    """The files of one run: an arm with a seed."""

    arm: str
    seed: int
    evaluation: Path
    subset: Path
    targets: Path
    probabilities: Path


@dataclass(frozen=True)
class Retrieval:
    """What is known of the search: by source the recall by depth and what leaks.

    ``leakage`` and ``duplicates`` are counts as `sjft.leakage.copies` gives them, empty and None
    where nothing was looked for. ``duplicated`` are the paths of the held-out images that stand
    among the target's training images; ``leave_out`` whether the figures leave these out.
    ``contents`` tell which source images are one file; None where nothing was looked for.
    ``started_from`` are the experiments whose models training started from. ``skipped`` are, by
    data set, the paths of the training images that could not be read.
    """

    backend: str
    recall: Mapping[str, Mapping[str, float]]
    leakage: Mapping[str, Mapping[str, int]]
    duplicates: Mapping[str, int] | None
    duplicated: frozenset[str] = frozenset()
    leave_out: bool = False
    contents: Contents | None = None
    started_from: tuple[str, ...] = ()
    skipped: Mapping[str, Sequence[str]] = field(default_factory=dict)


def style_share(manifest: Manifest) -> float | None:
    """Share of the selected source images that have a style of the target's images.

    None where the styles are not known (or nothing was selected). Styles are read here alone:
    selection knows nothing of them.
    """
    styles = set(manifest.targets["style"]) - {""}
    if not styles or not len(manifest.subset) or set(manifest.subset["style"]) == {""}:
        return None
    return int(manifest.subset["style"].is_in(list(styles)).sum()) / len(manifest.subset)


def chance(manifest: Manifest, sources: pl.DataFrame) -> float | None:
    """The share that a random subset of ``sources`` (training rows of images.csv) would have."""
    everything = sources.rename({"label": "old_label"})
    return style_share(Manifest(everything, manifest.targets))


def summarise(
    experiment: str,
    runs: Sequence[RunFiles],
    sources: pl.DataFrame,
    retrieval: Retrieval,
    published: Choice,
) -> dict[str, Any]:
    """Everything that the summary says, as plain values for JSON: the same of the same results.

    ``published`` is the arm that is handed over; it has no reason where it was not chosen.
    """
    arms: dict[str, list[dict[str, Any]]] = defaultdict(list)
    found: dict[tuple[str, int], Probabilities] = {}
    by_chance, split = None, read_json(runs[0].evaluation)["split"] if runs else ""
    for run in runs:
        manifest = read_manifest(run.subset, run.targets)
        measured, found[run.arm, run.seed] = _measured(run, retrieval)
        by_chance = chance(manifest, sources)
        arms[run.arm].append(
            {
                "seed": run.seed,
                **measured,
                "source_images": len(manifest.subset),
                "style_share": style_share(manifest),
                "source_shares": shares_of_sources(manifest.subset),
                **count_repeated(manifest.subset, retrieval.contents),
            }
        )
    summary: dict[str, Any] = {
        **_concluded(experiment, found, arms, split, published),
        "arms": {arm: _over_seeds(of_arm) for arm, of_arm in arms.items()},
        "style_share_by_chance": by_chance,
        "backend": retrieval.backend,
        "recall": {source: dict(by_depth) for source, by_depth in retrieval.recall.items()},
        "leakage": dict(retrieval.leakage),
        "duplicates": retrieval.duplicates,
        "started_from": list(retrieval.started_from),
        "duplicated": _duplicated(runs, retrieval),
        "untested": untested_in(read_probabilities(runs[0].probabilities)) if runs else [],
        "skipped": _skipped(runs),
        "skipped_in_training": {name: list(paths) for name, paths in retrieval.skipped.items()},
    }
    summary["table"] = render_table(summary)
    return summary


def _duplicated(runs: Sequence[RunFiles], retrieval: Retrieval) -> dict[str, Any] | None:
    """Which test images stand in training, as plain values; all runs have the same images."""
    if not retrieval.duplicated or not runs:
        return None
    whole = read_probabilities(runs[0].probabilities)
    found = duplicated_among(whole, retrieval.duplicated, left_out=retrieval.leave_out)
    return None if found is None else asdict(found)


def _skipped(runs: Sequence[RunFiles]) -> list[str]:
    """Paths of the test images that could not be read, and that no figure is of."""
    return skipped_of(read_json(run.evaluation) for run in runs)


def _measured(run: RunFiles, retrieval: Retrieval) -> tuple[dict[str, Any], Probabilities]:
    """A run's figures, with and without duplicates, and what its verdict follows from."""
    told, found = read_json(run.evaluation), read_probabilities(run.probabilities)
    whole = {name: told[name] for name in ("mean_class_accuracy", "accuracy")}
    whole["test_images"] = told["images"]
    others: dict[str, Any] = {"without_duplicates": None, "with_duplicates": None}
    if retrieval.duplicated.isdisjoint(found.paths):
        return whole | others, found
    if not retrieval.leave_out and retrieval.duplicated.issuperset(found.paths):
        return whole | others, found
    part = without(found, retrieval.duplicated)
    if retrieval.leave_out:
        return figures(part) | others | {"with_duplicates": whole}, part
    return whole | others | {"without_duplicates": figures(part)}, found


def _concluded(
    experiment: str,
    runs: Mapping[tuple[str, int], Probabilities],
    arms: Mapping[str, Sequence[Mapping[str, Any]]],
    split: str,
    published: Choice,
) -> dict[str, Any]:
    """What stands first: the conclusion, and the figures that it rests on."""
    arm, reason = published.arm, published.reason
    # An arm that borrows nothing shows nothing of borrowing, whatever it is called.
    subject = arm if any(run["source_images"] for run in arms[arm]) else WITHOUT_SOURCE
    found = verdict(runs, subject)
    accuracies = {name: [run["mean_class_accuracy"] for run in of] for name, of in arms.items()}
    # One that was chosen is the best of the split that it was chosen on.
    warnings = [warning_of_guessing([of for (name, _), of in runs.items() if name == arm], arm)]
    if reason is None:
        behind = partial(is_behind, runs, arm)
        warnings.append(warning_of_choice(arm, accuracies, split, behind))
    warning = " ".join(filter(None, warnings)) or None
    said = conclusion(experiment, found, list(arms), subject, reason=reason, warning=warning)
    return {
        "conclusion": said,
        "experiment": experiment,
        "published": {"arm": arm, "reason": reason, "warning": warning},
        "split": split,
        "verdict": found.plain(),
    }


def _over_seeds(runs: list[dict[str, Any]]) -> dict[str, Any]:
    keys = ("mean_class_accuracy", "accuracy", "source_images")
    shares = [run["style_share"] for run in runs if run["style_share"] is not None]
    return {
        **{key: mean(run[key] for run in runs) for key in keys},
        "style_share": mean(shares) if shares else None,
        "runs": runs,
    }


def render_table(summary: Mapping[str, Any]) -> str:
    """The summary as a short Markdown table, also for the terminal."""
    known = summary["style_share_by_chance"] is not None
    head = ["arm", "mean class accuracy", "top-1", "source images"]
    rows = [[*head, "share of the target's style"] if known else head]
    for arm, values in summary["arms"].items():
        row = [
            arm,
            f"{100 * values['mean_class_accuracy']:.1f} %",
            f"{100 * values['accuracy']:.1f} %",
            f"{values['source_images']:.0f}",
        ]
        share = values["style_share"]
        rows.append([*row, "-" if share is None else f"{100 * share:.1f} %"] if known else row)
    lines = aligned(rows) + _line_on_seeds(summary["arms"])
    if known:
        lines += ["", f"By chance: {100 * summary['style_share_by_chance']:.1f} %."]
    lines += [line for told in lines_on_untested(summary) for line in ("", told)]
    lines += _lines_on_skipped(summary)
    lines += _lines_on_sources(summary["arms"])
    if summary["recall"]:  # else no arm has neighbours
        lines += ["", f"Recall of the `{summary['backend']}` search: " + _listed(summary["recall"])]
    lines += _lines_on_leakage(summary["leakage"], summary["duplicates"])
    lines += _lines_on_start(summary["leakage"], summary.get("started_from", []))
    lines += lines_on_duplicates(summary["arms"], summary.get("duplicated"))
    lines += lines_on_repeated(summary["arms"])
    return "\n".join(lines)


def _line_on_seeds(arms: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """That figures are means, where they are: a model has those of its own seed."""
    seeds = sorted({run["seed"] for values in arms.values() for run in values["runs"]})
    if len(seeds) < 2:
        return []
    *first, last = map(str, seeds)
    return ["", f"Means over the seeds {', '.join(first)} and {last}."]


def _lines_on_skipped(summary: Mapping[str, Any]) -> list[str]:
    """How many images the figures and training are without, and the first of them."""
    lines = []
    if paths := summary.get("skipped"):
        lines += ["", told_unreadable(paths, f"the split `{summary['split']}`", "the figures")]
    for dataset, paths in summary.get("skipped_in_training", {}).items():
        lines += ["", told_unreadable(paths, f"`{dataset}`", "training")]
    return lines


def _lines_on_sources(arms: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The share of each source, where there are several: a mean over seeds, as all of the table."""
    shares = {arm: _mean_shares(values["runs"]) for arm, values in arms.items()}
    if len({name for of_arm in shares.values() for name in of_arm}) < 2:
        return []
    texts = [
        f"{arm} {', '.join(f'{100 * share:.1f} % {name}' for name, share in of_arm.items())}"
        for arm, of_arm in shares.items()
        if of_arm
    ]
    return ["", f"Shares of the sources: {'; '.join(texts)}."]


def _mean_shares(runs: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """A run has no share of a source that it borrows nothing of."""
    names = dict.fromkeys(name for run in runs for name in run["source_shares"])
    return {name: mean(run["source_shares"].get(name, 0.0) for run in runs) for name in names}


def _lines_on_leakage(
    leakage: Mapping[str, Mapping[str, int]], duplicates: Mapping[str, int] | None
) -> list[str]:
    if duplicates is None:
        return ["", "Leakage was not looked for."]
    lines = [
        f"Leakage: {counted(counts['source_images'], 'image')} of {source} "
        f"{'shows' if counts['source_images'] == 1 else 'show'} a held-out image of the target "
        f"({counted(counts['target_images'], 'such image')}).{words_on_doubt(counts)}"
        for source, counts in leakage.items()
    ]
    own = (
        f"{counted(duplicates['target_images'], 'held-out image stands', 'held-out images stand')} "
        f"among the target's own training images too.{words_on_doubt(duplicates)}"
    )
    return ["", *lines, own]


def _lines_on_start(
    leakage: Mapping[str, Mapping[str, int]], started_from: Sequence[str]
) -> list[str]:
    """That what was learned first is not without what leaks, where something does."""
    if not started_from or not any(counts["source_images"] for counts in leakage.values()):
        return []
    named = ", ".join(f"`{name}`" for name in started_from)
    return [
        "",
        f"Such images are not borrowed. But {named} learned from all of its own: where they are "
        "among those, the network had seen held-out images before, and the figures are too good. "
        "Take them out of its data set (docs/by-hand.md), and give the command again.",
    ]


def _listed(recall: Mapping[str, Mapping[str, float]]) -> str:
    texts = [
        ", ".join(f"{share:.3f} of the first {depth}" for depth, share in by_depth.items())
        + (f" in {source}" if len(recall) > 1 else "")
        for source, by_depth in recall.items()
    ]
    return "; ".join(texts) + "."


def read_summary(path: Path) -> dict[str, Any]:
    """Read summary.json; raises `UserError` for any other file."""
    try:
        content = read_json(path)
    except NotAsWrittenError as error:
        raise UserError(f"{path}: is no summary, or not as it was written. {error}") from None
    if "table" not in content:
        raise UserError(f"{path}: is no summary of an experiment.")
    return content
