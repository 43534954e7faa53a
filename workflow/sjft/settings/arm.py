"""Arms: the method, and what it is compared with, row by row as in the paper's ablation.

All arms run the same rounds of the same number of updates with the same target images.
"""

from dataclasses import dataclass
from typing import Literal

ArmName = Literal[
    "scratch",
    "selective-scratch",
    "fine-tune",
    "all-source",
    "random-source",
    "no-iteration",
    "gabor",
    "selective",
]


@dataclass(frozen=True)
class Arm:
    """What sets an arm apart.

    ``title`` is its row of the paper's table. ``sources`` says where a round's source images come
    from, and with that what stands beside a target image: `neighbours` (one of its own K_i),
    `random` (any of as many as `selective` has in this round) or `all` (any of all). ``scratch``
    starts from random weights, ``grows`` lets K_i grow between the rounds, ``gabor`` searches with
    the experiment's `ablation.gabor_retrieval`. ``against`` is the arm that differs from this one
    in the thing that this one is about. ``first_round_of`` names an arm with the very same first
    round, which is not trained again.
    """

    title: str
    sources: Literal["none", "all", "random", "neighbours"]
    against: ArmName | None
    scratch: bool = False
    grows: bool = False
    gabor: bool = False
    first_round_of: ArmName | None = None

    @property
    def selects(self) -> bool:
        """Whether it needs the neighbours' ranking."""
        return self.sources == "neighbours"


ARMS: dict[ArmName, Arm] = {
    "scratch": Arm("target only, from scratch", "none", "selective-scratch", scratch=True),
    "selective-scratch": Arm(
        "selective joint training from scratch", "neighbours", "selective", scratch=True, grows=True
    ),
    "fine-tune": Arm("fine-tuning without a source", "none", "selective"),
    "all-source": Arm("joint fine-tuning, all source images", "all", "selective"),
    "random-source": Arm("joint fine-tuning, random source images", "random", "selective"),
    "no-iteration": Arm(
        "selective, no iteration", "neighbours", "selective", first_round_of="selective"
    ),
    # The paper's figures for Gabor filters are without iteration too.
    "gabor": Arm("selective, no iteration, Gabor bank", "neighbours", "no-iteration", gabor=True),
    "selective": Arm("selective joint fine-tuning", "neighbours", None, grows=True),
}
