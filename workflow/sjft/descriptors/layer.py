"""What a filter bank measures, for those who read its responses but need no network."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Layer:
    """One layer of a bank: its name, number of kernels, and positions of its response map."""

    name: str
    kernels: int
    positions: int
