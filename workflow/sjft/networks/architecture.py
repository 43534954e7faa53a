"""Which networks there are, and how one is built: torchvision's, and timm's as `timm/NAME`."""

import difflib
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from torch import nn
from torchvision import models

from sjft.errors import UserError
from sjft.settings.weights import TIMM


def check_name(name: str) -> None:
    """Raise `UserError` for a network that torchvision, or timm, does not have."""
    if name.startswith(TIMM):
        _check_timms(name.removeprefix(TIMM))
        return
    known = models.list_models(module=models)
    if name not in known:
        raise UserError(
            f"network: torchvision has no classification network {name!r}. {_near(name, known)}"
            "`python -c 'import torchvision.models as m; print(m.list_models(module=m))'` "
            "lists them."
        )


def build(name: str, classes: int, **options: Any) -> nn.Module:
    """The network ``name`` with random weights, which are torch's own generator's.

    ``options`` are torchvision's. Nothing is downloaded. Raises `UserError` for a network of timm's
    that has no single classifier at its end.
    """
    if not name.startswith(TIMM):
        network: nn.Module = models.get_model(name, weights=None, num_classes=classes, **options)
        return network
    module: Any = _timm().create_model(
        name.removeprefix(TIMM), pretrained=False, num_classes=classes, **options
    )
    told, last = module.pretrained_cfg.get("classifier"), classifier_name(module)
    if told != last:
        raise UserError(
            f"network: {name} gives its scores by {told or 'no layer'}, and its last layer is "
            f"{last}: what is trained here has one classifier, at its end. Take another network."
        )
    made: nn.Module = module
    return made


def synchronise_norms(name: str, module: nn.Module) -> None:
    """Have the batch norms of a network normalise over the batches of all processes, in place."""
    # timm's hold an activation, which torch would leave out.
    convert = _timm().layers.convert_sync_batchnorm if name.startswith(TIMM) else None
    (convert or nn.SyncBatchNorm.convert_sync_batchnorm)(module)


def classifier_name(network: nn.Module) -> str:
    """Dotted name of the layer that gives the class scores: the last linear or convolution."""
    names: list[str] = [
        name for name, m in network.named_modules() if isinstance(m, nn.Linear | nn.Conv2d)
    ]
    return names[-1]


def maker(name: str) -> str:
    """Whose network it is."""
    return "timm" if name.startswith(TIMM) else "torchvision"


def _check_timms(name: str) -> None:
    known = _timm().list_models()
    if name not in known:
        bare = name.partition(".")[0]
        tagged = (
            f"Write {TIMM}{bare}: what follows the dot names weights. " if bare in known else ""
        )
        raise UserError(
            f"network: timm has no network {name!r}. {tagged or _near(name, known, TIMM)}"
            "`python -c 'import timm; print(timm.list_models())'` lists them."
        )


def _near(name: str, known: Sequence[str], before: str = "") -> str:
    near = difflib.get_close_matches(name, known, n=3)
    return f"Near it: {', '.join(before + each for each in near)}. " if near else ""


def _timm() -> ModuleType:
    try:
        import timm  # noqa: PLC0415  (an extra, and seconds to import)
    except ImportError:
        raise UserError(
            f"network: networks that begin with `{TIMM}` need the package timm, not installed "
            "here. In the folder of pyproject.toml: `python -m pip install --editable '.[timm]'`."
        ) from None
    found: ModuleType = timm
    return found
