"""Which files the neighbour explorer, and `sjft neighbours`, read of an experiment."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from sjft import layout
from sjft.errors import UserError
from sjft.layout import SEPARATOR, File
from sjft.pipeline.inputs import Files
from sjft.pipeline.places import place_of, place_of_target
from sjft.reports.explorer.inputs import ExplorerInputs, ImageFolders, RetrievalFiles, RoundFiles
from sjft.selection.pairs import why_no_pairs
from sjft.settings.arm import METHOD
from sjft.settings.config import Configuration, unknown_experiment
from sjft.settings.experiment import ExperimentSettings
from sjft.settings.explanation import choices
from sjft.settings.image_limits import ImageLimits, widest

RESULTS = Path(layout.RESULTS)


def explorer_inputs(configuration: Configuration, experiment: str) -> ExplorerInputs:
    """The files of the published run and of those that it is compared with.

    Raises `UserError` for an unknown experiment, and where no arm of it borrows neighbours.
    """
    settings = _experiment(configuration, experiment)
    runs = compared_runs(settings)
    reasons = {arm: why_no_pairs(settings.arm(arm).sources) for arm, _ in runs}
    if all(reasons.values()):
        raise UserError(
            f"experiments.{experiment}: none of the arms that are compared "
            f"({', '.join(reasons)}) borrows neighbours of each target image. Add `selective` to "
            "publish.compare."
        )
    rounds = [
        round_files(settings, experiment, arm, seed, number)
        for arm, seed in runs
        if not reasons[arm]
        for number in range(settings.rounds)
    ]
    return _inputs(
        *(configuration, experiment, list(dict.fromkeys(rounds))),
        {arm: reason for arm, reason in reasons.items() if reason},
    )


def explore(configuration: Configuration, experiment: str) -> Files:
    """What the rule `explore` reads; its rounds' pairs.csv are for people, beside the page."""
    inputs = explorer_inputs(configuration, experiment)
    pairs = [of_round.subset.with_name("pairs.csv") for of_round in inputs.rounds]
    return {"files": list(map(_file, inputs.files())), "pairs": list(map(_file, pairs))}


def _file(path: Path) -> File:
    job = layout.job_of(str(path))
    assert job is not None, path
    return File(str(path), job)


def explorer_values(configuration: Configuration, experiment: str) -> dict[str, Any]:
    """`explorer_inputs` as plain values."""
    values: dict[str, Any] = TypeAdapter(ExplorerInputs).dump_python(
        explorer_inputs(configuration, experiment), mode="json"
    )
    return values


def places_of_experiment(configuration: Configuration, experiment: str) -> dict[str, Any]:
    """Where the target's and all sources' images lie."""
    sources = configuration.experiments[experiment].sources
    return {
        "target": place_of_target(configuration, experiment),
        "sources": {source: place_of(configuration, source) for source in sources},
    }


def inputs_of_run(
    configuration: Configuration,
    experiment: str,
    arm: str | None = None,
    seed: int | None = None,
    number: int | None = None,
) -> ExplorerInputs:
    """The files of one round of one run: without more, the last of the published one.

    Where that borrows no neighbours, of the first compared arm that does. Raises `UserError` for
    an unknown experiment, arm, seed or round, and for an arm without neighbours of its own.
    """
    settings = _experiment(configuration, experiment)
    compared = (name for name, _ in compared_runs(settings))
    usual = next((name for name in compared if settings.arm(name).selects), METHOD)
    chosen = _one_of("arm", usual if arm is None else arm, settings.arm_names)
    if reason := why_no_pairs(settings.arm(chosen).sources):
        raise UserError(f"The arm `{chosen}` has no neighbours of its own: {reason}.")
    seeds = sorted({*settings.seeds, *settings.ablation.seeds})
    of_round = round_files(
        *(settings, experiment, chosen),
        _one_of("seed", settings.publish.seed if seed is None else seed, seeds),
        _one_of("round", settings.rounds - 1 if number is None else number, range(settings.rounds)),
    )
    return _inputs(configuration, experiment, [of_round], {})


def _inputs(
    configuration: Configuration,
    experiment: str,
    rounds: Sequence[RoundFiles],
    other_arms: Mapping[str, str],
) -> ExplorerInputs:
    settings = configuration.experiments[experiment]
    used = dict.fromkeys(of_round.retrieval for of_round in rounds)
    return ExplorerInputs(
        experiment,
        _images(settings.target),
        {source: _images(source) for source in settings.sources},
        [retrieval_files(configuration, settings, name) for name in used],
        rounds,
        other_arms,
    )


def _one_of(what: str, value: Any, allowed: Sequence[Any]) -> Any:
    if value not in allowed:
        raise UserError(f"--{what}: {choices(str(value), list(map(str, allowed)))}.")
    return value


def image_folders(configuration: Configuration, experiment: str) -> ImageFolders:
    """Where the images of an experiment lie on this machine."""
    settings = _experiment(configuration, experiment)
    datasets = {name: configuration.datasets[name] for name in (settings.target, *settings.sources)}
    root = Path(configuration.data_root)
    folders = {
        name: RESULTS / "datasets" / name / "generated"
        if dataset.generated
        else root / getattr(dataset, "root")  # noqa: B009  (generated ones have none)
        for name, dataset in datasets.items()
    }
    limits = widest(
        ImageLimits(**{key: getattr(dataset, key) for key in ImageLimits.model_fields})
        if isinstance(dataset, ImageLimits)
        else ImageLimits()
        for dataset in datasets.values()
    )
    return ImageFolders(
        folders[settings.target], {name: folders[name] for name in settings.sources}, limits
    )


def _experiment(configuration: Configuration, name: str) -> ExperimentSettings:
    if name not in configuration.experiments:
        raise UserError(unknown_experiment(name, configuration))
    return configuration.experiments[name]


def compared_runs(settings: ExperimentSettings) -> list[tuple[str, int]]:
    """(arm, seed) of the runs that may be published, and those beside them, in a stable order."""
    publish = settings.publish
    candidates = [(arm, publish.seed) for arm in publish.candidates]
    compared = [(arm, seed) for arm in publish.compare for seed in settings.seeds]
    return list(dict.fromkeys([*candidates, *compared]))


def round_files(
    settings: ExperimentSettings, experiment: str, arm: str, seed: int, number: int
) -> RoundFiles:
    """The files of a round; the first one of an arm may be another arm's."""
    owner = settings.first_round_owner(arm) if number == 0 else arm
    folder = RESULTS / experiment / "runs" / f"{owner}-{seed}" / f"round-{number}"
    return RoundFiles(
        *(owner, seed, number, settings.arm(arm).retrieval),
        *(folder / "subset.csv", folder / "targets.csv", folder / "difficulty.csv"),
    )


def retrieval_files(
    configuration: Configuration, settings: ExperimentSettings, name: str
) -> RetrievalFiles:
    """The files of one way of retrieval, for an experiment's target and sources."""
    retrieval = configuration.retrievals[name]
    pairing = RESULTS / "retrieval" / name / settings.target

    def shards(folder: Path, dataset: str) -> list[Path]:
        return [folder / f"{n:04d}.h5" for n in range(configuration.datasets[dataset].shards)]

    def histograms(dataset: str) -> list[Path]:
        return shards(pairing / dataset / "histograms" / "train", dataset)

    descriptors = RESULTS / "descriptors" / retrieval.bank / settings.target / "train"
    left_out = retrieval.leakage.check and retrieval.leakage.exclude
    return RetrievalFiles(
        *(name, retrieval.bank, retrieval.epsilon, retrieval.seed),
        pairing / SEPARATOR.join(settings.sources) / "ranking.h5",
        shards(descriptors, settings.target)[0],
        histograms(settings.target),
        {source: histograms(source) for source in settings.sources},
        {s: pairing / s / "leakage.csv" for s in settings.sources} if left_out else {},
    )


def _images(dataset: str) -> Path:
    return RESULTS / "datasets" / dataset / "images.csv"
