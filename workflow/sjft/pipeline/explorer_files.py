"""Which files the neighbour explorer, and `sjft neighbours`, read of an experiment."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sjft import layout
from sjft.data.location import ImageFolders
from sjft.errors import UserError
from sjft.layout import File
from sjft.pipeline import places, runs
from sjft.pipeline.inputs import Files, leaking_images, shards_of
from sjft.pipeline.page_files import as_values, made_by_rules
from sjft.pipeline.runs import Run
from sjft.pipeline.stage_settings import only_told
from sjft.reports.explorer.inputs import ExplorerInputs, RetrievalFiles, RoundFiles
from sjft.selection.pairs import why_no_pairs
from sjft.settings.arm import METHOD
from sjft.settings.config import Configuration, unknown_experiment
from sjft.settings.experiment import ExperimentSettings
from sjft.settings.explanation import choices
from sjft.settings.image_limits import limits_of_any

##### the page #####


def explorer_inputs(c: Configuration, experiment: str) -> ExplorerInputs:
    """The files of the published run and of those that it is compared with.

    Raises `UserError` for an unknown experiment, and where no arm of it borrows neighbours.
    """
    settings = _experiment(c, experiment)
    shown = _shown_runs(c, experiment)
    reasons = {run.arm: why_no_pairs(settings.arm(run.arm).sources) for run in shown}
    if all(reasons.values()):
        raise UserError(
            f"experiments.{experiment}: none of the arms that are compared "
            f"({', '.join(reasons)}) borrows neighbours of each target image. Add `selective` to "
            "publish.compare."
        )
    rounds = [
        _round_files(c, run, number)
        for run in shown
        if not reasons[run.arm]
        for number in range(settings.rounds)
    ]
    other_arms = {arm: reason for arm, reason in reasons.items() if reason}
    return _inputs(c, experiment, list(dict.fromkeys(rounds)), other_arms)


def _shown_runs(c: Configuration, experiment: str) -> list[Run]:
    """The runs that may be published, and then those beside them."""
    shown = [*runs.candidate_runs(c, experiment), *runs.compared_runs(c, experiment)]
    return list(dict.fromkeys(shown))


def explore(c: Configuration, experiment: str) -> Files:
    """What the rule `explore` reads; its rounds' pairs.csv are for people, beside the page.

    ``sources`` are the sources' histograms: they are read by block, the other files as a whole.
    """
    inputs = explorer_inputs(c, experiment)
    of_each = (paths for of in inputs.retrievals for paths in of.source_histograms.values())
    by_block = dict.fromkeys(path for paths in of_each for path in paths)
    whole = [path for path in inputs.files() if path not in by_block]
    pairs = [
        Run(experiment, of_round.arm, of_round.seed).file_of_round(layout.PAIRS, of_round.number)
        for of_round in inputs.rounds
    ]
    return {
        "files": list(made_by_rules(whole)),
        "sources": list(made_by_rules(by_block)),
        "pairs": list(pairs),
    }


def explorer_values(c: Configuration, experiment: str) -> dict[str, Any]:
    """`explorer_inputs` as plain values."""
    return as_values(explorer_inputs(c, experiment))


##### one round, for `sjft neighbours` #####


def inputs_of_run(
    c: Configuration,
    experiment: str,
    arm: str | None = None,
    seed: int | None = None,
    number: int | None = None,
) -> ExplorerInputs:
    """The files of one round of one run: without more, the last of the published one.

    Where that borrows no neighbours, of the first compared arm that does. Raises `UserError` for
    an unknown experiment, arm, seed or round, and for an arm without neighbours of its own.
    """
    settings = _experiment(c, experiment)
    compared = [*_chosen_arm(c, experiment), *(run.arm for run in _shown_runs(c, experiment))]
    usual = next((name for name in compared if settings.arm(name).selects), METHOD)
    chosen = _one_of("arm", usual if arm is None else arm, settings.arm_names)
    if reason := why_no_pairs(settings.arm(chosen).sources):
        raise UserError(f"The arm `{chosen}` has no neighbours of its own: {reason}.")
    seeds = sorted({*settings.seeds, *settings.ablation.seeds})
    run = Run(
        *(experiment, chosen),
        _one_of("seed", settings.publish.seed if seed is None else seed, seeds),
    )
    last = runs.last_round(c, experiment)
    wanted = _one_of("round", last if number is None else number, range(settings.rounds))
    return _inputs(c, experiment, [_round_files(c, run, wanted)], {})


def _chosen_arm(c: Configuration, experiment: str) -> list[str]:
    """The published arm where the validation split has chosen it already."""
    # It brings scipy.stats with it, and each job that is started reads the rules.
    from sjft.reports.choice import read_choice  # noqa: PLC0415

    choice = Path(layout.CHOICE.of(experiment=experiment))
    is_chosen = c.experiments[experiment].publish.is_chosen and choice.is_file()
    return [read_choice(choice).arm] if is_chosen else []


def _one_of(what: str, value: Any, allowed: Sequence[Any]) -> Any:
    if value not in allowed:
        raise UserError(f"--{what}: {choices(str(value), list(map(str, allowed)))}.")
    return value


def _experiment(c: Configuration, name: str) -> ExperimentSettings:
    if name not in c.experiments:
        raise UserError(unknown_experiment(name, c))
    return c.experiments[name]


##### where the images lie #####


def image_folders(c: Configuration, experiment: str) -> ImageFolders:
    """Where the images of an experiment lie on this machine."""
    settings, opening = _experiment(c, experiment), only_told(c)["datasets"]
    return ImageFolders.among(
        places.image_folders(c),
        places.datasets_of_experiment(c, experiment),
        limits_of_any(opening[name] for name in (settings.target, *settings.sources)),
    )


##### where the files lie #####


def _inputs(
    c: Configuration,
    experiment: str,
    rounds: Sequence[RoundFiles],
    other_arms: Mapping[str, str],
) -> ExplorerInputs:
    settings = c.experiments[experiment]
    used = dict.fromkeys(of_round.retrieval for of_round in rounds)
    return ExplorerInputs(
        experiment,
        Path(layout.IMAGES.of(dataset=settings.target)),
        {source: Path(layout.IMAGES.of(dataset=source)) for source in settings.sources},
        [_retrieval_files(c, settings, name) for name in used],
        rounds,
        other_arms,
    )


def _round_files(c: Configuration, run: Run, number: int) -> RoundFiles:
    """The files of a round, where it is trained."""
    retrieval = runs.pairing(c, run.experiment, run.arm).retrieval
    trained = runs.trained_in(c, run, number)
    patterns = (layout.SUBSET, layout.TARGETS, layout.DIFFICULTY)
    return RoundFiles(
        *(trained.arm, trained.seed, number, retrieval),
        *(Path(trained.file_of_round(pattern, number)) for pattern in patterns),
    )


def _retrieval_files(c: Configuration, settings: ExperimentSettings, name: str) -> RetrievalFiles:
    """The files of one way of retrieval, for an experiment's target and sources."""
    retrieval, target, sources = c.retrievals[name], settings.target, settings.sources
    names = {"retrieval": name, "target": target}

    def histograms(dataset: str) -> list[Path]:
        shards = shards_of(c, dataset)
        files = (
            layout.HISTOGRAMS.of(**names, dataset=dataset, part="train", shard=shard)
            for shard in shards
        )
        return _paths(files)

    bank = {"bank": retrieval.bank, "dataset": target, "part": "train"}
    leaking = _paths(leaking_images(c, name, target, sources))
    return RetrievalFiles(
        *(name, retrieval.bank, retrieval.epsilon, retrieval.seed),
        Path(layout.RANKING.of(**names, sources=runs.joined(sources))),
        Path(layout.DESCRIPTORS.of(**bank, shard=shards_of(c, target)[0])),
        histograms(target),
        {source: histograms(source) for source in sources},
        dict(zip(sources, leaking, strict=True)) if leaking else {},
    )


def _paths(files: Iterable[File]) -> list[Path]:
    return list(map(Path, files))
