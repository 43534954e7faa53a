"""One thread for what is measured: several that wait for each other would count as working."""

import os
import sys

POOLS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "NUMBA_NUM_THREADS")


def measure_with_one_thread() -> None:
    """Ask the libraries for it, where they are not loaded yet and nobody has asked for more."""
    if "numpy" not in sys.modules:
        for pool in POOLS:
            os.environ.setdefault(pool, "1")
