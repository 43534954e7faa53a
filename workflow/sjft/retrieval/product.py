"""Matrix products with one side that stays: on the processor, or on a GPU in TF32."""

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sjft.errors import UserError

Device = Literal["cpu", "cuda"]
Product = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def product_with(left: NDArray[np.float32], device: Device) -> Product:
    """A function that multiplies ``left`` [n, k] by the transpose of its argument [m, k].

    On the GPU both sides are rounded to TF32 (10 bits of mantissa) and summed in float32. Estimates
    of divergences are then off by up to 3e-4 (benchmarks/search.py, by rounding both sides so), and
    more pairs are compared exactly: lists are the same.
    """
    if device == "cpu":
        return lambda right: np.asarray(left @ right.T, np.float32)
    return _on_torch(left, device)


def _on_torch(left: NDArray[np.float32], device: str) -> Product:
    import torch  # noqa: PLC0415  (loading it takes seconds that a search without a GPU saves)

    if device == "cuda" and not torch.cuda.is_available():
        raise UserError(
            "The retrieval asks for `device: cuda`, but torch finds no GPU here. Set `device: cpu`."
        )
    torch.backends.cuda.matmul.allow_tf32 = True
    there = torch.from_numpy(left).to(device)

    def product(right: NDArray[np.float32]) -> NDArray[np.float32]:
        found: NDArray[np.float32] = (there @ torch.from_numpy(right).to(device).T).cpu().numpy()
        return found

    return product
