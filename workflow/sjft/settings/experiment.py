"""Experiments: selection, training, evaluation, and which arms are compared."""

from collections.abc import Iterable
from typing import Any, Self

from pydantic import Field, model_validator

from sjft.settings.ablation import AblationSettings
from sjft.settings.arm import BEST, METHOD, PRESETS, WITHOUT_RETRIEVAL, Arm, ArmName, ArmSettings
from sjft.settings.arms_of import ancestry, given, names_of, resolve
from sjft.settings.base import Name, Seed, Settings
from sjft.settings.evaluation import EvaluationSettings
from sjft.settings.selection import SelectionSettings
from sjft.settings.training import TrainingSettings
from sjft.settings.weights import RandomWeights


class PublishSettings(Settings):
    """Which run becomes `results/{experiment}/model.pt`."""

    arm: ArmName = Field(
        "selective",
        description="The arm to publish. `best`: the one of `compare` with the best mean class "
        "accuracy on the target's split `val`, a mean over `seeds`.",
    )
    seed: Seed = Field(0, description="The seed to publish.")
    compare: tuple[ArmName, ...] = Field(
        (),
        description="Arms that are run and evaluated beside it, so that model card and summary "
        "can compare; empty: just the published run.",
    )
    leave_out_duplicates: bool = Field(
        False,
        description="Whether summary, verdict and ablation leave out the test images that stand "
        "among the target's own training images. Nothing is trained again for it.",
    )

    @property
    def is_chosen(self) -> bool:
        """Whether the arm is chosen by the validation split, and not named."""
        return self.arm == BEST

    @property
    def candidates(self) -> tuple[str, ...]:
        """The arms that may be published: the named one, or all that one is chosen among."""
        return self.compare if self.is_chosen else (self.arm,)

    @property
    def arms(self) -> tuple[str, ...]:
        """All arms that are run for the published model and its summary, each once."""
        return tuple(dict.fromkeys((*self.candidates, *self.compare)))


class ExperimentSettings(Settings):
    """One target, one source, one way of retrieval, one network, any number of arms."""

    target: Name = Field(description="Name of an entry of `datasets`.")
    source: Name | tuple[Name, ...] = Field(
        description="Name of an entry of `datasets`, or a list of several: their label spaces are "
        "put side by side, and one ranking goes across all of them."
    )
    retrieval: Name = Field(description="Name of an entry of `retrievals`.")
    rounds: int = Field(
        2, ge=1, le=99, description="Rounds of fine-tuning; from the second on, hard images grow."
    )
    seeds: tuple[Seed, ...] = Field((0,), min_length=1, description="Seeds of the compared runs.")
    selection: SelectionSettings = Field(
        default_factory=SelectionSettings, description="See its own table."
    )
    training: TrainingSettings = Field(
        default_factory=TrainingSettings, description="See its own table."
    )
    evaluation: EvaluationSettings = Field(
        default_factory=EvaluationSettings, description="See its own table."
    )
    arms: dict[ArmName, ArmSettings] = Field(
        default_factory=dict,
        description="Arms of your own, by name, and changes of the paper's: see the table of an "
        "arm's keys.",
    )
    publish: PublishSettings = Field(
        default_factory=PublishSettings, description="See its own table."
    )
    ablation: AblationSettings = Field(
        default_factory=AblationSettings, description="See its own table."
    )

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources, in their order."""
        return (self.source,) if isinstance(self.source, str) else self.source

    @property
    def arm_names(self) -> tuple[str, ...]:
        """The paper's arms in the order of its table, and then the configuration's own."""
        return names_of(self.arms)

    def arm(self, name: str) -> Arm:
        """An arm with all that it is run with.

        Raises `UserError` for an arm that there is not, and for one without a retrieval.
        """
        return resolve(name, self.arms, self.retrieval, self.selection, self.training)

    def configured_behind(self, names: Iterable[str]) -> tuple[str, ...]:
        """The entries of `arms` that decide these arms, in their order."""
        behind: set[str] = set()
        for name in names:
            behind.update(ancestry(name, self.arms))
            if (other := self.arm(name).as_many_as) is not None:
                behind.update(ancestry(other, self.arms))
        return tuple(name for name in self.arms if name in behind)

    def is_complete(self, name: str) -> bool:
        """Whether an arm can be run: of the paper's, `gabor` has to be given a retrieval."""
        lineage = ancestry(name, self.arms)
        return lineage[0] not in WITHOUT_RETRIEVAL or any(
            self.arms[each].retrieval for each in lineage if each in self.arms
        )

    def first_round_owner(self, name: str) -> str:
        """The arm whose first round is the very same one, which is trained once for all of them.

        That is `selective` where it is equal, else the first of `arm_names`. Those from scratch
        come last: where all weights are random, they are the ones that are nothing of their own.
        """
        wanted = self.decides_first_round(self.arm(name))
        ordered = sorted((METHOD, *self.arm_names), key=_from_scratch)
        others = filter(self.is_complete, ordered)
        return next(o for o in others if self.decides_first_round(self.arm(o)) == wanted)

    def decides_first_round(self, arm: Arm) -> dict[str, Any]:
        """All that an arm's first round hangs on, as plain values."""
        return {
            **self._decides_selection(arm, grown=False),
            "training": arm.training.deciding(arm.with_sources),
        }

    def decides(self, arm: Arm) -> dict[str, Any]:
        """All that an arm's result hangs on, as plain values: not its name, nor its title."""
        return self.decides_first_round(arm) | self._decides_selection(arm, grown=self.rounds > 1)

    def _decides_selection(self, arm: Arm, *, grown: bool) -> dict[str, Any]:
        """By what source images are selected; ``grown`` where K_i may have grown."""
        number = None
        if arm.as_many_as is not None:
            other = self.arm(arm.as_many_as)
            # How far K_i grows hangs on how that arm is trained.
            number = self.decides(other) if grown else self._decides_selection(other, grown=False)
        return {
            "sources": arm.sources,
            # Source images that show a held-out image are left out by it, whatever selects.
            "retrieval": arm.retrieval,
            "iterates": arm.iterates and grown,
            "selection": arm.selection.deciding(arm.iterates and grown) if arm.selects else {},
            "as_many_as": number,
        }

    @property
    def ablation_arms(self) -> tuple[str, ...]:
        """The arms of the ablation, in the order of the paper's table."""
        if self.ablation.arms is not None:
            return tuple(name for name in self.arm_names if name in self.ablation.arms)
        return tuple(name for name in self.arm_names if self._runs_by_default(name))

    def _runs_by_default(self, name: str) -> bool:
        """All of the user's own, and what of the paper's is another thing in this experiment."""
        if name not in PRESETS:
            return True
        random = isinstance(self.training.weights, RandomWeights)
        same = self.rounds == 1 and name != METHOD and PRESETS[name].iterate is False
        return (
            not (_from_scratch(name) and random)
            and self.is_complete(name)
            and not (same and self.decides(self.arm(name)) == self.decides(self.arm(METHOD)))
        )

    @property
    def named_arms(self) -> tuple[str, ...]:
        """The arms that are published, compared or in the ablation, in the order of `arm_names`."""
        asked = {*self.publish.arms, *self.ablation_arms}
        return tuple(name for name in self.arm_names if name in asked)

    @property
    def fused(self) -> tuple[str, ...]:
        """The members of the ablation's row `fusion`; none where there is no such row."""
        if self.ablation.fusion is not None:
            return self.ablation.fusion
        both = ("selective", "gabor")
        return both if set(both) <= set(self.ablation_arms) else ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.sources or len(set(self.sources)) < len(self.sources):
            raise ValueError(f"source must name one or more different data sets, got {self.source}")
        if self.target in self.sources:
            raise ValueError("target and source must be different data sets")
        if self.publish.seed not in self.seeds:
            raise ValueError(f"publish.seed {self.publish.seed} is not among seeds {self.seeds}")
        if min(self.evaluation.scales) < self.training.input_size:
            raise ValueError(
                f"evaluation.scales must be at least training.input_size "
                f"({self.training.input_size}), got {self.evaluation.scales}"
            )
        return self


def _from_scratch(name: str) -> bool:
    """Whether it is one of the paper's arms with weights of their own: random ones."""
    return name in PRESETS and "weights" in given(PRESETS[name].training)
