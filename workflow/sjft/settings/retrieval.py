"""Retrieval: bins, divergence and search."""

from typing import Literal

from pydantic import Field, field_validator

from sjft.settings.base import Name, Seed, Settings

LEAST_EPSILON = 1e-300


class AnnoySettings(Settings):
    """The approximate index over projected Hellinger vectors."""

    trees: int = Field(20, ge=1, le=1000, description="Trees per shard.")
    search_k: int | None = Field(
        None,
        ge=1,
        lt=2**31,
        description="Nodes inspected per query; null is 30 a tree more than Annoy's own default, "
        "of one a candidate and tree.",
    )
    candidates_factor: float = Field(
        1.5,
        ge=1.0,
        le=10**6,
        description="Candidates per neighbour, over all shards, that an index is asked for: more "
        "of them find more and cost time.",
    )


class LeakageSettings(Settings):
    """Looking for images that the target is tested on among the source images."""

    check: bool = Field(
        True, description="Whether sources are searched for the target's held-out images."
    )
    exclude: bool = Field(
        True, description="Whether source images that show one are left out of every subset."
    )
    hash_distance: int = Field(
        60,
        ge=0,
        le=256,
        description="Bits of 256 in which two perceptual hashes may differ. 60 finds 99 to 100 % "
        "of copies that are saved anew, resized, mirrored or cut by up to 5 % on any side, and "
        "flags none of 16 million pairs of other photographs (the nearest: 68 bits). Where all "
        "images are much alike, 40.",
    )
    divergence_share: float | None = Field(
        0.2,
        ge=0,
        le=1,
        description="Two images are taken for one below this share of the divergence that the "
        "held-out image has to its tenth nearest source image; null looks at hashes alone. "
        "Nearest images that are no copies stay above 0.36 (SqueezeNet's first layers), 0.29 "
        "(Gabor) and 0.47 (the demo).",
    )


class RetrievalSettings(Settings):
    """How neighbours are found; one named entry per way, used by any number of experiments."""

    bank: Name = Field(description="Name of an entry of `banks`.")
    bins: int = Field(100, ge=4, le=2000, description="Equal-mass bins a channel (paper: 100).")
    epsilon: float = Field(
        2.2e-16,
        gt=0,
        lt=0.1,
        description="Added to every share before the logarithm. It decides what an empty bin "
        "costs, and so who is whose neighbour: 1e-4 and 1e-10 agree on 81 % of the nearest 100. "
        "The default is that of the paper's authors' program.",
    )
    layer_weights: dict[str, float] | None = Field(
        None,
        description="Weight of each of the bank's layers; null weighs them alike. A layer's weight "
        "is shared equally by its kernels.",
    )
    neighbours_on_file: int = Field(
        5000, ge=1, description="Nearest source images kept per target image (paper: 5,000)."
    )
    backend: Literal["annoy", "flat", "exact", "auto"] = Field(
        "annoy",
        description="Where candidates come from: an Annoy index, or a scan of all projected "
        "vectors (`flat`). `exact` compares every pair, and is what recall is measured with. "
        "`auto` takes `flat` or `exact` shard by shard, whichever does less work, and `exact` too "
        "where `flat` misses much on a sample; it says so in the log.",
    )
    device: Literal["cpu", "cuda"] = Field(
        "cpu",
        description="Where divergences are estimated, by matrix products; on a GPU in TF32. The "
        "lists are the same: what is near is compared exactly, on the processor.",
    )
    annoy: AnnoySettings = Field(
        default_factory=AnnoySettings,
        description="See its own table; `candidates_factor` holds for `flat` too.",
    )
    leakage: LeakageSettings = Field(
        default_factory=LeakageSettings, description="See its own table."
    )
    projection_dimensions: int = Field(
        128, ge=2, le=4096, description="Principal components kept of the Hellinger vectors."
    )
    projection_sample: int = Field(
        5000, ge=2, description="Target images, at most, that the components are fitted on."
    )
    recall_sample: int = Field(
        50, ge=1, description="Target images whose neighbours are also searched exhaustively."
    )
    recall_floor: float = Field(
        0.95,
        ge=0,
        le=1,
        description="Recall, at any measured depth, below which the run fails. The defaults reach "
        "0.99 on photographs; what is under 0.95 has more wrong with it than chance.",
    )
    seed: Seed = Field(0, description="Seed of the index and of the samples.")

    @field_validator("epsilon")
    @classmethod
    def _shares_over_it_are_finite(cls, epsilon: float) -> float:
        if epsilon < LEAST_EPSILON:
            raise ValueError(
                f"need at least {LEAST_EPSILON:g}, got {epsilon:g}: a share divided by less is "
                "more than a number holds"
            )
        return epsilon

    @property
    def backend_sections(self) -> frozenset[str]:
        """The sections that are about one backend or another, and may not concern this one."""
        sections = {
            name for name in type(self).model_fields if isinstance(getattr(self, name), Settings)
        }
        return frozenset(sections - {"leakage"})
