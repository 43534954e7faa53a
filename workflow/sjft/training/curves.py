"""Curves: a round's history for TensorBoard, while it is trained."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sjft.errors import UserError
from sjft.storage.files import writing
from sjft.training.history import HISTORY_COLUMNS, Row


@contextmanager
def curves(folder: Path | None) -> Iterator[Callable[[Row], None] | None]:
    """Give what `History.written` can be: each row's columns go to a file in ``folder``.

    Points lie at their update, so that a round which goes on from a checkpoint writes the same
    ones again. Without a folder there is nothing to be told. Raises `UserError` where the package
    tensorboard is not installed.
    """
    if folder is None:
        yield None
        return
    try:
        from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415  an optional package
    except ImportError as error:
        raise UserError(
            f"training_jobs.tensorboard: the package is missing ({error}). `pip install "
            "'.[tensorboard]'`, or set the key to false."
        ) from None
    with writing(folder):
        writer = SummaryWriter(str(folder))

    def write(row: Row) -> None:
        with writing(folder):
            for name, value in zip(HISTORY_COLUMNS[1:], row[1:], strict=True):
                writer.add_scalar(name, value, int(row[0]))

    try:
        yield write
    finally:
        with writing(folder):
            writer.close()
