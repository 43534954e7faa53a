"""Arms: the method, and what it is compared with, row by row as in the paper's ablation.

All arms of an experiment share its target, its source, its rounds and its evaluation. An arm is a
named change of the rest: where source images come from, by which retrieval, how many, and how the
network is trained. The paper's eight are here under their names; the configuration may change them
and add others.
"""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from sjft.settings.base import Name, Settings
from sjft.settings.selection import SelectionSettings, Sources
from sjft.settings.training import TrainingKeys, TrainingSettings
from sjft.settings.weights import RandomWeights

# Names become parts of folders, with a seed behind them, and wildcards.
ArmName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]
METHOD = "selective"
# What it is set beside: no source, and as many source images that are drawn.
WITHOUT_SOURCE, AT_RANDOM = "fine-tune", "random-source"
# In place of an arm's name: the best of those that are compared.
BEST = "best"


class ArmSettings(Settings):
    """An arm, as a change of another one; what is not given is as there."""

    like: ArmName = Field(
        METHOD,
        description="The arm that this one starts from: one of the paper's, or another of your "
        "own. Not for an entry under the name of one of the paper's arms, which changes that one.",
    )
    title: str | None = Field(
        None,
        pattern=r"^[^|`\r\n]+$",
        description="What stands beside the name in the ablation. Null: the title of `like`, and "
        "what is changed.",
    )
    sources: Sources | None = Field(
        None,
        description="Where a round's source images come from, and with that what stands beside a "
        "target image in a batch: its own nearest `neighbours`, `random` ones, `all`, or `none`. "
        "Null: as in `like`.",
    )
    iterate: bool | None = Field(
        None,
        description="Whether K_i grows from round to round, with `sources: neighbours`. Null: as "
        "in `like`.",
    )
    as_many_as: ArmName | None = Field(
        None,
        description="With `sources: random`: the arm that has as many source images, in each "
        "round. Null: as in `like`, or `like` itself where that has neighbours.",
    )
    against: ArmName | None = Field(
        None,
        description="The arm that this one's difference is taken to. Not given: "
        "`like`; null: none.",
    )
    retrieval: Name | None = Field(
        None,
        description="Name of an entry of `retrievals` to select by. Null: as in `like`.",
    )
    selection: SelectionSettings = Field(
        default_factory=SelectionSettings,
        description="Any keys of `experiments.NAME.selection`; the others are as in `like`.",
    )
    training: TrainingKeys = Field(
        default_factory=TrainingKeys,
        description="Any keys of `experiments.NAME.training` but those that say how a job "
        "computes (`device`, `threads`, `compile`, `log_every`); the others are as in `like`.",
    )

    @model_serializer(mode="wrap")
    def _as_given(self, dumped: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """What was given, and nothing else: a default would be read as a change."""
        values = {k: v for k, v in dumped(self).items() if k in self.model_fields_set}
        for name in ("selection", "training"):
            if name in values:
                keys = getattr(self, name).model_fields_set
                values[name] = {key: v for key, v in values[name].items() if key in keys}
        return values


@dataclass(frozen=True)
class Arm:
    """An arm of an experiment with all that it is run with.

    ``title`` is its row of the table. ``against`` is the arm that differs from this one in the
    thing that this one is about. ``iterates`` says whether K_i grows between the rounds,
    ``as_many_as`` whose number of source images is drawn where these are random.
    """

    name: str
    title: str
    sources: Sources
    iterates: bool
    against: str | None
    as_many_as: str | None
    retrieval: str
    selection: SelectionSettings
    training: TrainingSettings

    @property
    def selects(self) -> bool:
        """Whether it needs the neighbours' ranking."""
        return self.sources == "neighbours"

    @property
    def with_sources(self) -> bool:
        """Whether source images stand in its batches."""
        return self.sources != "none"


# Their heads are no newer than the rest.
_FROM_SCRATCH = TrainingKeys(
    weights=RandomWeights(source="random", seed=0),
    head_learning_rate_factor=1.0,
    source_head_learning_rate_factor=1.0,
    source_head="new",
    source_head_classes=None,
)
PRESETS: dict[str, ArmSettings] = {
    "scratch": ArmSettings(
        title="target only, from scratch",
        sources="none",
        against="selective-scratch",
        training=_FROM_SCRATCH,
    ),
    "selective-scratch": ArmSettings(
        title="selective joint training from scratch",
        sources="neighbours",
        iterate=True,
        against="selective",
        training=_FROM_SCRATCH,
    ),
    "fine-tune": ArmSettings(
        title="fine-tuning without a source", sources="none", against="selective"
    ),
    "all-source": ArmSettings(
        title="joint fine-tuning, all source images", sources="all", against="selective"
    ),
    "random-source": ArmSettings(
        title="joint fine-tuning, random source images",
        sources="random",
        as_many_as="selective",
        against="selective",
    ),
    "no-iteration": ArmSettings(
        title="selective, no iteration",
        sources="neighbours",
        iterate=False,
        against="selective",
    ),
    # The paper's figures for Gabor filters are without iteration too.
    "gabor": ArmSettings(
        title="selective, no iteration, Gabor bank",
        sources="neighbours",
        iterate=False,
        against="no-iteration",
    ),
    "selective": ArmSettings(
        title="selective joint fine-tuning", sources="neighbours", iterate=True
    ),
}
# What they search with has to be said: it is not the experiment's own.
WITHOUT_RETRIEVAL = frozenset({"gabor"})
