"""An arm within its experiment: what it starts from, and what of that is changed."""

import json
from collections.abc import Mapping
from dataclasses import replace

from sjft.errors import UserError
from sjft.settings.arm import METHOD, PRESETS, WITHOUT_RETRIEVAL, Arm, ArmSettings
from sjft.settings.explanation import choices
from sjft.settings.quoting import shortened
from sjft.settings.selection import SelectionSettings
from sjft.settings.training import TrainingKeys, TrainingSettings
from sjft.settings.weights import RandomWeights

LONGEST_VALUE = 40
Configured = Mapping[str, ArmSettings]


def names_of(configured: Configured) -> tuple[str, ...]:
    """The paper's arms in the order of its table, and then the configuration's own."""
    return tuple(dict.fromkeys([*PRESETS, *configured]))


def ancestry(name: str, configured: Configured) -> tuple[str, ...]:
    """One of the paper's arms, and the arms that start from it one after the other, up to this one.

    Raises `UserError` for an arm that there is not, and where arms start from each other.
    """
    found = [name]
    while found[-1] not in PRESETS:
        if found[-1] not in configured:
            known = choices(found[-1], names_of(configured))
            raise UserError(f"there is no arm `{shortened(found[-1])}`; {known}")
        like = configured[found[-1]].like
        if like in found:
            circle = " starts from ".join(f"`{each}`" for each in [*found, like])
            raise UserError(f"{circle}: one of them must start from one of {', '.join(PRESETS)}")
        found.append(like)
    return tuple(reversed(found))


def resolve(
    name: str,
    configured: Configured,
    retrieval: str,
    selection: SelectionSettings,
    training: TrainingSettings,
) -> Arm:
    """The arm ``name`` of an experiment with these settings of its own.

    Raises `UserError` for an arm that there is not, and for one without a retrieval.
    """
    preset, *followers = ancestry(name, configured)
    arm = Arm(
        name=preset,
        title="",
        sources="neighbours",
        iterates=True,
        against=None,
        as_many_as=None,
        retrieval="" if preset in WITHOUT_RETRIEVAL else retrieval,
        selection=selection,
        training=training,
    )
    arm = _with_statistics(_changed(arm, preset, PRESETS[preset]))
    if preset in configured:
        arm = _changed(arm, preset, configured[preset])
    for follower in followers:
        arm = _changed(arm, follower, configured[follower])
    if not arm.retrieval:
        raise UserError(without_retrieval(name))
    return replace(
        arm,
        iterates=arm.iterates and arm.selects,
        as_many_as=(arm.as_many_as or METHOD) if arm.sources == "random" else None,
    )


def _with_statistics(arm: Arm) -> Arm:
    """From scratch, there are no statistics of batch norm to keep: they are learned."""
    if arm.training.batch_norm == "frozen" and isinstance(arm.training.weights, RandomWeights):
        return replace(arm, training=arm.training.model_copy(update={"batch_norm": "shared"}))
    return arm


def without_retrieval(name: str) -> str:
    """What to write for an arm that has nothing to search with."""
    return (
        f"the arm `{name}` has no retrieval yet. Write `arms: {{{name}: {{retrieval: NAME}}}}` "
        "with the name of an entry of `retrievals`"
        + (" whose bank has `type: gabor`" if name in WITHOUT_RETRIEVAL else "")
    )


def _changed(arm: Arm, name: str, settings: ArmSettings) -> Arm:
    """An arm, and what an entry changes of it: under the arm's own name, the same arm."""
    sources = settings.sources or arm.sources
    as_many_as = settings.as_many_as or arm.as_many_as
    if as_many_as is None and arm.selects:
        as_many_as = arm.name
    own = name != arm.name
    return Arm(
        name=name,
        title=settings.title or (f"{arm.title}; {_told(settings)}" if own else arm.title),
        sources=sources,
        iterates=arm.iterates if settings.iterate is None else settings.iterate,
        against=settings.against
        if "against" in settings.model_fields_set
        else (arm.name if own else arm.against),
        as_many_as=as_many_as if sources == "random" else None,
        retrieval=settings.retrieval or arm.retrieval,
        selection=arm.selection.model_copy(update=given(settings.selection)),
        training=arm.training.model_copy(update=given(settings.training)),
    )


def given(section: SelectionSettings | TrainingKeys) -> dict[str, object]:
    """The keys that stand in the configuration, with their values."""
    fields = type(section).model_fields
    return {key: getattr(section, key) for key in fields if key in section.model_fields_set}


def _told(settings: ArmSettings) -> str:
    """What an entry changes, in a few words."""
    changes = settings.model_dump(mode="json")
    parts = {k: v for k, v in changes.items() if k in ("sources", "iterate", "retrieval")}
    parts |= changes.get("selection", {}) | changes.get("training", {})
    said = (
        f"{key} {shortened(value if isinstance(value, str) else json.dumps(value), LONGEST_VALUE)}"
        for key, value in parts.items()
    )
    return ", ".join(said) or "unchanged"
