"""Training: joint fine-tuning of one round (paper, section 3)."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from sjft.settings.base import IMAGENET_MEAN, IMAGENET_STD, LARGEST_SIDE, Channels, Settings
from sjft.settings.weights import RandomWeights, TorchvisionWeights, Weights, check_published

Precision = Literal["auto", "float32", "bfloat16", "float16"]
# How a job computes: that decides no more than the last digits.
COMPUTING = frozenset({"device", "threads", "compile", "log_every"})
# Without source images, whatever the configuration says.
NO_SOURCE_HEAD: dict[str, Any] = {
    "source_head": "new",
    "source_head_classes": None,
    "source_head_learning_rate_factor": 1.0,
    "source_loss_weight": 1.0,
    "source_loss_weight_at_end": None,
    "source_loss_scale": None,
    "source_batch": None,
}


class TrainingKeys(Settings):
    """Every key of training by itself: an arm may give any of them in place of its experiment's."""

    network: str = Field(
        "resnet152",
        description="Any torchvision classification network, or `timm/NAME` of the extra `timm`.",
    )
    weights: Weights = Field(
        default_factory=lambda: TorchvisionWeights(source="torchvision", name="IMAGENET1K_V1"),
        description="Where training starts. Default: `{source: torchvision, name: IMAGENET1K_V1}`.",
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
    input_size: int = Field(
        224, ge=16, le=LARGEST_SIDE, description="Side of the training crop, in pixels."
    )
    resize: tuple[int, Annotated[int, Field(le=LARGEST_SIDE)]] = Field(
        (256, 480), description="Range of the shorter side before the random crop, in pixels."
    )
    target_batch: int = Field(10, ge=1, description="Target images a forward pass.")
    source_batch: int | None = Field(
        None,
        ge=1,
        description="Source images a forward pass. Fewer than target images stand beside the first "
        "of these, more beside all of them in turn. Null: as many as `target_batch`.",
    )
    most_of_a_class: int | None = Field(
        2,
        ge=1,
        description="A forward pass holds at most so many target images of one class, or a class's "
        "even share where that is more; one that two epochs share, an image or two more at times. "
        "Null: as they come.",
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
    optimiser: Literal["sgd", "adamw"] = Field(
        "sgd",
        description="SGD with momentum, or AdamW with torch's own betas; AdamW wants a learning "
        "rate of about 0.0003 (from random weights up to 0.01), and a weight decay of about 0.05.",
    )
    momentum: float = Field(0.9, ge=0, lt=1, description="Of SGD.")
    weight_decay: float = Field(
        1e-4, ge=0, description="Of the optimiser, on all weights; decoupled with `adamw`."
    )
    layer_wise_decay: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="Each layer of the trunk learns at this multiple of the rate of the layer "
        "above it; the uppermost at this multiple of `learning_rate`. Null: all at one rate.",
    )
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
    source_loss_weight_at_end: float | None = Field(
        None,
        ge=0,
        description="Over each round's updates the weight of the source task's loss goes evenly "
        "from `source_loss_weight` to this. Null: it stays.",
    )
    source_loss_scale: float | None = Field(
        None,
        gt=0,
        description="Where a source image is one of its target image's own neighbours, its loss "
        "is weighted by exp(-divergence / this), divided by the mean of these weights over the "
        "batch. Null: all count alike.",
    )
    label_smoothing: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="The share of each label that is spread evenly over all classes of its task.",
    )
    augment: Literal["crop", "rand_augment"] = Field(
        "crop",
        description="How images are varied: by a random square and mirror alone, or by two "
        "random operations of torchvision's RandAugment on top.",
    )
    rand_augment_magnitude: int = Field(
        9, ge=0, le=30, description="With `augment: rand_augment`: how strong the operations are."
    )
    mixup: float | None = Field(
        None,
        gt=0,
        description="Images are mixed with others of their half of the batch, in shares from "
        "Beta(this, this); timm's usual values are 0.1 to 0.8. Null: no mixing.",
    )
    ema: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="Decay of an exponential moving average of the weights over a round's updates, "
        "which is the round's model in place of the last weights. Null: the last weights.",
    )
    keep: Literal["last", "best_on_val"] = Field(
        "last",
        description="Which weights of a round are its model: the last ones, or those with the best "
        "mean class accuracy on the target's split `val`; with `ema`, of the averages.",
    )
    validate_every: int = Field(
        200,
        ge=1,
        description="With `keep: best_on_val`: updates between two looks at `val`. The last update "
        "of a round is always looked at.",
    )
    batch_norm: Literal["shared", "separate", "frozen"] = Field(
        "shared",
        description="What batch norm normalises by: statistics of the whole batch, those of each "
        "half by itself (the target's are the model's), or those that came with the weights. Its "
        "scales and shifts are trained in any case.",
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


class TrainingSettings(TrainingKeys):
    """Joint fine-tuning (paper, section 3)."""

    @property
    def sources(self) -> int:
        """Source images a forward pass, where there are any."""
        return self.target_batch if self.source_batch is None else self.source_batch

    @property
    def source_head_factor(self) -> float:
        """The source head's learning rate, as a multiple of the trunk's."""
        if self.source_head_learning_rate_factor is not None:
            return self.source_head_learning_rate_factor
        return self.head_learning_rate_factor if self.source_head == "new" else 1.0

    def deciding(self, with_sources: bool) -> dict[str, Any]:
        """What decides the weights, as plain values: not how they are computed.

        Without source images, what is said of these decides nothing.
        """
        unused = {"learning_rate_steps"} if self.schedule == "cosine" else set()
        unused |= {"momentum"} if self.optimiser == "adamw" else set()
        unused |= {"rand_augment_magnitude"} if self.augment == "crop" else set()
        unused |= {"validate_every"} if self.keep == "last" else set()
        values = self.model_dump(mode="json", exclude=unused | COMPUTING)
        if with_sources:
            return values
        one_half = {"batch_norm": "shared"} if self.batch_norm == "separate" else {}
        return values | NO_SOURCE_HEAD | one_half

    @model_validator(mode="after")
    def _weights_are_published(self) -> Self:
        check_published(self.network, self.weights)
        return self

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
    def _statistics_came_with_the_weights(self) -> Self:
        if self.batch_norm == "frozen" and isinstance(self.weights, RandomWeights):
            raise ValueError(
                "batch_norm: random weights came with no statistics that `frozen` could keep. Give "
                "weights, or take `shared` or `separate`"
            )
        return self

    @model_validator(mode="after")
    def _processes_share_evenly(self) -> Self:
        for key, size in (("target_batch", self.target_batch), ("source_batch", self.sources)):
            if size % self.processes:
                raise ValueError(
                    f"{key} ({size}) must be a multiple of processes ({self.processes})"
                )
        return self

    @model_validator(mode="after")
    def _pairs_can_be_mixed(self) -> Self:
        if self.mixup is not None and self.sources != self.target_batch:
            raise ValueError(
                f"source_batch ({self.sources}): mixup mixes whole pairs, so that there must be as "
                f"many source images as target images ({self.target_batch}). Leave one of both null"
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
