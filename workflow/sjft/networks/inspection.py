"""Files of networks, looked into: the model of a round, and weights that training starts from."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from sjft.networks.joint import KIND, VERSION
from sjft.storage.files import digest_of_file
from sjft.storage.inspection import Inspection, Plot, Values
from sjft.storage.sanity import Check
from sjft.storage.torch_file import require_whole

MOST_TENSORS = 60  # that a plot shows


def inspect_round_model(path: Path, content: Values) -> Inspection:
    """What a round's model.pt holds, with both heads; ``content`` is what torch reads of it."""
    state: dict[str, Tensor] = content["state_dict"]
    version = content["format_version"]
    inputs: dict[str, str] = content.get("inputs", {})
    classes = {name: content[f"{name}_classes"] for name in ("target", "source")}
    return Inspection(
        kind="model of a round",
        what="The network after a round of training, with the target's and the source's head.",
        settings={"network": content["network"]},
        inputs=inputs,
        sizes={
            **sizes_of(state),
            "target classes": len(classes["target"]),
            "source classes": len(classes["source"]),
        },
        checks=[
            Check(
                f"it is of version {VERSION} of {KIND}",
                None if version == VERSION else f"it is of version {version}",
            ),
            weights_are_finite(state),
            *(_head_has(state, name, len(of_head)) for name, of_head in classes.items()),
            *(_belongs(path, name, digest) for name, digest in sorted(inputs.items())),
        ],
        plot=lambda: plot_of_weights(state),
    )


def _head_has(state: Mapping[str, Tensor], head: str, classes: int) -> Check:
    """A head's rows are its classes; there is no head of none."""
    what = f"the {head}'s head has a row of each class"
    rows = {len(tensor) for name, tensor in state.items() if f".{head}." in f".{name}"}
    expected = {classes} if classes else set()
    return Check(what, None if rows == expected else f"{sorted(rows)}, and {classes} classes")


def _belongs(path: Path, name: str, digest: str) -> Check:
    """The table beside the model is the one that it was trained on, where it lies there."""
    beside = path.with_name(f"{name}.csv")
    what = f"{beside.name} beside it is the one that it was trained on"
    if not beside.is_file():
        return Check(f"{what} (it is not there: not compared)")
    return Check(what, None if digest_of_file(beside) == digest else "it is another")


def sizes_of(state: Mapping[str, Tensor]) -> Values:
    """Numbers of tensors and of weights."""
    numbers = sum(tensor.numel() for tensor in state.values())
    return {"tensors": len(state), "numbers": numbers}


def weights_are_finite(state: Mapping[str, Tensor]) -> Check:
    """No weight is NaN or infinite.

    Raises `ValueError` for a tensor that repeats its values to a size that the file does not have:
    looking at each would take any amount of memory.
    """
    for name, tensor in state.items():
        held = tensor.untyped_storage().nbytes()
        if not tensor.is_meta and tensor.numel() * tensor.element_size() > held:
            raise ValueError(f"{name} is {tuple(tensor.shape)}, and {held:,} bytes are there")
    odd = [
        name
        for name, tensor in state.items()
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all())
    ]
    told = f"{len(odd)} tensors have such, first {odd[0]}" if odd else None
    return Check("weights: no NaN, nothing infinite", told)


def plot_of_weights(state: Mapping[str, Tensor]) -> Plot:
    """The spread of each tensor's weights, in the order of the network."""
    spread = [
        {"tensor": f"{place:03d} {name}", "deviation": float(tensor.float().std())}
        for place, (name, tensor) in enumerate(state.items())
        if tensor.is_floating_point() and tensor.numel() > 1
    ]
    more = f", the first {MOST_TENSORS} of {len(spread)}" if len(spread) > MOST_TENSORS else ""
    return Plot(
        f"Standard deviation of each tensor's weights{more}",
        spread[:MOST_TENSORS],
        ("tensor", "tensor"),
        ("deviation", "standard deviation"),
        discrete=True,
    )


def inspect_weights(path: Path, content: Mapping[str, Tensor]) -> Inspection:
    """A file of weights, of torchvision or another program; ``content`` is its tensors.

    Raises `UserError` where the digest beside it, or the one that its name ends with, is another's.
    """
    require_whole(path)
    return Inspection(
        kind="weights",
        what="Weights of a network, as torch saves them: what training or a filter bank starts "
        "from.",
        sizes=sizes_of(content),
        checks=[weights_are_finite(content)],
        plot=lambda: plot_of_weights(content),
    )
