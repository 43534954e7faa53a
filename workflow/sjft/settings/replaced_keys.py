"""Keys that a user may expect, and that stand elsewhere: what to write instead."""

from collections.abc import Sequence

from pydantic import BaseModel

from sjft.settings.ablation import AblationSettings
from sjft.settings.arm import ArmSettings
from sjft.settings.image_limits import ImageLimits
from sjft.settings.quoting import shown
from sjft.settings.training import TrainingKeys

# Of an experiment, what all of its arms share, and why; what to do instead.
SHARED = {
    "target": "all arms are compared on the same images of one target. Write an experiment of its "
    "own for another",
    "source": "all arms choose from the same source. Write an experiment of its own for another; "
    "`ablation.fusion` can average over both, as EXPERIMENT/ARM",
    "rounds": "all arms run the same rounds. `iterate: false` keeps K_i at K_0 in all of them; for "
    "another number write an experiment of its own",
    "seeds": "arms are compared seed by seed. Give the experiment's `ablation.seeds`",
    "evaluation": "all arms are measured alike. Write an experiment of its own for another "
    "evaluation",
    "publish": "is the experiment's: write `publish: {{arm: {name}}}` there to publish this arm",
    "ablation": "is the experiment's, and has a row for each arm; which one this arm's difference "
    "is taken to is `against`",
    "arms": "arms stand side by side in the experiment's `arms`; one starts from another by "
    "`like: {name}`",
}


def what_instead(
    model: type[BaseModel], path: Sequence[str], key: str, value: object
) -> str | None:
    """What to say of an unknown ``key`` of a section at ``path``; None where nothing is known."""
    if issubclass(model, ArmSettings) and key in SHARED:
        return SHARED[key].format(name=path[-1])
    if issubclass(model, TrainingKeys) and key == "freeze_batch_norm":
        return f"is `batch_norm: {'frozen' if value else 'shared'}` now: write that instead"
    # The key that is most alike, `largest_file`, is in other units.
    if issubclass(model, ImageLimits) and key == "largest_picture":
        return "is `largest_image` now: write that instead"
    if issubclass(model, AblationSettings) and key in _OF_ARMS:
        if value is None:
            return "is no longer a key, and null says nothing: remove it"
        arms = ", ".join(f"{arm}: {_OF_ARMS[key][1]}" for arm in _OF_ARMS[key][0])
        experiment = path[1]
        return (
            "what an arm is run with stands in `arms` now. Remove the key, and write "
            f"experiments: {{{experiment}: {{arms: {{{arms.format(value=_as_yaml(value))}}}}}}}"
        )
    return None


_OF_ARMS = {
    "gabor_retrieval": (("gabor",), "{{retrieval: {value}}}"),
    "scratch_learning_rate": (
        ("scratch", "selective-scratch"),
        "{{training: {{learning_rate: {value}}}}}",
    ),
}


def _as_yaml(value: object) -> str:
    return value if isinstance(value, str) and value.isidentifier() else shown(value)
