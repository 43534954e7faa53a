"""Which files the report's page reads of an experiment."""

from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from sjft import layout
from sjft.data.columns import list_of
from sjft.layout import File, Pattern
from sjft.pipeline import inputs, run_inputs, runs
from sjft.pipeline.inputs import Files, shards_of
from sjft.pipeline.runs import Run
from sjft.reports.report_page.inputs import DatasetFiles, ReportInputs, RoundFiles, RunFiles
from sjft.settings.config import Configuration
from sjft.settings.dataset import CsvList
from sjft.storage.files import digest_of_file


def report_inputs(c: Configuration, experiment: str) -> ReportInputs:
    """The files of the runs that the summary compares, and of what they rest on.

    Nothing is among them that a model does not need: the page makes no run train again.
    """
    summarised = run_inputs.summarise(c, experiment=experiment)
    pairing = runs.pairing(c, experiment)
    ranked = bool(summarised["neighbours"])
    names = {"retrieval": pairing.retrieval, "target": pairing.target}
    ranking = layout.RANKING.of(**names, sources=runs.joined(pairing.sources))
    return ReportInputs(
        experiment=experiment,
        published=c.experiments[experiment].publish.arm,
        summary=_path(layout.SUMMARY.of(experiment=experiment)),
        card=_path(layout.MODEL_CARD.of(experiment=experiment)),
        datasets=_datasets(c, experiment),
        leakage=_leakage(c, experiment),
        duplicates=_path(layout.DUPLICATES.of(**names)) if summarised["duplicates"] else None,
        ranking=_path(ranking) if ranked else None,
        bins=_path(layout.BINS.of(**names)) if ranked else None,
        descriptors=_descriptors(c, experiment) if ranked else [],
        runs=[_run(c, run) for run in runs.compared_runs(c, experiment)],
        optional={
            name: _path(pattern.of(experiment=experiment))
            for name, pattern in (
                ("ablation_text", layout.ABLATION_TEXT),
                ("ablation_plot", layout.ABLATION_PLOT),
                ("explorer", layout.EXPLORER),
            )
        },
    )


def _descriptors(c: Configuration, experiment: str) -> list[Path]:
    """Of the target's training images: what the bins were made from."""
    pairing = runs.pairing(c, experiment)
    names = {"retrieval": pairing.retrieval, "target": pairing.target}
    found = inputs.equalise_bins(c, **names)["descriptors"]
    return [_path(file) for file in found]


def _path(file: str) -> Path:
    return Path(file)


def _datasets(c: Configuration, experiment: str) -> list[DatasetFiles]:
    """The target first, then its sources."""
    pairing = runs.pairing(c, experiment)
    used = bool(run_inputs.summarise(c, experiment=experiment)["neighbours"])
    return [
        DatasetFiles(
            name,
            "source" if place else "target",
            _path(layout.IMAGES.of(dataset=name)),
            _path(layout.STATE.of(dataset=name)),
            [
                _path(layout.SKIPPED.of(bank=pairing.bank, dataset=name, part="train", shard=shard))
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
    return {s: _path(layout.LEAKAGE.of(**names, source=s)) for s in pairing.sources}


def _run(c: Configuration, run: Run) -> RunFiles:
    last = runs.last_round(c, run.experiment)
    arm = runs.arm_of(c, run.experiment, run.arm)

    def of_round(pattern: Pattern, number: int) -> Path:
        return _path(runs.trained_file(c, run, pattern, number))

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
        arm.selects and runs.pairing(c, run.experiment, run.arm) == runs.pairing(c, run.experiment),
        evaluation=_path(run.file(layout.EVALUATION)),
        classes=_path(run.file(layout.CLASSES)),
        probabilities=_path(run.file(layout.PROBABILITIES)),
        rounds=rounds,
    )


def describe(c: Configuration, experiment: str) -> Files:
    """What the rule `describe` reads."""
    found = report_inputs(c, experiment)
    return {
        "files": list(map(_file, found.files())),
        "descriptors": list(map(_file, found.descriptors)),
    }


def _file(path: Path) -> File:
    job = layout.job_of(str(path))
    assert job is not None, path
    return File(str(path), job)


def report_values(c: Configuration, experiment: str) -> dict[str, Any]:
    """`report_inputs` as plain values."""
    values: dict[str, Any] = TypeAdapter(ReportInputs).dump_python(
        report_inputs(c, experiment), mode="json"
    )
    return values


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
