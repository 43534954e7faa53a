"""Files of weights: read by torch or safetensors, and what is wrong with one that is not."""

import argparse
import re
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sjft.data.regular_file import NotRegularError, check_regular
from sjft.errors import NotAsWrittenError, UserError
from sjft.storage.torch_file import LOADING_ERRORS, require_whole

# Plain values that training programs keep beside the weights: options, and numbers of numpy. Making
# them runs no code of the file's.
NUMBER: Any = np.float64(0).__reduce__()[0]
PLAIN_VALUES: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
    *(argparse.Namespace, np.dtype),
    *dict.fromkeys(type(np.dtype(kind)) for kind in "?bBhHiIlLqQefdFDSU"),
    (NUMBER, "numpy.core.multiarray.scalar"),
    (NUMBER, "numpy._core.multiarray.scalar"),
]


def read_weights(path: Path) -> Any:
    """What is in a file of weights; no object in it but tensors and plain values is made.

    Raises `UserError` that says what is wrong with the file.
    """
    try:
        require_regular(path)
        require_whole(path)
        if _is_safetensors(path):
            return _read_safetensors(path)
        with torch.serialization.safe_globals(PLAIN_VALUES):
            return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise UserError(f"weights: there is no file {path}.") from None
    except NotAsWrittenError as error:
        raise UserError(f"weights: {error}") from None
    except LOADING_ERRORS as error:
        raise UserError(
            f"weights: {path} is not a file of tensors that torch.load reads with "
            f"weights_only=True ({_why(error)}). Save it again with "
            "`torch.save(network.state_dict(), path)`; one that a run has made, remove: the next "
            "run makes it anew."
        ) from None


def require_regular(path: Path) -> None:
    """Raise `UserError` for a pipe, a folder or a device, and `OSError` where there is nothing."""
    try:
        check_regular(path.stat())
    except NotRegularError as error:
        raise UserError(f"weights: {path} cannot be read: {error}.") from None


def _why(error: Exception) -> str:
    """Why a file cannot be loaded, without torch's advice to run the code in it."""
    foreign = re.search(r"GLOBAL ([\w.]+)", str(error))
    if foreign:
        return f"it holds an object of {foreign[1]}, which may run any code when it is loaded"
    if "TorchScript" in str(error):
        return "it is a TorchScript archive, a program and not its weights"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return "it is damaged, or of another format"


def _is_safetensors(path: Path) -> bool:
    """Whether a file begins as safetensors does: the header's length, and the header's brace."""
    with path.open("rb") as file:
        start = file.read(9)
    length = int.from_bytes(start[:8], "little")
    return start[8:] == b"{" and length + 8 <= path.stat().st_size


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    if find_spec("safetensors") is None:
        raise UserError(
            f"weights: {path} is a file of safetensors, which is not installed here: "
            "`python -m pip install safetensors`."
        )
    from safetensors import SafetensorError  # noqa: PLC0415  (an extra)
    from safetensors.torch import load_file  # noqa: PLC0415

    try:
        tensors: dict[str, Tensor] = load_file(path)
    except SafetensorError as error:
        raise ValueError(str(error)) from None
    return tensors
