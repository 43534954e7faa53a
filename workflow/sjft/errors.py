"""The one exception that is meant for the person at the keyboard."""

from typing import Any


class UserError(Exception):
    """Input, configuration or a file is not as it must be.

    The message says what is wrong, where (file, key, row), what is allowed and what to do next;
    it is shown without a traceback.
    """


class BadImageError(UserError):
    """An image cannot be used: truncated, no image at all, or of an unknown pixel format."""

    def __init__(self, path: object, reason: str) -> None:
        """Keep the path and the reason apart, so that a list of skipped images can hold both."""
        super().__init__(
            f"{path}: {reason}. Repair or remove the file, or set `on_bad_image: skip` for its "
            "data set to leave such files out."
        )
        self.path = str(path)
        self.reason = reason

    def __reduce__(self) -> tuple[type["BadImageError"], tuple[str, str]]:
        """Make it again from path and reason, on its way from a worker process."""
        return BadImageError, (self.path, self.reason)


class NotAsWrittenError(UserError):
    """One of the program's own files is not what the program wrote."""

    def __init__(self, path: object, reason: str, remedy: str | None = None) -> None:
        """``reason`` is a clause about the file, ``remedy`` whole sentences."""
        super().__init__(f"{path}: {reason}. {remedy or 'Remove the file and run again.'}")
        self.path = str(path)
        self.reason = reason

    def __reduce__(self) -> tuple[Any, ...]:
        """Keep the message on its way from a worker process."""
        return _remade, (self.path, self.reason, str(self))


def _remade(path: str, reason: str, message: str) -> NotAsWrittenError:
    error = NotAsWrittenError(path, reason)
    error.args = (message,)
    return error
