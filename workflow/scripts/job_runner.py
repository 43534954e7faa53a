"""What Snakemake hands to a script, with types, and what every script does around its stage."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, get_type_hints

from sjft.data.location import folder_at
from sjft.pipeline.job import run_job

if TYPE_CHECKING:
    from sjft.settings.weights import Weights

Files = TypeVar("Files")


class Named(Protocol):
    """A rule's files or values, by name: each a text (or a value), or a list of them."""

    def __getattr__(self, name: str, /) -> Any:
        """What stands under a name."""

    def __getitem__(self, name: str | int, /) -> Any:
        """Likewise, or in so manieth place."""

    def __iter__(self) -> Iterator[str]:
        """All of them, one after the other."""

    def items(self) -> Iterable[tuple[str, Any]]:
        """Each with its name."""


class Job(Protocol):
    """Snakemake's object; ``config`` is the workflow's, as the rules left it."""

    input: Named
    output: Named
    params: Named
    wildcards: Named
    resources: Named
    log: Named
    threads: int
    config: Mapping[str, Any]


def run(main: Callable[[Job], None]) -> None:
    """Run a script's ``main`` with the log, threads, memory and GPUs of its rule.

    Snakemake puts its object into the script, as the variable ``snakemake``.
    """
    job: Job = sys.modules[main.__module__].snakemake
    run_job(
        partial(main, job),
        Path(job.log[0]),
        job.threads,
        job.resources.mem_mb,
        gpus=getattr(job.resources, "gpu", 0),
    )


def paths(files: Iterable[str]) -> list[Path]:
    """The paths of a list of files."""
    return [Path(file) for file in files]


def files(kind: type[Files], named: Named) -> Files:
    """The files that a stage reads or writes: of each field's name, what the rule has under it.

    A field is a `Path`, one that there may be none of (`Path | None`), or a list of them. Raises
    `TypeError` where the rule's names and the fields are not the same.
    """
    types = get_type_hints(kind)
    return kind(**{name: _typed(types.get(name), value) for name, value in named.items()})


def _typed(of: object, value: Any) -> Path | list[Path] | None:
    if of == Path | None and not value:
        return None
    return Path(value) if of in (Path, Path | None) else paths(value)


def data_root(job: Job) -> Path:
    """The folder below which the user's data lie."""
    return Path(job.config["data_root"])


def image_folder(job: Job, place: Mapping[str, str]) -> Path:
    """The folder of a data set's images, from what the rules say of its place."""
    return folder_at(place, data_root(job))


def told(job: Job, section: str, name: str) -> Mapping[str, Any]:
    """What jobs are told of an entry without running again for it: how they compute."""
    of_entry: Mapping[str, Any] = job.config["told"][section][name]
    return of_entry


def weights_file(weights: "Weights | None", data_root: str, fetched: str | None) -> Path | None:
    """The file that a section `weights` is about: the user's, or the one that a rule fetched."""
    # Not for the jobs that need no weights: their start is all that they take.
    from sjft.settings.weights import weights_file as file_of_weights  # noqa: PLC0415

    return file_of_weights(weights, Path(data_root), Path(fetched) if fetched else None)
