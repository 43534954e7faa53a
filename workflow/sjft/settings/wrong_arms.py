"""What is wrong with the arms of an experiment, told with the key and what to write instead."""

from collections.abc import Iterator

from pydantic import ValidationError

from sjft.errors import UserError
from sjft.settings.arm import BEST, METHOD, PRESETS, Arm, ArmSettings
from sjft.settings.arms_of import ancestry, given, without_retrieval
from sjft.settings.experiment import ExperimentSettings
from sjft.settings.explanation import choices
from sjft.settings.quoting import shortened
from sjft.settings.selection import no_divergences
from sjft.settings.training import COMPUTING, NO_SOURCE_HEAD, TrainingSettings

# The ablation has a row of this name.
FUSION = "fusion"
LONGEST_NAME = 100
Problems = Iterator[tuple[str, str]]


def wrong_arms(experiment: ExperimentSettings) -> Problems:
    """Keys below the experiment's, and what is wrong with each."""
    yield from _wrong_names(experiment)
    broken = [each for name in experiment.arms for each in _wrong_lineage(experiment, name)]
    yield from broken
    if broken:  # what an arm is like cannot be said
        return
    yield from _unknown(experiment)
    yield from _nothing_to_choose(experiment)
    for name, settings in experiment.arms.items():
        if name != METHOD and (name not in PRESETS or experiment.is_complete(name)):
            yield from _wrong_arm(experiment, name, settings)
    for name in experiment.named_arms:
        if not experiment.is_complete(name):
            if name in PRESETS:
                yield f"arms.{name}", without_retrieval(name)
            continue
        arm = experiment.arm(name)
        if arm.training.source_loss_scale is not None and arm.sources in {"all", "random"}:
            key = f"arms.{name}.training.source_loss_scale"
            yield key, no_divergences(arm.sources)


def _wrong_names(experiment: ExperimentSettings) -> Problems:
    folded: dict[str, str] = {name.casefold(): name for name in PRESETS}
    for name in experiment.arms:
        other = folded.setdefault(name.casefold(), name)
        if other != name:
            yield (
                f"arms.{name}",
                f"some disks take the folders of `{name}` and `{other}` for one: give it another "
                "name",
            )
        if name == FUSION:
            yield (
                f"arms.{name}",
                f"the ablation has a row `{FUSION}` of its own: give it another name",
            )
        if name == BEST:
            yield (
                f"arms.{name}",
                f"`publish: {{arm: {BEST}}}` chooses among the arms: give this one another name",
            )
        if len(name) > LONGEST_NAME:
            yield (
                "arms",
                f"the name `{shortened(name)}` has {len(name)} characters; allowed are "
                f"{LONGEST_NAME}, since folders are named by it",
            )


def _wrong_lineage(experiment: ExperimentSettings, name: str) -> Problems:
    settings = experiment.arms[name]
    if name == METHOD:
        yield (
            f"arms.{name}",
            f"`{METHOD}` is what the experiment's own `retrieval`, `selection` and `training` say: "
            "change these, or give the arm another name",
        )
    elif name in PRESETS and "like" in settings.model_fields_set:
        yield (
            f"arms.{name}.like",
            f"`{name}` is one of the paper's arms, and stays what it is but for what is changed "
            "here: give an arm that starts from another one a name of its own",
        )
    elif name not in PRESETS:
        try:
            ancestry(name, experiment.arms)
        except UserError as error:
            yield f"arms.{name}.like", str(error)


def _unknown(experiment: ExperimentSettings) -> Problems:
    """Arms that are named and that there are not."""
    named = [
        *(() if experiment.publish.is_chosen else [("publish.arm", experiment.publish.arm)]),
        *(("publish.compare", name) for name in experiment.publish.compare),
        *(("ablation.arms", name) for name in experiment.ablation.arms or ()),
        *(
            (f"arms.{arm}.{key}", name)
            for arm, settings in experiment.arms.items()
            for key in ("against", "as_many_as")
            if (name := getattr(settings, key)) is not None
        ),
    ]
    for key, name in named:
        if name not in experiment.arm_names:
            known = choices(name, experiment.arm_names)
            yield key, f"there is no arm `{shortened(name)}`; {known}"


def _nothing_to_choose(experiment: ExperimentSettings) -> Problems:
    compared = experiment.publish.compare
    if experiment.publish.is_chosen and len(set(compared)) < 2:
        there = f"there is `{compared[0]}` alone" if compared else "there is none"
        yield (
            "publish.compare",
            f"`publish.arm: {BEST}` chooses among these, and {there}. Name two or more: "
            "`[selective, fine-tune, random-source]`, for example",
        )


def _wrong_arm(experiment: ExperimentSettings, name: str, settings: ArmSettings) -> Problems:
    key = f"arms.{name}"
    if not experiment.is_complete(name):
        yield key, without_retrieval(name)
        return
    arm = experiment.arm(name)
    if settings.against == name:
        yield f"{key}.against", "an arm has no difference to itself: name another one, or null"
    if settings.iterate and not arm.selects:
        yield (
            f"{key}.iterate",
            f"K_i grows where source images are an image's own neighbours: these are "
            f"`{arm.sources}`",
        )
    yield from _wrong_number(key, experiment, arm, settings)
    yield from _without_effect(key, arm, settings)
    yield from _wrong_training(f"{key}.training", experiment, arm, settings)


def _wrong_number(
    key: str, experiment: ExperimentSettings, arm: Arm, settings: ArmSettings
) -> Problems:
    if settings.as_many_as is not None and arm.sources != "random":
        yield f"{key}.as_many_as", f"is for `sources: random` alone: these are `{arm.sources}`"
    other = arm.as_many_as
    if other in experiment.arm_names and (
        other == arm.name or not (experiment.is_complete(other) and experiment.arm(other).selects)
    ):
        selecting = [
            name
            for name in experiment.arm_names
            if experiment.is_complete(name) and experiment.arm(name).selects
        ]
        yield (
            f"{key}.as_many_as",
            f"`{other}` does not choose source images by neighbours. Allowed: "
            f"{', '.join(selecting)}",
        )


def _without_effect(key: str, arm: Arm, settings: ArmSettings) -> Problems:
    """Keys that would be read, and decide nothing in this arm."""
    if not arm.selects:
        for each in given(settings.selection):
            yield (
                f"{key}.selection.{each}",
                f"decides nothing here: source images are `{arm.sources}`, not own neighbours",
            )
    if arm.with_sources:
        return
    if settings.retrieval is not None:
        yield f"{key}.retrieval", "decides nothing here: the arm has no source images"
    for each, value in given(settings.training).items():
        if each in NO_SOURCE_HEAD or (each, value) == ("batch_norm", "separate"):
            yield f"{key}.training.{each}", "decides nothing here: the arm has no source images"


def _wrong_training(
    key: str, experiment: ExperimentSettings, arm: Arm, settings: ArmSettings
) -> Problems:
    for each in given(settings.training):
        if each in COMPUTING:
            yield (
                f"{key}.{each}",
                "says how a job computes, which no arm is about: give it in the experiment's "
                "`training`",
            )
    try:
        TrainingSettings.model_validate(dict(arm.training))
    except ValidationError as error:
        for details in error.errors(include_url=False):
            yield key, details["msg"].removeprefix("Value error, ")
    if min(experiment.evaluation.scales) < arm.training.input_size:
        yield (
            f"{key}.input_size",
            f"{arm.training.input_size} is more than the smallest of the experiment's "
            f"evaluation.scales ({min(experiment.evaluation.scales)}), which all arms share",
        )
