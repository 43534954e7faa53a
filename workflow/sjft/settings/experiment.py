"""Experiments: selection, training, evaluation, and which arms are compared."""

from typing import Literal, Self

from pydantic import Field, model_validator

from sjft.errors import UserError
from sjft.settings.ablation import AblationSettings
from sjft.settings.arm import ARMS, ArmName
from sjft.settings.base import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    Channels,
    Name,
    Seed,
    Settings,
)
from sjft.settings.selection import SelectionSettings
from sjft.settings.weights import RandomWeights, TorchvisionWeights, Weights

Precision = Literal["auto", "float32", "bfloat16", "float16"]
GABOR_NEEDED = (
    "the arm `gabor` needs `ablation.gabor_retrieval`: the name of an entry of `retrievals` whose "
    "bank has `type: gabor`"
)


class TrainingSettings(Settings):
    """Joint fine-tuning (paper, section 3)."""

    network: str = Field("resnet152", description="Any torchvision classification network.")
    weights: Weights = Field(
        default_factory=lambda: TorchvisionWeights(source="torchvision", name="IMAGENET1K_V1")
    )
    source_head: Literal["new", "pretrained"] = Field(
        "new",
        description="Whether the source's classifier starts anew, or from the rows that the "
        "weights' own classifier has for the source's classes: where the weights were trained on "
        "the source.",
    )
    source_head_classes: str | None = Field(
        None,
        description="A file with the class names of the weights' classifier, row by row; what "
        "follows the first word of a line is left aside. Absolute, or relative to `data_root`. "
        "Null: the source has just these classes, and they are in the order of their names.",
    )
    input_size: int = Field(224, ge=16, description="Side of the training crop, in pixels.")
    resize: tuple[int, int] = Field(
        (256, 480), description="Range of the shorter side before the random crop, in pixels."
    )
    target_batch: int = Field(
        10, ge=1, description="Target images a forward pass; as many source images join them."
    )
    most_of_a_class: int | None = Field(
        2,
        ge=1,
        description="A forward pass holds at most so many target images of one class, or a class's "
        "even share where that is more. Null: as they come.",
    )
    accumulate: int = Field(10, ge=1, description="Forward passes whose gradients make an update.")
    updates: int = Field(3000, ge=1, description="Updates of the weights in a round.")
    learning_rate: float = Field(
        0.01, gt=0, description="At the start of each round, or behind its warm-up."
    )
    schedule: Literal["steps", "cosine"] = Field(
        "steps",
        description="How the learning rate falls: by ten every `learning_rate_steps`, or along "
        "half a cosine to 0 at the end of each round.",
    )
    learning_rate_steps: int = Field(
        2400, ge=1, description="With `schedule: steps`: updates between two divisions by ten."
    )
    warm_up_updates: int = Field(
        0, ge=0, description="First updates of each round in which the learning rate rises evenly."
    )
    momentum: float = Field(0.9, ge=0, lt=1, description="Of SGD.")
    weight_decay: float = Field(1e-4, ge=0, description="Of SGD.")
    head_learning_rate_factor: float = Field(
        1.0, gt=0, description="The target head's learning rate, as a multiple of the trunk's."
    )
    source_head_learning_rate_factor: float | None = Field(
        None,
        gt=0,
        description="The source head's. Null: as the target head's, or 1 where "
        "`source_head: pretrained`.",
    )
    target_loss_weight: float = Field(
        1.0, gt=0, description="Weight of the target task's loss (authors' configuration: 0.5)."
    )
    source_loss_weight: float = Field(
        1.0, ge=0, description="Weight of the source task's loss (authors' configuration: 0.5)."
    )
    freeze_batch_norm: bool = Field(
        False, description="Keep batch-norm statistics as they came with the weights."
    )
    mean: Channels = Field(IMAGENET_MEAN, description="Subtracted from RGB in [0, 1].")
    std: Channels = Field(IMAGENET_STD, description="Divides RGB after the mean.")
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="`auto` takes CUDA where it is there."
    )
    threads: int = Field(
        8, ge=1, description="Threads of a training job, at most; small networks gain from few."
    )
    processes: int = Field(
        1,
        ge=1,
        description="Processes that train together and share each batch's pairs: one for each GPU. "
        "Must divide `target_batch`.",
    )
    precision: Precision = Field(
        "auto",
        description="Of the forward pass. `auto` is bfloat16 or float16 on GPUs, whichever they "
        "are fast in, and float32 on CPUs.",
    )
    compile: bool = Field(
        False, description="Compile the network with torch.compile; a CPU needs a C++ compiler."
    )
    log_every: int = Field(50, ge=1, description="Updates between two rows of history.csv.")

    @property
    def source_head_factor(self) -> float:
        """The source head's learning rate, as a multiple of the trunk's."""
        if self.source_head_learning_rate_factor is not None:
            return self.source_head_learning_rate_factor
        return self.head_learning_rate_factor if self.source_head == "new" else 1.0

    @model_validator(mode="after")
    def _schedule_fits(self) -> Self:
        if self.warm_up_updates >= self.updates:
            raise ValueError(
                f"need warm_up_updates < updates, got {self.warm_up_updates}, {self.updates}"
            )
        return self

    @model_validator(mode="after")
    def _source_head_fits(self) -> Self:
        pretrained = self.source_head == "pretrained"
        if pretrained and isinstance(self.weights, RandomWeights):
            raise ValueError("source_head: random weights have no pre-trained classifier")
        if self.source_head_classes is not None and not pretrained:
            raise ValueError("source_head_classes: is for `source_head: pretrained` alone")
        return self

    @model_validator(mode="after")
    def _processes_share_evenly(self) -> Self:
        if self.target_batch % self.processes:
            raise ValueError(
                f"target_batch ({self.target_batch}) must be a multiple of processes "
                f"({self.processes})"
            )
        return self

    @model_validator(mode="after")
    def _sizes_fit(self) -> Self:
        low, high = self.resize
        if not self.input_size <= low <= high:
            raise ValueError(
                f"need input_size <= resize[0] <= resize[1], got {self.input_size}, {low}, {high}"
            )
        return self


class EvaluationSettings(Settings):
    """Class scores averaged over scales, crops and mirrors, as VGG does it (paper, section 4)."""

    split: Literal["val", "test"] = Field("test", description="Choose settings on `val`.")
    scales: tuple[int, ...] = Field(
        (256,), min_length=1, description="Shorter sides, in pixels, at least `input_size`."
    )
    crops: Literal["centre", "five"] = Field(
        "centre", description="The central crop alone, or with the four corners."
    )
    mirror: bool = Field(False, description="Add every crop's mirror image.")
    batch: int = Field(64, ge=1, description="Crops a forward pass.")

    def single_view(self) -> Self:
        """The first scale's central crop alone, which is what the training images are scored by."""
        return self.model_copy(
            update={"scales": self.scales[:1], "crops": "centre", "mirror": False}
        )


class PublishSettings(Settings):
    """Which run becomes `results/{experiment}/model.pt`."""

    arm: ArmName = Field("selective", description="The arm to publish.")
    seed: Seed = Field(0, description="The seed to publish.")
    compare: tuple[ArmName, ...] = Field(
        (),
        description="Arms that are run and evaluated beside it, so that model card and summary "
        "can compare; empty: just the published run.",
    )


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
    def ablation_arms(self) -> tuple[ArmName, ...]:
        """The arms of the ablation, in the order of the paper's table."""
        if self.ablation.arms is not None:
            return tuple(name for name in ARMS if name in self.ablation.arms)
        random = isinstance(self.training.weights, RandomWeights)
        return tuple(
            name
            for name, arm in ARMS.items()
            if not (arm.scratch and random)
            and not (arm.gabor and self.ablation.gabor_retrieval is None)
            and not (arm.first_round_of and self.rounds == 1)
        )

    @property
    def fused(self) -> tuple[str, ...]:
        """The members of the ablation's row `fusion`; none where there is no such row."""
        if self.ablation.fusion is not None:
            return self.ablation.fusion
        both = ("selective", "gabor")
        return both if set(both) <= set(self.ablation_arms) else ()

    def retrieval_of(self, arm: ArmName) -> str:
        """The way of retrieval that an arm selects by."""
        if not ARMS[arm].gabor:
            return self.retrieval
        if self.ablation.gabor_retrieval is None:
            raise UserError(GABOR_NEEDED)
        return self.ablation.gabor_retrieval

    def training_of(self, arm: ArmName) -> TrainingSettings:
        """How an arm is trained: as configured, or from random weights."""
        if not ARMS[arm].scratch:
            return self.training
        return self.training.model_copy(
            update={
                "weights": RandomWeights(source="random", seed=0),
                "learning_rate": self.ablation.scratch_learning_rate or self.training.learning_rate,
                "head_learning_rate_factor": 1.0,
                "source_head_learning_rate_factor": 1.0,
                "source_head": "new",
                "source_head_classes": None,
                "freeze_batch_norm": False,
            }
        )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.sources or len(set(self.sources)) < len(self.sources):
            raise ValueError(f"source must name one or more different data sets, got {self.source}")
        if self.target in self.sources:
            raise ValueError("target and source must be different data sets")
        if self.publish.seed not in self.seeds:
            raise ValueError(f"publish.seed {self.publish.seed} is not among seeds {self.seeds}")
        named = {self.publish.arm, *self.publish.compare, *self.ablation_arms}
        if self.ablation.gabor_retrieval is None and any(ARMS[name].gabor for name in named):
            raise ValueError(GABOR_NEEDED)
        if min(self.evaluation.scales) < self.training.input_size:
            raise ValueError(
                f"evaluation.scales must be at least training.input_size "
                f"({self.training.input_size}), got {self.evaluation.scales}"
            )
        return self
