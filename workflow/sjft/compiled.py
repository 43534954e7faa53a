"""Functions that numba compiles, and what it compiled kept for the processes to come.

Numba keeps it beside the module, or else in the user's home. A container's image and a user without
a home have room in neither; its own answer to that is a traceback at import.
"""

import sys
from collections.abc import Callable
from functools import cache
from typing import Any

import numba


def compiled(**options: Any) -> Callable[[Any], Any]:
    """`numba.njit` with its ``options``, without the interpreter's lock, cached where it can be."""

    def decorate(function: Any) -> Any:
        try:
            return numba.njit(cache=True, nogil=True, **options)(function)
        except RuntimeError as error:
            if "no locator available" not in str(error):
                raise
        _say_that_nothing_is_kept()
        return numba.njit(nogil=True, **options)(function)

    return decorate


@cache
def _say_that_nothing_is_kept() -> None:
    print(
        "sjft: what numba compiles cannot be kept, so that each process compiles it anew, for some "
        "seconds: neither the program's folder nor the home can be written. Set NUMBA_CACHE_DIR to "
        "a folder that can be, of your own.",
        file=sys.stderr,
    )
