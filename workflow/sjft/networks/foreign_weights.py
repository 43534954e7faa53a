"""Weights as others write them: in a container, and with the names of wrappers before their own.

A state dictionary may stand in its file by itself or under any key (`model`, `state_dict`), and its
names may begin with that of a wrapper (`module.`, `backbone.`, `_orig_mod.`). It is taken where its
names, without all that, are exactly the network's; what was put aside is said in the log.
"""

import logging
import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sjft.errors import UserError
from sjft.networks.weights_file import read_weights

OPTIONAL = ".num_batches_tracked"  # not in files of before torch 0.4; torch starts it at 0
LOG = logging.getLogger(__name__)

# Names that torch's wrappers put between others.
WRAPPERS = re.compile(r"\b(?:_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\.")
OLD_DENSENET = re.compile(r"(denselayer\d+\.(?:norm|conv))\.(\d+\.)")
AVERAGED = re.compile(
    r"(?:^|[._])(?:ema|averaged?|swa|teacher)(?:$|[._])|_averaged?$", re.IGNORECASE
)
COUNTERS = ("n_averaged",)  # of torch's AveragedModel
DEEPEST = 3
SHOWN = 3


@dataclass(frozen=True)
class _Part:
    """Tensors that stand in one mapping of a file; the place is empty for the outermost."""

    place: str
    tensors: dict[str, Tensor]
    versions: Mapping[str, Any] | None  # layout versions by module; MNASNet asks for its own
    put_aside: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"in `{self.place}`" if self.place else "outermost"


@dataclass(frozen=True)
class FoundWeights:
    """The state dictionary in a file that fits a network, or comes nearest to it."""

    path: Path
    state: dict[str, Tensor]
    contents: str
    put_aside: str
    others: tuple[str, ...]

    def require_fit(self, network: str, own: Mapping[str, Tensor]) -> None:
        """Raise `UserError` where names, shapes or kinds of number are not the network's.

        It says what is there instead; values that are not finite are refused, too.

        Where all fits, what was put aside is written into the log.
        """
        problems = [
            f"{name}: {wrong}"
            for name, tensor in own.items()
            if name in self.state and (wrong := _wrong_values(self.state[name], tensor))
        ]
        problems += _wrong_names(self.state, own)
        if problems:
            more = f"\n  and {len(problems) - 5} more" if len(problems) > 5 else ""
            raise UserError(
                f"weights: {self.path} has {self.contents}.\n{network} expects {_first(own)}.\n"
                f"So the weights of {network} ({self.path}) do not fit:\n  "
                + "\n  ".join(problems[:5])
                + more
            )
        if self.put_aside:
            LOG.info("weights: %s: taken %s", self.path, self.put_aside)
        if self.others:
            LOG.warning(
                "weights: %s: those %s fit too and are not used; to use them, save them alone",
                *(self.path, " and ".join(self.others)),
            )


def find_weights(path: Path, own: Mapping[str, Tensor]) -> FoundWeights:
    """What a file has for a network whose state dictionary is ``own``; its names alone matter.

    Of several that fit, averaged weights come last, and else the first is taken. Raises `UserError`
    for a file that cannot be read or holds no tensor with a name.
    """
    content = read_weights(path)
    parts = list(_parts(content))
    if not parts:
        raise UserError(f"weights: {path} holds no state dictionary (names with tensors).")
    contents = _described(parts)
    parts.sort(key=lambda part: bool(AVERAGED.search(part.place)))
    parts = [_unwrapped(part, own) for part in parts]
    parts.sort(key=lambda part: len(_wrong_names(part.tensors, own)))
    chosen = parts[0]
    state = OrderedDict(chosen.tensors)
    if chosen.versions is not None:
        state._metadata = dict(chosen.versions)  # type: ignore[attr-defined]
    without = ", ".join(f"`{name}`" for name in chosen.put_aside)
    return FoundWeights(
        path,
        state,
        contents,
        f"{chosen}{', without ' if without else ''}{without}" if chosen.place or without else "",
        tuple(str(part) for part in parts[1:] if not _wrong_names(part.tensors, own)),
    )


def _parts(content: Any, place: str = "", depth: int = DEEPEST) -> Iterator[_Part]:
    """Yield all mappings of names to tensors, the outer before the inner."""
    if not isinstance(content, Mapping):
        return
    tensors = {str(name): v for name, v in content.items() if isinstance(v, Tensor)}
    if tensors:
        yield _Part(place, tensors, getattr(content, "_metadata", None))
    if depth:
        for name, value in content.items():
            yield from _parts(value, f"{place}.{name}" if place else str(name), depth - 1)


def _unwrapped(part: _Part, own: Mapping[str, Tensor]) -> _Part:
    """The part with the names that its network has inside all wrappers, as far as they are told."""
    names = {name: OLD_DENSENET.sub(r"\1\2", name) for name in part.tensors}
    if not any(WRAPPERS.search(name) for name in own):
        names = {name: WRAPPERS.sub("", new) for name, new in names.items()}
    prefix = _prefix(list(names.values()), own)
    counters = tuple(name for name in part.tensors if name in COUNTERS and name not in own)
    tensors = {
        new.removeprefix(prefix): part.tensors[name]
        for name, new in names.items()
        if name not in counters
    }
    versions = part.versions
    if versions is not None:
        path = prefix.removesuffix(".")
        cleaned = {WRAPPERS.sub("", f"{k}.").removesuffix("."): v for k, v in versions.items()}
        versions = {
            k.removeprefix(path).removeprefix("."): v
            for k, v in cleaned.items()
            if not path or f"{k}.".startswith(prefix)
        }
    wrapped = sorted({m for name in part.tensors for m in WRAPPERS.findall(name)})
    put_aside = (*([prefix] if prefix else []), *wrapped, *counters)
    return _Part(part.place, tensors, versions, put_aside)


def _prefix(names: Sequence[str], own: Mapping[str, Tensor]) -> str:
    """What stands before most of the network's names, the shortest where several do."""
    given = set(names)
    if own.keys() <= given:
        return ""
    for probe in own:
        prefixes = {n.removesuffix(probe) for n in names if n == probe or n.endswith(f".{probe}")}
        if prefixes:
            return max(
                sorted(prefixes, key=lambda prefix: (len(prefix), prefix)),
                key=lambda prefix: sum(f"{prefix}{name}" in given for name in own),
            )
    return ""


def _wrong_names(state: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> list[str]:
    """Tensors that are missing, and those that the network has not, a line each."""
    missing = [name for name in own if name not in state and not name.endswith(OPTIONAL)]
    return [f"{name}: missing" for name in missing] + [
        f"{name}: not in the network" for name in state if name not in own
    ]


def _wrong_values(given: Tensor, own: Tensor) -> str | None:
    """Why a tensor of the file cannot take the place of the network's own."""
    if given.shape != own.shape:
        return f"has shape {tuple(given.shape)}, needs {tuple(own.shape)}"
    if given.is_meta:
        return "has a shape and no values"
    if given.layout != torch.strided:
        return f"is {given.layout}, needs {torch.strided}"
    if not own.is_floating_point():
        return None
    # Whole numbers are quantised weights, which mean nothing without their scales.
    if not given.is_floating_point():
        return f"holds {given.dtype}, needs {own.dtype}"
    finite = given.float().isfinite().all()
    return None if finite else "has values that are infinite or no numbers"


def _described(parts: Sequence[_Part]) -> str:
    if len(parts) == 1 and not parts[0].place:
        return _first(parts[0].tensors)
    largest = sorted(parts, key=lambda part: -len(part.tensors))[:SHOWN]
    texts = [f"{part} {_first(part.tensors)}" for part in largest]
    return "; ".join(texts) + ("; ..." if len(parts) > SHOWN else "")


def _first(tensors: Mapping[str, Tensor]) -> str:
    names = [f"{name} {tuple(tensors[name].shape)}" for name in list(tensors)[:SHOWN]]
    more = ", ..." if len(tensors) > SHOWN else ""
    return f"{len(tensors)} tensors: {', '.join(names)}{more}"
