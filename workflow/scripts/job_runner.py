"""What Snakemake hands to a script, with types, and what every script does around its stage."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar, get_type_hints

from pydantic import TypeAdapter

from sjft.data.location import ImageFolders
from sjft.data.shard import ImagesOfShard
from sjft.loading import look_for_garbage, put_off_garbage
from sjft.pipeline.job import run_job
from sjft.settings.image_limits import ImageLimits, limits_among, limits_of_any

# The script is about to import its stage. Where it is read anew by a process of its own stage's,
# or by a test, nothing calls `run`, and Snakemake has put nothing into it.
if hasattr(sys.modules["__main__"], "snakemake"):
    put_off_garbage()

Made = TypeVar("Made")


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
    look_for_garbage()
    job: Job = sys.modules[main.__module__].snakemake
    run_job(
        partial(main, job),
        Path(job.log[0]),
        job.threads,
        job.resources.mem_mb,
        gpus=getattr(job.resources, "gpu", 0),
    )


##### a rule's files #####


def paths(files: Iterable[str]) -> list[Path]:
    """The paths of a list of files."""
    return [Path(file) for file in files]


def path_or_none(file: Any) -> Path | None:
    """The path of what is one file, or none: an empty list."""
    return Path(file) if file else None


def files(kind: type[Made], named: Named) -> Made:
    """The files that a stage reads or writes: of each field's name, what the rule has under it.

    A field is a `Path`, one that there may be none of (`Path | None`), or a list of them. Raises
    `TypeError` where the rule's names and the fields are not the same.
    """
    types = get_type_hints(kind)
    return kind(**{name: _of_type(types.get(name), value) for name, value in named.items()})


def _of_type(kind: object, value: Any) -> Path | list[Path] | None:
    if kind == Path | None:
        return path_or_none(value)
    return Path(value) if kind is Path else paths(value)


##### the images of a job #####


def data_root(job: Job) -> Path:
    """The folder below which the user's data lie."""
    return Path(job.config["data_root"])


def image_folder(job: Job, dataset: str) -> Path:
    """The folder that the paths of a data set's images start from."""
    return Path(job.config["image_folders"][dataset])


def image_limits(job: Job) -> ImageLimits:
    """What passes for one of the data sets at least, where images of several are opened."""
    return limits_of_any(job.config["told"]["datasets"].values())


def image_folders(job: Job, datasets: Sequence[str]) -> ImageFolders:
    """The folders of a target's images and of its sources', and what is opened of them."""
    return ImageFolders.among(job.config["image_folders"], datasets, image_limits(job))


def images_of_shard(job: Job) -> ImagesOfShard:
    """The images of a job that goes through one shard of a data set."""
    names, params = job.wildcards, job.params
    opening = told(job, "datasets", names.dataset)
    return ImagesOfShard(
        *(Path(job.input.images), names.part, int(names.shard), image_folder(job, names.dataset)),
        state=params.content,
        skip_bad=opening["on_bad_image"] == "skip",
        limits=limits_among(opening),
    )


##### settings #####


def beside_the_list(job: Job) -> Mapping[str, Any]:
    """What does not decide the list of a data set: where its images lie, and how they are read."""
    of_dataset: Mapping[str, Any] = job.config["beside_the_list"][job.wildcards.dataset]
    return of_dataset


def typed(kind: type[Made], values: Any) -> Made:
    """What the rules hand over as plain values."""
    return TypeAdapter(kind).validate_python(values)


def told(job: Job, section: str, name: str) -> Mapping[str, Any]:
    """What jobs are told of an entry without running again for it: how they compute."""
    of_entry: Mapping[str, Any] = job.config["told"][section][name]
    return of_entry
