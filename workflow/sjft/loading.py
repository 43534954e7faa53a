"""Python's search for garbage, while modules are loaded and when a process ends.

What modules consist of stays until the end. Looking through torch's again and again while it is
loaded, and once more at the end, takes two fifths of a short job's processor time.
"""

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager


def put_off_garbage() -> None:
    """Look for no garbage until `look_for_garbage`: modules are about to be loaded."""
    gc.disable()


def look_for_garbage() -> None:
    """Look for garbage from now on: not among what there is already, nor at the process's end."""
    gc.freeze()
    gc.enable()
    atexit.unregister(gc.freeze)
    atexit.register(gc.freeze)


@contextmanager
def loading() -> Iterator[None]:
    """For the imports of a command that loads what it needs."""
    put_off_garbage()
    try:
        yield
    finally:
        look_for_garbage()
