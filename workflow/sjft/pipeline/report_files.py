"""Which files the report's page reads of an experiment."""

from pathlib import Path
from typing import Any

from sjft import layout
from sjft.data.columns import list_of
from sjft.layout import Pattern
from sjft.pipeline import inputs, run_inputs, runs
from sjft.pipeline.inputs import Files, shards_of
from sjft.pipeline.page_files import as_values, made_by_rules
from sjft.pipeline.runs import Run
from sjft.reports.report_page.inputs import (
    DatasetFiles,
    ReportInputs,
    RetrievalFiles,
    RoundFiles,
    RunFiles,
)
from sjft.settings.config import Configuration
from sjft.settings.dataset import CsvList
from sjft.storage.files import digest_of_file


def report_inputs(c: Configuration, experiment: str) -> ReportInputs:
    """The files of the runs that the summary compares, and of what they rest on.

    Nothing is among them that a model does not need: the page makes no run train again.
    """
    summarised = run_inputs.summarise(c, experiment=experiment)
    pairing = runs.pairing(c, experiment)
    names = {"retrieval": pairing.retrieval, "target": pairing.target}
    return ReportInputs(
        experiment=experiment,
        published=c.experiments[experiment].publish.arm,
        summary=Path(layout.SUMMARY.of(experiment=experiment)),
        card=Path(layout.MODEL_CARD.of(experiment=experiment)),
        datasets=_datasets(c, experiment),
        leakage=_leakage(c, experiment),
        duplicates=Path(layout.DUPLICATES.of(**names)) if summarised["duplicates"] else None,
        retrievals=[_retrieval(c, experiment, name) for name in _used(c, experiment)],
        runs=[_run(c, run) for run in _published_seed_first(c, experiment)],
        optional={
            name: Path(pattern.of(experiment=experiment))
            for name, pattern in (
                ("ablation_text", layout.ABLATION_TEXT),
                ("ablation_plot", layout.ABLATION_PLOT),
                ("explorer", layout.EXPLORER),
            )
        },
    )


def _published_seed_first(c: Configuration, experiment: str) -> list[Run]:
    """The compared runs arm by arm: where the page shows one of an arm, it is the model's seed."""
    compared, published = runs.compared_runs(c, experiment), c.experiments[experiment].publish.seed
    arms = list(dict.fromkeys(run.arm for run in compared))
    return sorted(compared, key=lambda run: (arms.index(run.arm), run.seed != published))


def _used(c: Configuration, experiment: str) -> list[str]:
    """The retrievals that compared arms use; the experiment's own, where it is one, first."""
    found = dict.fromkeys(
        runs.pairing(c, experiment, run.arm).retrieval
        for run in runs.compared_runs(c, experiment)
        if runs.uses_neighbours(c, experiment, run.arm)
    )
    own = c.experiments[experiment].retrieval
    return sorted(found, key=lambda name: name != own)


def _retrieval(c: Configuration, experiment: str, name: str) -> RetrievalFiles:
    settings = c.experiments[experiment]
    target, sources = settings.target, settings.sources
    names = {"retrieval": name, "target": target}
    leaking = [Path(file) for file in inputs.leaking_images(c, name, target, sources)]
    return RetrievalFiles(
        name,
        c.retrievals[name].bank,
        Path(layout.RANKING.of(**names, sources=runs.joined(sources))),
        Path(layout.BINS.of(**names)),
        [Path(file) for file in inputs.equalise_bins(c, **names)["descriptors"]],
        dict(zip(sources, leaking, strict=True)) if leaking else {},
        c.retrievals[name].backend,
        {source: Path(layout.NEIGHBOURS.of(**names, source=source)) for source in sources},
    )


def _datasets(c: Configuration, experiment: str) -> list[DatasetFiles]:
    """The target first, then its sources."""
    pairing = runs.pairing(c, experiment)
    used = bool(run_inputs.summarise(c, experiment=experiment)["neighbours"])
    return [
        DatasetFiles(
            name,
            "source" if place else "target",
            Path(layout.IMAGES.of(dataset=name)),
            Path(layout.STATE.of(dataset=name)),
            [
                Path(layout.SKIPPED.of(bank=pairing.bank, dataset=name, part="train", shard=shard))
                for shard in shards_of(c, name)
                if used and c.datasets[name].on_bad_image == "skip"
            ],
            list_of(c.datasets[name]),
        )
        for place, name in enumerate((pairing.target, *pairing.sources))
    ]


def _leakage(c: Configuration, experiment: str) -> dict[str, Path]:
    pairing = runs.pairing(c, experiment)
    if not runs.leakage(c, pairing.retrieval).check:
        return {}
    names = {"retrieval": pairing.retrieval, "target": pairing.target}
    return {s: Path(layout.LEAKAGE.of(**names, source=s)) for s in pairing.sources}


def _run(c: Configuration, run: Run) -> RunFiles:
    last = runs.last_round(c, run.experiment)
    arm = runs.arm_of(c, run.experiment, run.arm)

    def of_round(pattern: Pattern, number: int) -> Path:
        return Path(runs.trained_file(c, run, pattern, number))

    rounds = [
        RoundFiles(
            number,
            of_round(layout.SUBSET, number),
            of_round(layout.TARGETS, number),
            of_round(layout.HISTORY, number),
            # After the last round nothing goes by it, and nobody has made it.
            of_round(layout.DIFFICULTY, number) if arm.iterates and number < last else None,
        )
        for number in range(last + 1)
    ]
    return RunFiles(
        run.arm,
        run.seed,
        arm.title,
        runs.pairing(c, run.experiment, run.arm).retrieval if arm.selects else None,
        evaluation=Path(run.file(layout.EVALUATION)),
        classes=Path(run.file(layout.CLASSES)),
        probabilities=Path(run.file(layout.PROBABILITIES)),
        rounds=rounds,
    )


def describe(c: Configuration, experiment: str) -> Files:
    """What the rule `describe` reads."""
    found = report_inputs(c, experiment)
    return {
        "files": made_by_rules(found.files()),
        "read_in_part": made_by_rules(found.read_in_part),
    }


def report_values(c: Configuration, experiment: str) -> dict[str, Any]:
    """`report_inputs` as plain values."""
    return as_values(report_inputs(c, experiment))


def digests_of_lists(c: Configuration, experiment: str) -> dict[str, str]:
    """By data set, what stands in a user's own list now; empty where the list is not there.

    The page shows columns that images.csv has not: it is made again when these change, and nothing
    else is.
    """
    pairing = runs.pairing(c, experiment)
    found = {}
    for name in (pairing.target, *pairing.sources):
        settings = c.datasets[name]
        if isinstance(settings, CsvList):
            path = Path(c.data_root) / settings.root / settings.file
            found[name] = digest_of_file(path) if path.is_file() else ""
    return found
