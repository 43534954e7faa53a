"""Filter banks: from sample_images to responses (paper, section 3.2).

A bank is a module that holds a `BANK`, the class, and its `SETTINGS`. A new one is that module and
a line here, and its settings: a module in `sjft.settings.banks` and a line in `sjft.settings.bank`.
It touches no rule. Modules are named by text and loaded when a bank of their type is asked for: an
edit of one extracts its own descriptors anew, and no others (see `sjft.pipeline.fingerprint`).
"""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sjft.errors import UserError
from sjft.settings.banks.common import FilterBankSettings

if TYPE_CHECKING:  # whoever looks up a name need not load torch
    import torch

    from sjft.descriptors.banks.bank import FilterBank

BANKS: dict[str, str] = {
    "cnn": "sjft.descriptors.banks.cnn",
    "gabor": "sjft.descriptors.banks.gabor",
}


def bank_settings(values: Mapping[str, Any]) -> FilterBankSettings:
    """The settings of a bank from plain values, by their `type`."""
    settings: FilterBankSettings = import_module(BANKS[values["type"]]).SETTINGS(**values)
    return settings


def make_bank(
    settings: FilterBankSettings, weights: Path | None, device: "torch.device | None" = None
) -> "FilterBank":
    """The filter bank that the settings describe, with its file of weights where it has one.

    On the processor, where no device is given. Raises `UserError` for settings that the bank
    refuses, and for a bank whose layers are called otherwise than its settings say.
    """
    kind = import_module(BANKS[settings.type]).BANK
    bank: FilterBank = kind(settings, weights, *([] if device is None else [device]))
    names = tuple(layer.name for layer in bank.layers)
    if names != settings.layer_names:  # `layer_weights` of a retrieval go by the settings' names
        raise UserError(
            f"type: the bank {settings.type!r} calls its layers {', '.join(names) or 'nothing'}; "
            f"`layer_names` of its settings says {', '.join(settings.layer_names) or 'nothing'}. "
            "Let both say the same, in the same order."
        )
    return bank
