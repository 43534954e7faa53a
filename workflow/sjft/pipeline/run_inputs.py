"""What the rules of a run read, from its subset to the published model and the ablation.

As `sjft.pipeline.inputs` does for the rules before them.
"""

from collections.abc import Iterable

from sjft import layout
from sjft.errors import UserError
from sjft.layout import File
from sjft.pipeline import runs
from sjft.pipeline.inputs import (
    Files,
    leaking_images,
    learned_weights,
    of_sources,
    published_weights,
    shards_of,
    training_hashes,
)
from sjft.pipeline.runs import Pairing, Run
from sjft.selection.pairs import why_no_pairs
from sjft.settings.arm import Arm
from sjft.settings.config import Configuration
from sjft.settings.training import TrainingSettings
from sjft.settings.weights import ExperimentWeights


def _lists(datasets: Iterable[str]) -> list[File]:
    return [layout.IMAGES.of(dataset=dataset) for dataset in datasets]


##### subsets #####


def select_subset(c: Configuration, *, experiment: str, arm: str, seed: str, round: str) -> Files:
    """Lists, what is left out of them, and by the arm: ranking, last round, another's subset."""
    run, number = Run(experiment, arm, int(seed)), int(round)
    settings, pairing = runs.arm_of(c, experiment, arm), runs.pairing(c, experiment, arm)
    sources = runs.sources_of(c, experiment, arm)
    return {
        "targets": layout.IMAGES.of(dataset=pairing.target),
        "sources": _lists(sources),
        "skipped_targets": _skipped(c, pairing.bank, [pairing.target]),
        "skipped_sources": _skipped(c, pairing.bank, sources),
        "leakage": leaking_images(c, pairing.retrieval, pairing.target, sources),
        "ranking": _ranking(settings, pairing),
        "last_round": _difficulty_of_last_round(c, run, number) if settings.iterates else [],
        "as_many_as": _as_many_as(c, run, number, settings.as_many_as),
    }


def list_pairs(c: Configuration, *, experiment: str, arm: str, seed: str, round: str) -> Files:
    """The round's subset and the ranking; raises `UserError` for an arm without own neighbours."""
    run, number = Run(experiment, arm, int(seed)), int(round)
    settings = runs.arm_of(c, experiment, arm)
    if reason := why_no_pairs(settings.sources):
        raise UserError(f"{experiment}: the arm `{arm}` has no pairs.csv: {reason}.")
    return {
        "subset": run.file_of_round(layout.SUBSET, number),
        "targets": run.file_of_round(layout.TARGETS, number),
        "ranking": _ranking(settings, runs.pairing(c, experiment, arm)),
    }


def _skipped(c: Configuration, bank: str, datasets: Iterable[str]) -> list[File]:
    """Lists of the images that extraction left out, data set by data set, where it may leave any.

    Where bad images end the job no arm has to wait for the bank.
    """
    return [
        layout.SKIPPED.of(bank=bank, dataset=dataset, part="train", shard=shard)
        for dataset in datasets
        if c.datasets[dataset].on_bad_image == "skip"
        for shard in shards_of(c, dataset)
    ]


def skipped_of(c: Configuration, experiment: str, arm: str) -> list[str]:
    """The source that each file of `select_subset`'s input `skipped_sources` belongs to."""
    bank = runs.pairing(c, experiment, arm).bank
    files = _skipped(c, bank, runs.sources_of(c, experiment, arm))
    return [file.job.names["dataset"] for file in files]


def _ranking(arm: Arm, pairing: Pairing) -> File | list[File]:
    """The ranking of all sources' neighbours: for the arms that select by it."""
    if not arm.selects:
        return []
    sources = runs.joined(pairing.sources)
    return layout.RANKING.of(retrieval=pairing.retrieval, target=pairing.target, sources=sources)


def _difficulty_of_last_round(c: Configuration, run: Run, number: int) -> list[File]:
    """What K_i grows by: the last round's K_i and how hard each image was."""
    patterns = (layout.TARGETS, layout.DIFFICULTY) if number else ()
    return [runs.trained_file(c, run, pattern, number - 1) for pattern in patterns]


def _as_many_as(c: Configuration, run: Run, number: int, other: str | None) -> File | list[File]:
    """Where images are drawn at random, the subset of the same round that says how many."""
    if other is None:
        return []
    return runs.trained_file(c, Run(run.experiment, other, run.seed), layout.SUBSET, number)


##### training #####


def finetune(c: Configuration, *, experiment: str, arm: str, seed: str, round: str) -> Files:
    """The subset, the lists of the classes, and what the network starts from."""
    run, number = Run(experiment, arm, int(seed)), int(round)
    settings, pairing = runs.arm_of(c, experiment, arm), runs.pairing(c, experiment, arm)
    training = settings.training
    sources = runs.sources_of(c, experiment, arm)
    heads = _lists(sources) if training.source_head == "pretrained" else []
    # The first round starts from them, and source classes of later ones may; the rest goes on.
    starts = number == 0 or heads
    return {
        "subset": run.file_of_round(layout.SUBSET, number),
        "targets": run.file_of_round(layout.TARGETS, number),
        "images": layout.IMAGES.of(dataset=pairing.target),
        "source_images": heads,
        "ranking": _ranking(settings, pairing),
        "last_model": runs.trained_file(c, run, layout.MODEL_OF_ROUND, number - 1)
        if number
        else [],
        "weights": published_weights(training) if starts else [],
        "learned": learned_weights(training) if starts else [],
        "learned_in": _learned_in(c, training) if starts else [],
        "classifier": _learned_classes(c, training) if heads else [],
    }


def _learned_in(c: Configuration, training: TrainingSettings) -> list[File]:
    if not isinstance(training.weights, ExperimentWeights):
        return []
    return deciding_weights(c, training.weights.experiment)


def deciding_weights(c: Configuration, experiment: str) -> list[File]:
    """What decides the weights that an experiment publishes, and no more: see `publish`.

    Its candidates' last models, and which of them was chosen. What they come to, which the
    published file tells too, is no reason to train anew what starts from them.
    """
    last, choice = runs.last_round(c, experiment), _choice(c, experiment)
    models = [
        runs.trained_file(c, run, layout.MODEL_OF_ROUND, last)
        for run in runs.candidate_runs(c, experiment)
    ]
    return [*models, choice] if isinstance(choice, File) else models


def _learned_classes(c: Configuration, training: TrainingSettings) -> File | list[File]:
    """The list of what the weights' classifier tells apart, where another experiment learns them.

    A list of the classifier's classes that the user gives says it otherwise.
    """
    if not isinstance(training.weights, ExperimentWeights) or training.source_head_classes:
        return []
    return layout.IMAGES.of(dataset=c.experiments[training.weights.experiment].target)


def score_difficulty(
    c: Configuration, *, experiment: str, arm: str, seed: str, round: str
) -> Files:
    """The round's model, and the images that it was trained on."""
    run, number = Run(experiment, arm, int(seed)), int(round)
    return {
        "model": run.file_of_round(layout.MODEL_OF_ROUND, number),
        "targets": run.file_of_round(layout.TARGETS, number),
    }


def evaluate(c: Configuration, *, experiment: str, arm: str, seed: str) -> Files:
    """The last round's model, and the list of the target."""
    run = Run(experiment, arm, int(seed))
    last = runs.last_round(c, experiment)
    return {
        "model": runs.trained_file(c, run, layout.MODEL_OF_ROUND, last),
        "images": layout.IMAGES.of(dataset=c.experiments[experiment].target),
    }


def validate(c: Configuration, *, experiment: str, arm: str, seed: str) -> Files:
    """The same: another split of the list is looked at."""
    return evaluate(c, experiment=experiment, arm=arm, seed=seed)


##### publication #####


def choose(c: Configuration, *, experiment: str) -> Files:
    """What all runs come to on the validation split, by which the published arm is chosen."""
    validated = runs.validated_runs(c, experiment)
    return {"validations": [run.file(layout.VALIDATION) for run in validated]}


def _choice(c: Configuration, experiment: str) -> File | list[File]:
    chosen = c.experiments[experiment].publish.is_chosen
    return layout.CHOICE.of(experiment=experiment) if chosen else []


def summarise(c: Configuration, *, experiment: str) -> Files:
    """Results and last subsets of all compared runs, the choice, and what the retrieval found."""
    compared, pairing = runs.compared_runs(c, experiment), runs.pairing(c, experiment)
    last = runs.last_round(c, experiment)
    checked = runs.leakage(c, pairing.retrieval).check
    names = pairing.retrieval, pairing.target, pairing.sources
    # Of the experiment's own retrieval, where a compared arm uses it.
    ranked = any(
        runs.uses_neighbours(c, experiment, run.arm)
        and runs.pairing(c, experiment, run.arm) == pairing
        for run in compared
    )
    hashed = (pairing.target, *pairing.sources) if checked else ()
    return {
        "evaluations": [run.file(layout.EVALUATION) for run in compared],
        "probabilities": [run.file(layout.PROBABILITIES) for run in compared],
        "subsets": [runs.trained_file(c, run, layout.SUBSET, last) for run in compared],
        "targets": [runs.trained_file(c, run, layout.TARGETS, last) for run in compared],
        "choice": _choice(c, experiment),
        "sources": _lists(pairing.sources),
        "target_images": layout.IMAGES.of(dataset=pairing.target) if checked else [],
        "hashes": [file for name in hashed for file in training_hashes(c, name)],
        "neighbours": of_sources(layout.NEIGHBOURS, *names) if ranked else [],
        "leakage": of_sources(layout.LEAKAGE, *names) if checked else [],
        "duplicates": _left_out_duplicates(c, experiment)
        or (_duplicates(pairing) if checked else []),
        "skipped": skipped_in_training(c, experiment),
    }


def skipped_in_training(c: Configuration, experiment: str) -> list[File]:
    """Lists of the training images that the compared runs' subsets are without: see `_skipped`."""
    found: dict[File, None] = {}
    for arm in dict.fromkeys(run.arm for run in runs.compared_runs(c, experiment)):
        pairing = runs.pairing(c, experiment, arm)
        datasets = (pairing.target, *runs.sources_of(c, experiment, arm))
        found |= dict.fromkeys(_skipped(c, pairing.bank, datasets))
    return list(found)


def _duplicates(pairing: Pairing) -> File:
    return layout.DUPLICATES.of(retrieval=pairing.retrieval, target=pairing.target)


def _left_out_duplicates(c: Configuration, experiment: str) -> File | list[File]:
    """Which test images stand in training, where figures leave these out.

    Raises `UserError` where that is wanted and not looked for.
    """
    if not c.experiments[experiment].publish.leave_out_duplicates:
        return []
    pairing = runs.pairing(c, experiment)
    if not runs.leakage(c, pairing.retrieval).check:
        raise UserError(
            f"experiments.{experiment}.publish.leave_out_duplicates: nothing looks for duplicates "
            f"where retrievals.{pairing.retrieval}.leakage.check is false. Set it to true, or "
            "take the key out."
        )
    return _duplicates(pairing)


def publish(c: Configuration, *, experiment: str) -> Files:
    """Last round and evaluation of what may be published, the choice, and what it was made from."""
    candidates, last = runs.candidate_runs(c, experiment), runs.last_round(c, experiment)
    pairing = runs.pairing(c, experiment)
    trainings = [runs.training(c, experiment, run.arm) for run in candidates]
    return {
        "models": [runs.trained_file(c, run, layout.MODEL_OF_ROUND, last) for run in candidates],
        "subsets": [runs.trained_file(c, run, layout.SUBSET, last) for run in candidates],
        "targets": [runs.trained_file(c, run, layout.TARGETS, last) for run in candidates],
        "evaluations": [run.file(layout.EVALUATION) for run in candidates],
        "choice": _choice(c, experiment),
        "summary": layout.SUMMARY.of(experiment=experiment),
        "target_images": layout.IMAGES.of(dataset=pairing.target),
        "source_images": _lists(pairing.sources),
        "weights": _each_once(map(published_weights, trainings)),
        "learned": _each_once(map(learned_weights, trainings)),
    }


def first_weights(c: Configuration, experiment: str, arm: str) -> File | None:
    """What a rule makes for an arm's training to start from; None where it starts otherwise."""
    training = runs.training(c, experiment, arm)
    found = _each_once([published_weights(training), learned_weights(training)])
    return found[0] if found else None


def _each_once(found: Iterable[File | list[File]]) -> list[File]:
    """Files as a rule reads them, each once."""
    return list(dict.fromkeys(file for file in found if isinstance(file, File)))


##### ablation #####


def ablate(c: Configuration, *, experiment: str) -> Files:
    """Probabilities and last subsets of all runs, what is fused, and what is left out."""
    compared, last = runs.ablation_runs(c, experiment), runs.last_round(c, experiment)
    return {
        "probabilities": [run.file(layout.PROBABILITIES) for run in compared],
        "subsets": [runs.trained_file(c, run, layout.SUBSET, last) for run in compared],
        "fused": [run.file(layout.PROBABILITIES) for run in runs.fused_runs(c, experiment)],
        "duplicates": _left_out_duplicates(c, experiment),
    }
