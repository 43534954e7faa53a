"""Settings that contradict each other, or do not do what they seem to: no data, no network."""

import json
from collections.abc import Iterator, Sequence

from sjft.checks.asked import Asked
from sjft.checks.finding import Finding
from sjft.checks.recipe import wrong_recipe
from sjft.retrieval.index import search_backend
from sjft.retrieval.index.backend import Backend
from sjft.settings.arm import METHOD, WITHOUT_SOURCE, Arm
from sjft.settings.arms_of import without_retrieval
from sjft.settings.bank import CnnBank
from sjft.settings.base import Settings
from sjft.settings.config import Configuration
from sjft.settings.dataset import CsvList, DatasetSettings, Synthetic
from sjft.settings.experiment import ExperimentSettings
from sjft.settings.retrieval import RetrievalSettings
from sjft.settings.training import TrainingSettings

PROJECTION = ("projection_dimensions", "projection_sample")


def wrong_values(configuration: Configuration, asked: Asked) -> Iterator[Finding]:
    """What is wrong with the settings of an experiment, whatever the data."""
    experiment = configuration.experiments[asked.name]
    key = f"experiments.{asked.name}"
    own = list(_of_training(f"{key}.training", experiment.training))
    yield from own
    told = {finding.message for finding in own}
    for arm in asked.complete(experiment):
        of_arm = _of_training(f"{key}.arms.{arm.name}.training", arm.training)
        yield from (finding for finding in of_arm if finding.message not in told)
    yield from _of_fusion(key, experiment)
    yield from _named_twice(key, experiment)
    for name in asked.arms:
        if not experiment.is_complete(name):
            yield Finding(f"{key}.arms.{name}", without_retrieval(name))
    yield from _the_same(key, experiment, asked)
    yield from _trained_otherwise(key, experiment, asked)
    yield from _of_growth(configuration, asked)
    for name in retrievals_of(configuration, asked):
        yield from _of_search(f"retrievals.{name}", configuration.retrievals[name])
    for name in banks_of(configuration, asked):
        bank = configuration.banks[name]
        if isinstance(bank, CnnBank) and min(bank.std) <= 0:
            yield Finding(f"banks.{name}.std", _divides(bank.std))
    for name in (experiment.target, *experiment.sources):
        yield from _of_data(f"datasets.{name}", configuration.datasets[name])


def banks_of(configuration: Configuration, asked: Asked) -> list[str]:
    """The filter banks that an experiment's arms search with; its own one in any case."""
    names = retrievals_of(configuration, asked)
    return list(dict.fromkeys(configuration.retrievals[name].bank for name in names))


def retrievals_of(configuration: Configuration, asked: Asked) -> list[str]:
    """The ways of retrieval that an experiment's arms use; its own one in any case."""
    experiment = configuration.experiments[asked.name]
    used = (arm.retrieval for arm in asked.complete(experiment))
    return list(dict.fromkeys([experiment.retrieval, *used]))


def _the_same(key: str, experiment: ExperimentSettings, asked: Asked) -> Iterator[Finding]:
    """Arms that are run for nothing: they have every setting of another one."""
    seen: dict[str, str] = {}
    for arm in asked.complete(experiment):
        name, settings = arm.name, json.dumps(experiment.decides(arm), sort_keys=True)
        first = seen.setdefault(settings, name)
        if first != name:
            own = name if name in experiment.arms else first
            yield Finding(
                f"{key}.arms.{own}",
                f"`{first}` and `{name}` have the same settings: both are run, to the same "
                "result. Change one, or ask for one",
                stops=False,
            )


def _trained_otherwise(key: str, experiment: ExperimentSettings, asked: Asked) -> Iterator[Finding]:
    """Arms of which the verdict would take for a gain of borrowing what is one of training."""
    if WITHOUT_SOURCE not in asked.arms:
        return
    theirs = experiment.arm(WITHOUT_SOURCE).training.deciding(with_sources=False)
    for arm in asked.complete(experiment):
        if not arm.with_sources or arm.name not in {METHOD, *experiment.publish.candidates}:
            continue
        ours = arm.training.deciding(with_sources=False)
        # How the target's loss is weighed against the source's is no matter of one half alone.
        others = [n for n in ours if ours[n] != theirs.get(n) and n != "target_loss_weight"]
        if others:
            yield Finding(
                f"{key}.arms.{arm.name}.training",
                f"{', '.join(f'`{name}`' for name in others)}: otherwise than in "
                f"`{WITHOUT_SOURCE}`, beside which the verdict sets it: whether borrowing helped, "
                f"or that, cannot be told. Give both the same: in {key}.training, or in "
                f"{key}.arms.{WITHOUT_SOURCE}.training",
                stops=False,
            )


def _of_growth(configuration: Configuration, asked: Asked) -> Iterator[Finding]:
    """Why no K_i can grow in arms that are to let them: each round has the first one's images."""
    experiment = configuration.experiments[asked.name]
    if experiment.rounds == 1:
        return
    told: set[str] = set()
    for arm in asked.complete(experiment):
        own = (arm.selection, arm.retrieval) != (experiment.selection, experiment.retrieval)
        key = f"experiments.{asked.name}" + (f".arms.{arm.name}" if own else "")
        kept = configuration.retrievals[arm.retrieval].neighbours_on_file
        why = _no_growth(f"{key}.selection", arm, kept) if arm.iterates else None
        if why is not None and why[1] not in told:
            told.add(why[1])
            yield Finding(
                why[0],
                f"{why[1]}: no K_i can grow, and all {experiment.rounds} rounds borrow the same "
                "images, as `no-iteration` does. Raise it, if growth is meant",
                stops=False,
            )


def _no_growth(key: str, arm: Arm, kept: int) -> tuple[str, str] | None:
    """The key that holds every K_i at K_0, and how; None where none does.

    ``key`` is that of the arm's selection; ``kept`` neighbours are on file. Where hard images are
    drawn more often, levels that grow do so much all the same.
    """
    selection = arm.selection
    if not max(selection.growth_misclassified, selection.growth_uncertain):
        return f"{key}.growth_misclassified", "this and growth_uncertain are 0"
    if selection.highest_sampling_level == 1:
        return f"{key}.highest_sampling_level", "this is 1"
    if selection.initial_neighbours >= kept and not selection.draw_hard_images_more:
        why = f"{kept:,} are kept, as many as {key}.initial_neighbours"
        return f"retrievals.{arm.retrieval}.neighbours_on_file", why
    return None


def _of_search(key: str, settings: RetrievalSettings) -> Iterator[Finding]:
    """Keys of an index or a projection that the backend does without, with values of their own."""
    backend = search_backend(settings.backend)
    sections: list[tuple[str, Settings, Sequence[str]]] = []
    for name in sorted(settings.backend_sections):
        section: Settings = getattr(settings, name)
        sections.append((f"{name}.", section, _unread(backend, name, section)))
    if not backend.needs_projection:
        sections.append(("", settings, PROJECTION))
    for below, section, names in sections:
        for name in names:
            if getattr(section, name) != type(section).model_fields[name].default:
                message = f"decides nothing with `backend: {settings.backend}`"
                yield Finding(f"{key}.{below}{name}", message, stops=False)


def _unread(backend: Backend, name: str, section: Settings) -> list[str]:
    """The keys of a backend's section that the backend goes by for nothing."""
    read = {**backend.built_by, **backend.searched_by}.get(name) or set()
    return [key for key in type(section).model_fields if read is not True and key not in read]


def _divides(std: tuple[float, ...]) -> str:
    return f"every channel is divided by its number, got {std}. Allowed: numbers above 0"


def _of_training(key: str, training: TrainingSettings) -> Iterator[Finding]:
    if min(training.std) <= 0:
        yield Finding(f"{key}.std", _divides(training.std))
    if training.schedule == "steps" and training.learning_rate_steps >= training.updates:
        yield Finding(
            f"{key}.learning_rate_steps",
            f"{training.learning_rate_steps} is not below updates ({training.updates}): the "
            "learning rate never falls. Usual are three quarters of the updates, "
            f"{max(1, training.updates * 3 // 4)} here",
            stops=False,
        )
    yield from wrong_recipe(key, training)
    if training.processes > 1 and training.device == "cpu":
        yield Finding(
            f"{key}.processes",
            f"{training.processes} processes on a CPU share its {training.threads} threads, and "
            "batch norm sees a share of each batch alone. They are meant for GPUs, one each: with "
            "`device: cpu`, 1 is faster",
            stops=False,
        )
    if training.device == "cpu" and training.precision in {"bfloat16", "float16"}:
        yield Finding(
            f"{key}.precision",
            f"most CPUs emulate {training.precision}, ten times slower than float32",
            stops=False,
        )


def _of_fusion(key: str, experiment: ExperimentSettings) -> Iterator[Finding]:
    members = experiment.fused
    if twice := [name for name in dict.fromkeys(members) if members.count(name) > 1]:
        yield Finding(
            f"{key}.ablation.fusion",
            f"`{twice[0]}` is named twice, and would count twice. Name each run once",
            stops=False,
        )
    if len(members) == 1:
        yield Finding(
            f"{key}.ablation.fusion",
            f"`{members[0]}` alone is averaged with nothing. Name two or more, or an empty list",
            stops=False,
        )


def _named_twice(key: str, experiment: ExperimentSettings) -> Iterator[Finding]:
    """Means and intervals would take the same run, or the same view, for another one."""
    lists: dict[str, tuple[object, ...]] = {
        "seeds": experiment.seeds,
        "publish.compare": experiment.publish.compare,
        "ablation.seeds": experiment.ablation.seeds,
        "evaluation.scales": experiment.evaluation.scales,
    }
    for name, values in lists.items():
        if twice := [value for value in dict.fromkeys(values) if values.count(value) > 1]:
            yield Finding(f"{key}.{name}", f"{twice[0]} stands twice, and would count twice")


def _of_data(key: str, settings: DatasetSettings) -> Iterator[Finding]:
    if isinstance(settings, Synthetic) and not settings.per_class.get("train"):
        yield Finding(
            f"{key}.per_class", "there is no training image. Allowed: `train` of 1 and more"
        )
    if isinstance(settings, CsvList) and settings.delimiter == '"':
        yield Finding(f"{key}.delimiter", "'\"' quotes in such a table. Name the separator")
