"""Networks of *meta* tensors: they have a shape and no numbers, and take no memory."""

from collections.abc import Mapping
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

META = torch.device("meta")


class EmptyOnMeta(TorchFunctionMode):
    """New weights have no memory. Numbers that a network computes its own shape from stay real."""

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Call ``func``; what would be empty memory becomes a meta tensor."""
        given = dict(kwargs or {})
        if func is torch.empty:
            given.setdefault("device", META)
        return func(*args, **given)
