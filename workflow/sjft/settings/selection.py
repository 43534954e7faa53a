"""Selection: which source images a round of training uses."""

from typing import Any, Literal

from pydantic import Field

from sjft.settings.base import Settings

# Where a round's source images come from.
Sources = Literal["none", "all", "random", "neighbours"]


def no_divergences(sources: Sources) -> str:
    """Why losses cannot be weighted by divergences, where images are not an image's neighbours."""
    return (
        f"weights by the divergence of an image's own neighbours, and these source images are "
        f"`{sources}`. Give it to an arm with `sources: neighbours`, or null here"
    )


class SelectionSettings(Settings):
    """How many neighbours each target image brings, and how hard images bring more."""

    initial_neighbours: int = Field(
        300, ge=1, description="K_0 (authors' Indoor 67 configuration: 300)."
    )
    growth_misclassified: float = Field(
        4.0,
        ge=0,
        le=10**6,
        description="A misclassified image's K_i grows by this many K_0 per round.",
    )
    growth_uncertain: float = Field(
        2.0,
        ge=0,
        le=10**6,
        description="A right but uncertain image's K_i grows by this many K_0.",
    )
    entropy_threshold: float = Field(
        0.1, ge=0, description="delta, in nats: an entropy of at least this is uncertain."
    )
    highest_sampling_level: float = Field(
        10.0,
        ge=1,
        description="K_i is at most so many K_0 (authors' Indoor 67 configuration: 10), and at "
        "most the number of neighbours on file.",
    )
    draw_hard_images_more: bool = Field(
        False,
        description="Whether an image whose K_i is n K_0 also comes n times in an epoch, as in the "
        "authors' program; the paper's text grows K_i alone. Concerns the arms whose K_i grow.",
    )
    least_images_per_class: int = Field(
        1,
        ge=1,
        description="Source classes with fewer selected images are dropped (authors' Indoor 67 "
        "configuration: none are).",
    )

    def deciding(self, grown: bool) -> dict[str, Any]:
        """What decides a round's subset, as plain values: ``grown`` where K_i may have grown."""
        if grown:
            return self.model_dump(mode="json")
        first = {"initial_neighbours", "least_images_per_class"}
        # No image is a hard one yet.
        return self.model_dump(mode="json", include=first) | {"draw_hard_images_more": False}
