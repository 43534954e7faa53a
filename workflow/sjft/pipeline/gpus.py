"""The GPUs of one machine, handed out: jobs that run beside each other take different ones.

The workflow says in a variable which there are; each job takes its own before torch looks at any.
What is taken is a locked file, which the system frees when the process ends, however it ends.
On a cluster the scheduler hands them out, and the variable is not set.
"""

import fcntl
import logging
import os
import re
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sjft.errors import UserError
from sjft.storage.files import writing

HANDED_OUT = "SJFT_GPUS"
VISIBLE = "CUDA_VISIBLE_DEVICES"
_LISTED = re.compile(r"\(UUID: ((GPU|MIG)-[^)]+)\)")
_SECONDS_BETWEEN_TRIES = 0.5


def gpus_here(environment: Mapping[str, str]) -> list[str]:
    """The GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them.

    Those that the variable names already, else all that NVIDIA's driver lists; of a GPU that is cut
    into instances (MIG) these. None where there is no driver.
    """
    if (visible := environment.get(VISIBLE)) is not None:
        names = [name.strip() for name in visible.split(",")]
        # As CUDA does: what comes after an invalid name is hidden.
        ends = [i for i, name in enumerate(names) if name in ("", "-1", "NoDevFiles")]
        return list(dict.fromkeys(names[: ends[0]] if ends else names))
    try:
        listed = subprocess.run(
            ["nvidia-smi", "--list-gpus"], capture_output=True, text=True, check=True, timeout=60
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return _whole_or_instances(listed)


def _whole_or_instances(listed: str) -> list[str]:
    found: list[str] = []
    for name, kind in _LISTED.findall(listed):
        if kind == "MIG" and found and found[-1].startswith("GPU-"):
            found.pop()  # the GPU that this is the first instance of
        found.append(name)
    return found


def handed_out(gpus: Sequence[str], jobs: int) -> str:
    """What the variable says, for so many jobs of one GPU beside each other.

    Where these are more than there are GPUs, several share one.
    """
    return ",".join(gpus[number % len(gpus)] for number in range(max(jobs, len(gpus))))


@contextmanager
def own_gpus(
    number: int, environment: MutableMapping[str, str] | None = None, folder: Path | None = None
) -> Iterator[None]:
    """Let a block see so many GPUs, which no other job has; wait until they are free.

    Where there are fewer it sees all of them. Nothing is done where none are handed out, or for a
    job that wants none. torch reads the variable when it first looks for GPUs, not when it is
    imported. Raises `UserError` where the folder of locks, in the system's for temporary files,
    cannot be written.
    """
    environment = os.environ if environment is None else environment
    places = [name for name in environment.get(HANDED_OUT, "").split(",") if name]
    if not places or number < 1:
        yield
        return
    folder = folder or _folder_of_locks(environment)
    with ExitStack() as held, _restored(environment):
        names = _taken(min(number, len(set(places))), places, folder, held)
        environment[VISIBLE] = ",".join(names)
        logging.info("GPU %s", environment[VISIBLE])
        yield


@contextmanager
def _restored(environment: MutableMapping[str, str]) -> Iterator[None]:
    before = environment.get(VISIBLE)
    try:
        yield
    finally:
        environment.pop(VISIBLE, None)
        if before is not None:
            environment[VISIBLE] = before


def _folder_of_locks(environment: Mapping[str, str]) -> Path:
    """One for each user; within Slurm for each allocation, as the names are its own."""
    allocation = environment.get("SLURM_JOB_ID", "")
    return Path(tempfile.gettempdir()) / f"sjft-gpus-{os.getuid()}{allocation and '-'}{allocation}"


def _taken(number: int, places: Sequence[str], folder: Path, held: ExitStack) -> list[str]:
    """So many different GPUs of the ``places``, locked as long as ``held`` is."""
    waited = False
    while True:
        with ExitStack() as locks:
            names = _free(number, places, folder, locks)
            if len(names) == number:
                held.push(locks.pop_all())
                return names
        # All that were free are free again: two jobs that want two each must not wait for ever.
        if not waited:
            logging.info("Waiting for %d of the GPUs %s", number, ", ".join(dict.fromkeys(places)))
            waited = True
        time.sleep(_SECONDS_BETWEEN_TRIES)


def _free(number: int, places: Sequence[str], folder: Path, locks: ExitStack) -> list[str]:
    names: list[str] = []
    for index, name in enumerate(places):
        if len(names) == number:
            break
        if name in names:
            continue
        path = folder / f"{name.replace('/', '-')}.{places[:index].count(name)}.lock"
        with writing(path):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _require_own(folder)
            # Not truncated and never removed: another job may hold it.
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        locks.callback(os.close, descriptor)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        names.append(name)
    return names


def _require_own(folder: Path) -> None:
    """Raise `UserError` for a folder in a shared place whose locks others could hold for ever."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise UserError(
            f"{folder}: GPUs are locked there for jobs that run side by side, and it is another "
            "user's, or a link. Remove it, or set TMPDIR to a folder of your own."
        )
