"""What every script does around its work: a log of its own, and errors for the user.

Snakemake runs a script with an object `snakemake` in it; `run` hands that to the script's `main`.
"""

import logging
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from sjft.errors import UserError
from sjft.pipeline.job_cost import JobCost, peak_megabytes
from sjft.settings.addresses import without_secrets
from sjft.settings.pictures import PictureLimits, widest
from sjft.storage.files import writing


def run(main: Callable[[Any], None], snakemake: Any) -> None:
    """Run a script's ``main`` with a log file, and the threads that its rule was given.

    A `UserError` ends the job with its message, on the terminal and in the log, and no traceback.
    Neither has passwords or tokens of addresses, whoever wrote them.
    The log's last line says what the job has cost, and what memory was declared.
    """
    sys.excepthook = _print_without_secrets
    started = time.process_time()
    try:
        with writing(Path(snakemake.log[0])):
            _log_to(Path(snakemake.log[0]))
        _use_threads(snakemake.threads)
        main(snakemake)
    except UserError as error:
        logging.getLogger("sjft").error("%s", error)
        print(f"\nsjft: {without_secrets(str(error))}\n", file=sys.stderr)
        sys.exit(1)
    seconds = time.process_time() - started
    if (peak := peak_megabytes()) is not None:
        logging.info("%s", JobCost(peak, snakemake.resources.mem_mb, seconds).line())


def _print_without_secrets(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    print(without_secrets("".join(traceback.format_exception(kind, error, trace))), file=sys.stderr)


class _WithoutSecrets(logging.Formatter):
    """Lines, and tracebacks of other packages, without the secrets of addresses."""

    def format(self, record: logging.LogRecord) -> str:
        return without_secrets(super().format(record))


def _log_to(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path, mode="w", encoding="utf-8")
    handler.setFormatter(_WithoutSecrets("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.captureWarnings(True)


def _use_threads(threads: int) -> None:
    """Give the libraries that the script has loaded the rule's threads; load none."""
    if numba := sys.modules.get("numba"):
        numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(True, warn_only=True)


def folder(place: dict[str, str], data_root: str) -> Path:
    """A data set's folder: what was generated lies under results/, a root below the data root."""
    return Path(place["generated"]) if "generated" in place else Path(data_root) / place["root"]


def limits_on(dataset: str, config: dict[str, Any]) -> PictureLimits:
    """Which of a data set's pictures are too large to be opened."""
    return limits_among(config["told"]["datasets"][dataset])


def limits_among(settings: dict[str, Any]) -> PictureLimits:
    """The limits among some settings of a data set; generated pictures have the usual ones."""
    own = {key: settings[key] for key in PictureLimits.model_fields if key in settings}
    return PictureLimits.model_validate(own)


def limits_on_all(config: dict[str, Any]) -> PictureLimits:
    """What passes for some data set: extraction has held each picture against its own limits."""
    return widest(limits_on(dataset, config) for dataset in config["told"]["datasets"])


def weights_file(weights: Any, data_root: str, fetched: str | None) -> Path | None:
    """The file that a section `weights` is about: the user's, or the one that a rule fetched."""
    if weights is not None and weights.source == "file":
        return Path(data_root) / weights.path
    return Path(fetched) if fetched else None
