"""What a process of several does in a test: in a module of its own, that is quickly imported."""

import os
import signal
import time

from sjft.errors import BadImageError
from sjft.training.world import World


def fail_while_others_wait(world: World, reason: str | None) -> None:
    """The second process complains of an image, or without a reason is killed."""
    if world.rank == 1 and reason is not None:
        raise BadImageError("the image", reason)
    if world.rank == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(1)
    world.total([1.0])
