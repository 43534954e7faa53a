"""The paper's own figures, to stand beside an ablation's."""

from collections.abc import Sequence

from sjft.settings.dataset import (
    Caltech256,
    DatasetSettings,
    Dogs120,
    Flowers102,
    ImageNet,
    Indoor67,
    Places205,
    Synthetic,
)

FUSION = "fusion"

# Mean class accuracy in per cent, ResNet-152, several scales and crops averaged. Source: Ge and Yu,
# "Borrowing Treasures from the Wealthy", CVPR 2017 (arXiv 1702.08690), the tables of its
# experiments. The figure of Gabor filters is without iteration.
DOGS = {
    "scratch": 53.8,
    "selective-scratch": 83.4,
    "fine-tune": 80.4,
    "all-source": 85.6,
    "random-source": 85.5,
    "no-iteration": 88.3,
    "gabor": 87.5,
    "selective": 90.2,
    FUSION: 90.3,
}
FLOWERS = {
    "scratch": 58.2,
    "selective-scratch": 80.6,
    "fine-tune": 90.2,
    "all-source": 93.4,
    "random-source": 93.2,
    "no-iteration": 94.2,
    "gabor": 93.8,
    "selective": 94.7,
    FUSION: 95.8,
}
INDOOR = {"fine-tune": 81.7, FUSION: 86.9}
INDOOR_SELECTIVE = {
    frozenset({ImageNet}): 82.8,
    frozenset({Places205}): 85.8,
    frozenset({ImageNet, Places205}): 85.5,
}
# By training images a class.
CALTECH = {
    15: {"fine-tune": 76.4, "selective": 80.5},
    30: {"fine-tune": 81.2, "selective": 83.8},
    45: {"fine-tune": 83.5, "selective": 87.0},
    60: {"fine-tune": 86.4, "selective": 89.1},
}


def paper_figures(target: DatasetSettings, sources: Sequence[DatasetSettings]) -> dict[str, float]:
    """The paper's mean class accuracy by arm, as a share; empty where it has none for this target.

    It has none for Flowers 102 with the validation set, arm by arm, nor for a part of a training
    set.
    """
    if isinstance(target, Synthetic) or target.train_per_class is not None:
        return {}
    figures: dict[str, float] = {}
    if isinstance(target, Dogs120):
        figures = DOGS
    elif isinstance(target, Flowers102) and target.train == "trn":
        figures = FLOWERS
    elif isinstance(target, Caltech256):
        figures = CALTECH.get(target.per_class, {})
    elif isinstance(target, Indoor67):
        selective = INDOOR_SELECTIVE.get(frozenset(type(source) for source in sources))
        figures = INDOOR if selective is None else {**INDOOR, "selective": selective}
    return {arm: round(figure / 100, 4) for arm, figure in figures.items()}
