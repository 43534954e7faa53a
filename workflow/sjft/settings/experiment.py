"""Experiments: selection, training, evaluation, and which arms are compared."""

from typing import Literal, Self

from pydantic import Field, model_validator

from sjft.settings.base import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    Channels,
    Name,
    Seed,
    Settings,
)
from sjft.settings.weights import TorchvisionWeights, Weights

Precision = Literal["auto", "float32", "bfloat16", "float16"]
Arm = Literal["selective", "fine-tune", "random-source", "all-source"]


class SelectionSettings(Settings):
    """How many neighbours each target image brings, and how hard images bring more."""

    initial_neighbours: int = Field(
        300, ge=1, description="K_0 (authors' Indoor 67 configuration: 300)."
    )
    growth_misclassified: float = Field(
        4.0, ge=0, description="A misclassified image's K_i grows by this many K_0 per round."
    )
    growth_uncertain: float = Field(
        2.0, ge=0, description="A right but uncertain image's K_i grows by this many K_0."
    )
    entropy_threshold: float = Field(
        0.1, ge=0, description="delta, in nats: an entropy of at least this is uncertain."
    )
    least_images_per_class: int = Field(
        1, ge=1, description="Source classes with fewer selected images are dropped."
    )


class TrainingSettings(Settings):
    """Joint fine-tuning (paper, section 3)."""

    network: str = Field("resnet152", description="Any torchvision classification network.")
    weights: Weights = Field(
        default_factory=lambda: TorchvisionWeights(source="torchvision", name="IMAGENET1K_V1")
    )
    input_size: int = Field(224, ge=16, description="Side of the training crop, in pixels.")
    resize: tuple[int, int] = Field(
        (256, 480), description="Range of the shorter side before the random crop, in pixels."
    )
    target_batch: int = Field(
        10, ge=1, description="Target images a forward pass; as many source images join them."
    )
    accumulate: int = Field(10, ge=1, description="Forward passes whose gradients make an update.")
    updates: int = Field(3000, ge=1, description="Updates of the weights in a round.")
    learning_rate: float = Field(0.01, gt=0, description="At the start of each round.")
    learning_rate_steps: int = Field(
        2400, ge=1, description="Updates after which the learning rate is divided by ten."
    )
    momentum: float = Field(0.9, ge=0, lt=1, description="Of SGD.")
    weight_decay: float = Field(1e-4, ge=0, description="Of SGD.")
    head_learning_rate_factor: float = Field(
        1.0, gt=0, description="The heads' learning rate, as a multiple of the trunk's."
    )
    source_loss_weight: float = Field(1.0, ge=0, description="Weight of the source task's loss.")
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

    arm: Arm = Field("selective", description="The arm to publish.")
    seed: Seed = Field(0, description="The seed to publish.")
    compare: tuple[Arm, ...] = Field(
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

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources, in their order."""
        return (self.source,) if isinstance(self.source, str) else self.source

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
