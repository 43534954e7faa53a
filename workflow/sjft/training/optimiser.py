"""The optimiser of a round, and the schedule of its learning rate (paper, section 4)."""

import math
from functools import partial
from typing import Any

import torch

from sjft.networks.joint import JointNetwork
from sjft.settings.training import TrainingSettings
from sjft.training.depth import layers_of_trunk


def make_optimiser(network: JointNetwork, settings: TrainingSettings) -> torch.optim.Optimizer:
    """SGD or AdamW with a group of parameters each for the trunk and the heads, in this order.

    They differ in their learning rates; all else is the same. With `layer_wise_decay` the first
    group is the trunk's layer next to the heads, and its other layers follow behind the heads', the
    input's last.
    """
    heads = {"target": network.heads.target, "source": network.heads.source}
    factors = {
        "target": settings.head_learning_rate_factor,
        "source": settings.source_head_factor,
    }
    last, *others = _groups_of_trunk(network, settings)
    groups: list[dict[str, Any]] = [
        last,
        *(
            {"params": list(head.parameters()), "lr": settings.learning_rate * factors[side]}
            for side, head in heads.items()
            if head is not None
        ),
        *others,
    ]
    rate, decay = settings.learning_rate, settings.weight_decay
    if settings.optimiser == "adamw":
        return torch.optim.AdamW(groups, lr=rate, weight_decay=decay)
    return torch.optim.SGD(groups, lr=rate, momentum=settings.momentum, weight_decay=decay)


def _groups_of_trunk(network: JointNetwork, settings: TrainingSettings) -> list[dict[str, Any]]:
    """The trunk's layers from the heads to the input, or all of it where its rates are one."""
    decay = settings.layer_wise_decay
    if decay is None:
        of_heads = {id(parameter) for parameter in network.heads.parameters()}
        return [{"params": [p for p in network.module.parameters() if id(p) not in of_heads]}]
    layers = reversed(layers_of_trunk(network))
    return [
        {"params": layer, "lr": settings.learning_rate * decay**below}
        for below, layer in enumerate(layers, 1)
    ]


def make_schedule(
    optimiser: torch.optim.Optimizer, settings: TrainingSettings
) -> torch.optim.lr_scheduler.LambdaLR:
    """The learning rates of all groups, times `rate_factor`; to be stepped after each update.

    The rate is a function of the update alone, so that a round that goes on has the very same.
    """
    factor = partial(rate_factor, settings)
    return torch.optim.lr_scheduler.LambdaLR(optimiser, factor)


def rate_factor(settings: TrainingSettings, update: int) -> float:
    """The learning rate of update u (from 0), as a share of the configured one.

    ``steps``: 10 ** -floor(u / learning_rate_steps). ``cosine``: (1 + cos(pi t)) / 2, where t goes
    from 0 at the end of the warm-up of w updates to 1 at the end of the round. Before, the rate of
    either rises evenly: times (u + 1) / (w + 1).
    """
    warm_up = settings.warm_up_updates
    rising = min(1.0, (update + 1) / (warm_up + 1))
    if settings.schedule == "steps":
        return float(rising * 10.0 ** -(update // settings.learning_rate_steps))
    done = max(0, update - warm_up) / max(1, settings.updates - warm_up)
    return rising * (1 + math.cos(math.pi * done)) / 2
