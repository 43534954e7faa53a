"""The page of the evidence: tables of every experiment, from the record alone."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from command_line import Row, table
from evidence_record import Record, Run, Sections, right_of, settings_digest
from numpy.typing import NDArray
from run_all import machine

from sjft.reports.intervals import (
    Interval,
    interval_over_images,
    interval_over_seeds,
    smallest_difference,
)
from sjft.settings.config import Configuration
from sjft.storage.files import stable_integer, write_text

# (arm, what it is held against): does borrowing help, does the choice, does leaving out.
COMPARISONS = (
    ("selective", "fine-tune"),
    ("selective", "random-source"),
    ("selective", "all-source"),
    ("selective", "no-iteration"),
    ("random-source", "fine-tune"),
)
INTRODUCTION = """\
# Evidence: does it help?

Written by `make evidence DATA=FOLDER` from `docs/evidence/runs.csv`, which holds every run that was
made, with its answers image by image. The queue is `config/evidence.yaml`. FOLDER holds
`flowers17/` and `dtd10/` (`train/`, `val/`, `test/` with class folders), `miniimagenet/train/` and
`weights/squeezenet1_1.pth`. Experiments whose names hold `_val_` choose settings, on the validation
split; the test split is seen by the others alone.

Accuracies are means over the classes, in per cent. Differences are taken seed by seed on the same
images: *over seeds* is Student's 95 % interval of other trainings on these images, *over images* a
95 % bootstrap of other images for these trainings; a claim needs both clear of 0. *Could be seen*
is the smallest difference that as many seeds would have found with a probability of 80 %. With
fewer than three seeds nothing can be said.
"""


def report(path: Path, record: Record, written: Sections, configuration: Configuration) -> None:
    """Write the page."""
    current = {name: settings_digest(written, name) for name in written["experiments"]}
    parts = [INTRODUCTION, "\n".join(_provenance(record, current)) + "\n"]
    for name, digest in current.items():
        runs = [run for run in record.runs if (run.experiment, run.settings) == (name, digest)]
        if runs:
            parts.append(_section(name, runs, record.labels[digest], written, configuration))
    waiting = [name for name in current if not any(r.experiment == name for r in record.runs)]
    if waiting:
        parts.append(f"## Not yet run\n\n{', '.join(f'`{name}`' for name in waiting)}\n")
    write_text(path, "\n".join(parts))


def _provenance(record: Record, current: dict[str, str]) -> Iterator[str]:
    commits = list(dict.fromkeys(run.commit for run in record.runs))
    here = machine()
    yield f"- {len(record.runs)} runs; program: commit {', '.join(commits) or '(none)'}."
    yield f"- Last written on: {here['processor']}, {here['cores']} cores, one used."
    stale = [run for run in record.runs if current.get(run.experiment) != run.settings]
    if stale:
        names = ", ".join(f"`{name}`" for name in dict.fromkeys(run.experiment for run in stale))
        yield f"- Left out: {len(stale)} runs of other settings than the queue has now, of {names}."


def _section(
    name: str,
    runs: Sequence[Run],
    labels: Sequence[int],
    written: Sections,
    configuration: Configuration,
) -> str:
    of_arms: dict[str, dict[int, Run]] = {
        arm: {run.seed: run for run in runs if run.arm == arm}
        for arm in configuration.experiments[name].ablation_arms
    }
    arms = [_arm_row(arm, list(own.values())) for arm, own in of_arms.items() if own]
    compared = [
        row
        for arm, other in COMPARISONS
        if (row := _comparison(arm, other, of_arms, np.array(labels))) is not None
    ]
    settings = ", ".join(_settings(written["experiments"], name))
    head = f"## {name}\n\nOn `{runs[0].split}` ({runs[0].images} images). {settings}.\n"
    return "\n".join([head, table(arms), *([table(compared)] if compared else [])])


def _settings(experiments: dict[str, Any], name: str) -> Iterator[str]:
    """What sets an experiment apart from its baseline; all of a baseline's."""
    baseline = experiments.get(name.partition("_val_")[0] + "_val_baseline", {})
    is_baseline = baseline is experiments[name]
    other = {} if is_baseline else dict(_leaves("", baseline))
    own = dict(_leaves("", {k: v for k, v in experiments[name].items() if k != "ablation"}))
    for key, value in own.items():
        if key not in other or other[key] != value:
            yield f"`{key}: {value}`"
    for key in other.keys() - own.keys():
        if not key.startswith("ablation"):
            yield f"`{key}`: its default"


def _leaves(prefix: str, value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for key, below in value.items():
            yield from _leaves(f"{prefix}.{key}".strip("."), below)
    else:
        yield prefix, value


def _arm_row(arm: str, runs: Sequence[Run]) -> Row:
    means = np.array([run.mean_class_accuracy for run in runs])
    styles = [run.own_style for run in runs if run.own_style is not None]
    return {
        "arm": arm,
        "seeds": len(runs),
        "accuracy": f"{100 * means.mean():.1f}",
        "deviation": f"{100 * means.std(ddof=1):.1f}" if len(means) > 1 else "-",
        "over seeds": _ends(interval_over_seeds(means)),
        "borrowed": f"{np.mean([run.source_images for run in runs]):.0f}",
        "of the target's look": f"{100 * np.mean(styles):.1f}" if styles else "-",
        "minutes": f"{np.mean([run.seconds for run in runs]) / 60:.1f}",
    }


def _comparison(
    arm: str, other: str, of_arms: dict[str, dict[int, Run]], labels: NDArray[np.int64]
) -> Row | None:
    ours, theirs = of_arms.get(arm, {}), of_arms.get(other, {})
    seeds = sorted(ours.keys() & theirs.keys())
    if not seeds:
        return None
    by_seed = np.array([ours[s].mean_class_accuracy - theirs[s].mean_class_accuracy for s in seeds])
    by_image = np.mean([right_of(ours[s]) - right_of(theirs[s]) for s in seeds], axis=0)
    over_images = interval_over_images(by_image, labels, stable_integer("evidence", arm, other))
    seen = smallest_difference(by_seed)
    return {
        "difference": f"{arm} - {other}",
        "seeds": len(seeds),
        "points": f"{100 * by_seed.mean():+.1f}",
        "over seeds": _ends(interval_over_seeds(by_seed), sign="+"),
        "over images": _ends(over_images, sign="+"),
        "could be seen": "-" if seen is None else f"{100 * seen:.1f}",
    }


def _ends(interval: Interval | None, sign: str = "") -> str:
    if interval is None:
        return "-"
    return f"{100 * interval.low:{sign}.1f} to {100 * interval.high:{sign}.1f}"
