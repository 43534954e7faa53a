"""What a job has cost: the last line of its log, written by the job and read by the benchmarks."""

import re
from dataclasses import dataclass
from pathlib import Path

PROCESS = Path("/proc/self/status")
LINE = "took {} of {} MB at its peak, and {:.3f} s of a processor"
READ = re.compile(r"took (\d+) of (\d+) MB at its peak, and ([\d.]+) s of a processor$", re.M)


@dataclass(frozen=True)
class JobCost:
    """``peak`` memory of a job's process and what its rule ``declared``, in MB of 1,000,000 bytes.

    ``seconds`` are those of a processor, of all threads, without the start of Python.
    """

    peak: int
    declared: int
    seconds: float

    def line(self) -> str:
        """As it stands in the log."""
        return LINE.format(self.peak, self.declared, self.seconds)


def peak_megabytes() -> int | None:
    """The largest resident memory of this process so far; None where the system does not say.

    Linux says it. getrusage is no help: a new process starts with its parent's figure there.
    """
    if not PROCESS.exists():
        return None
    kib = re.search(r"VmHWM:\s*(\d+) kB", PROCESS.read_text(encoding="ascii", errors="replace"))
    return None if kib is None else round(int(kib[1]) * 1024 / 1e6)


def read_job_cost(log: Path) -> JobCost | None:
    """The cost in a job's log; None where the job did not end well, or the system did not say."""
    found = READ.findall(log.read_text(encoding="utf-8"))
    return JobCost(int(found[-1][0]), int(found[-1][1]), float(found[-1][2])) if found else None
