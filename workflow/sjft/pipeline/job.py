"""A job: its own log, the threads that its rule was given, errors for the user, and what it cost.

Neither the log nor the terminal holds passwords or tokens of addresses, whoever wrote them, nor
what a terminal obeys, as a file's name may.
"""

import logging
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from sjft.errors import UserError
from sjft.pipeline.gpus import own_gpus
from sjft.pipeline.job_cost import JobCost, peak_megabytes
from sjft.settings.addresses import without_secrets
from sjft.storage.files import cannot_be_written, writing
from sjft.wording import harmless


def run_job(
    work: Callable[[], None], log: Path, threads: int, declared_megabytes: int, gpus: int = 0
) -> None:
    """Do a job's ``work`` with a log file, and with so many threads and GPUs.

    A `UserError` ends the process with its message, on the terminal and in the log, and no
    traceback; any other error with its traceback in both. The log's last line says what the job
    has cost, and what memory was declared.
    """
    sys.excepthook = print_without_secrets
    started = time.process_time()
    try:
        log_to(log)
        use_threads(threads)
        with own_gpus(gpus):
            work()
    except UserError as error:
        logging.getLogger("sjft").error("%s", error)
        print(f"\nsjft: {_fit_to_show(str(error))}\n", file=sys.stderr)
        sys.exit(1)
    except Exception:
        logging.getLogger("sjft").exception("Nobody has expected this error. Please report it.")
        raise
    seconds = time.process_time() - started
    if (peak := peak_megabytes()) is not None:
        logging.info("%s", JobCost(peak, declared_megabytes, seconds).line())


def print_without_secrets(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Print an error that nobody expects: an `excepthook`."""
    print(_fit_to_show("".join(traceback.format_exception(kind, error, trace))), file=sys.stderr)


def _fit_to_show(text: str) -> str:
    return harmless(without_secrets(text))


class _WithoutSecrets(logging.Formatter):
    """Lines, and tracebacks of other packages, without the secrets of addresses."""

    def format(self, record: logging.LogRecord) -> str:
        return _fit_to_show(super().format(record))


class _LogFile(logging.FileHandler):
    """A log whose disk may be full: said once, where `logging` prints a traceback for each line."""

    told = False

    def handleError(self, record: logging.LogRecord) -> None:  # logging's name
        """Say on the terminal, in one line, that no more is written; the job goes on."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
        elif not self.told:
            self.told = True
            refused = cannot_be_written(self.baseFilename, error.strerror)
            print(f"sjft: {_fit_to_show(str(refused))}", file=sys.stderr)


def log_to(path: Path) -> None:
    """Write what is logged, and warnings, to a file of its own, which begins empty.

    Raises `UserError` where the disk is full or the folder is read-only.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = _LogFile(path, mode="w", encoding="utf-8")
    handler.setFormatter(_WithoutSecrets("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.captureWarnings(True)


def use_threads(threads: int) -> None:
    """Give the libraries that are loaded so many threads; load none, as that takes seconds."""
    if numba := sys.modules.get("numba"):
        numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(True, warn_only=True)
