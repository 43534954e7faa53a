"""That each job is asked for its own reasons to run again.

Snakemake passes over all jobs behind one that runs: they run too, it takes for granted. Behind a
file that is `ancient` they do not, and then settings that have changed would be passed over with
them, without a word. So where it looks for what is behind a job, such files lead no further.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol, TypeVar

Job = TypeVar("Job")


class FileOfJob(Protocol):
    """A file, as Snakemake knows it."""

    is_ancient: bool


Behind = Mapping[Job, Mapping[Job, Iterable[FileOfJob]]]
# Of a graph of jobs: those that a direction leads to.
Search = Callable[..., Iterator[Any]]


class WithoutAncient:
    """What comes after each job, and by which files, but for what comes by ancient ones alone."""

    def __init__(self, behind: Behind[Any]) -> None:
        """Look at ``behind`` so."""
        self._behind = behind

    def __getitem__(self, job: Any) -> dict[Any, Iterable[FileOfJob]]:
        """The jobs that run where this one does, each with the files that it reads of it."""
        found = self._behind[job].items()
        return {after: files for after, files in found if not all(f.is_ancient for f in files)}


def along_what_runs(search: Search) -> Search:
    """Snakemake's ``search`` of its graph, where it looks for what runs because another job does.

    What is left out of a run on purpose (`--omit-from`) is left out with all that is behind it.
    """
    if hasattr(search, "goes_along_what_runs"):  # by a workflow that this one is a module of
        return search

    def found(dag: Any, direction: Any, *jobs: Any, **more: Any) -> Iterator[Any]:
        if direction is dag.depending and not (dag.omitrules or dag.omitfiles):
            direction = WithoutAncient(direction)
        return search(dag, direction, *jobs, **more)

    found.goes_along_what_runs = True  # type: ignore[attr-defined]
    return found
