"""What a check has found."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """A key of the configuration, and why its value cannot work; or will not do what is meant.

    Where it ``stops``, a job would fail, maybe after hours; the others are said, and the run goes
    on.
    """

    key: str
    message: str
    stops: bool = True

    def __str__(self) -> str:
        """One line."""
        return f"{self.key}: {self.message}"
