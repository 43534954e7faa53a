"""The state of a data set: what is on disk, and which shards a change concerns.

A *snapshot* says quickly, without a reader, whether anything has changed at all: names, sizes and
times of all files. Where it has, the data set is listed anew, and one digest a part and shard says
which of the files that are computed shard by shard still belong to the images of now.
"""

import hashlib
import json
import logging
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from itertools import chain
from pathlib import Path

import polars as pl

from sjft.data.disk import file_line, files_below, folders_below, with_digests
from sjft.data.folders import cannot_be_read
from sjft.data.listing import list_images
from sjft.data.omissions import Omissions
from sjft.data.table import PARTS, class_names, of_part, read_images, write_images
from sjft.errors import NotAsWrittenError, UserError
from sjft.settings.dataset import DatasetSettings, FilesOnDisk, Synthetic
from sjft.storage.files import digest_of_text, read_json, write_json

IMAGES, RECORD = "images.csv", "state.json"
LOG = logging.getLogger(__name__)
# What does not decide the list: what to do with bad images, and where the data are, or come from.
NOT_FOR_THE_LIST = frozenset(
    {"on_bad_image", "largest_image", "root", "how_to_get", "downloads", "watch"}
)


@dataclass(frozen=True)
class DataState:
    """Digests of a data set's images.

    ``content``: part by part, for each shard, which images it holds. ``rows``: part by part,
    the whole rows of images.csv, with labels and numbers. The others decide nothing: ``left_out``,
    what the list left out, in words; ``images``, how many each split has; ``classes``, their names
    by label.
    """

    content: dict[str, list[str]]
    rows: dict[str, str]
    left_out: list[str] = field(default_factory=list, compare=False)
    images: dict[str, int] = field(default_factory=dict, compare=False)
    classes: list[str] = field(default_factory=list, compare=False)


@dataclass(frozen=True)
class Record:
    """A data set's state, what it was listed by, and the snapshot that it belongs to."""

    listed_by: str
    snapshot: str
    state: DataState


def listed_by(settings: DatasetSettings, code: str) -> str:
    """Digest of what decides the list besides the files: settings, and the readers' code."""
    values = settings.model_dump(mode="json", exclude=set(NOT_FOR_THE_LIST))
    return digest_of_text(json.dumps([values, code], sort_keys=True))


def snapshot(settings: DatasetSettings, data_root: Path, omissions: Omissions | None = None) -> str:
    """Changes with any file of a data set that is added, removed, renamed or written to.

    With ``watch: folders`` the folders' own times stand for the images in them. Images that
    the program makes have none. What is no file is counted and named in ``omissions`` (of folders,
    their times tell). Raises `UserError` for a folder that cannot be read.
    """
    if settings.generated:
        return ""
    assert not isinstance(settings, Synthetic)
    root = data_root / settings.root
    digest = hashlib.blake2b(digest_size=16)
    folders = [root / name for name in settings.image_folders] or [root]
    lists = [root / name for name in settings.listing_files]
    facts = chain(
        *(_facts_below(folder, settings, omissions) for folder in folders),
        (file_line(path.name, path.stat()) for path in lists if path.is_file()),
    )
    try:
        for text in facts:
            digest.update(f"{text}\n".encode("utf-8", "surrogateescape"))
    except OSError as error:
        raise cannot_be_read(error) from None
    return digest.hexdigest()


def _facts_below(folder: Path, settings: FilesOnDisk, omissions: Omissions | None) -> Iterable[str]:
    if settings.watch == "images":
        return files_below(folder, omissions)
    return folders_below(folder)


def snapshot_here(settings: DatasetSettings, data_root: Path) -> str:
    """The `snapshot` that a record keeps: with what is left out, which it says in words.

    With ``watch: folders`` it is of this very place. The folders of another collection may have
    the same names and times (of an archive that was packed with fixed ones, say), so that where
    the root is another, the images are listed anew.
    """
    omissions = Omissions()
    found = snapshot(settings, data_root, omissions)
    if isinstance(settings, Synthetic) or settings.generated:
        return found
    if settings.watch == "folders":
        return digest_of_text(f"{data_root / settings.root}\n{found}")
    left_out = omissions.lines()
    return digest_of_text("\n".join([found, *left_out])) if left_out else found


def listed(
    settings: DatasetSettings,
    root: Path,
    known: pl.DataFrame | None = None,
    omissions: Omissions | None = None,
) -> pl.DataFrame:
    """List a data set as `list_images` does, with digests of the content where they are wanted.

    ``known`` is an earlier list, whose digests hold for files of the same size and time.
    """
    table = list_images(settings, root, omissions=omissions)
    if isinstance(settings, Synthetic) or not settings.content_digest:
        return table
    return with_digests(table, root, known)


def list_dataset(
    settings: DatasetSettings, root: Path, data_root: Path, code: str, folder: Path
) -> None:
    """List the images of a data set that lies in ``root``: images.csv and its record in ``folder``.

    ``code`` is the fingerprint of what lists them. Raises `UserError` as `list_images` does.
    """
    # Taken first: what changes while the list is made is noticed by the next run.
    before = snapshot_here(settings, data_root)
    omissions = Omissions()
    images = listed(settings, root, omissions=omissions)
    omissions.log(LOG, root)
    state = state_of(images, settings.shards, omissions)
    write_listing(folder, images, Record(listed_by(settings, code), before, state))


def state_of(images: pl.DataFrame, shards: int, omissions: Omissions | None = None) -> DataState:
    """The state that a list, and what it left out, stand for.

    With digests of the content, times do not count.
    """
    counted = images.drop("modified") if _has_digests(images) else images
    columns = [name for name in ("path", "bytes", "modified", "digest") if name in counted.columns]
    content = {}
    for part in PARTS:
        by_shard = of_part(counted, part).partition_by("shard", as_dict=True)
        empty = counted.select(columns).clear()
        content[part] = [
            _digest_of_rows(by_shard[(shard,)].select(columns) if (shard,) in by_shard else empty)
            for shard in range(shards)
        ]
    rows = {part: _digest_of_rows(of_part(counted, part)) for part in PARTS}
    return DataState(
        content,
        rows,
        [] if omissions is None else omissions.lines(),
        dict(images.group_by("split").len().sort("split").iter_rows()),
        class_names(images),
    )


def _has_digests(images: pl.DataFrame) -> bool:
    return bool((images["digest"] != "").all())


def _digest_of_rows(rows: pl.DataFrame) -> str:
    return digest_of_text(rows.write_csv())


def write_listing(folder: Path, images: pl.DataFrame, record: Record) -> None:
    """Write images.csv and the record that belongs to it."""
    write_images(folder / IMAGES, images)
    write_json(folder / RECORD, asdict(record))


def read_record(folder: Path) -> Record | None:
    """The record of an earlier listing; None where there is none that can be used."""
    if not (folder / IMAGES).is_file():
        return None
    try:
        values = read_json(folder / RECORD)
        return Record(values["listed_by"], values["snapshot"], DataState(**values["state"]))
    except NotAsWrittenError as error:
        LOG.warning("%s: %s. The images are looked at anew.", error.path, error.reason)
    except (UserError, KeyError, TypeError):
        pass  # there is none yet, or of another version: as if it had not been listed
    return None


@dataclass(frozen=True)
class Changes:
    """How many images were added, removed and replaced (or relabelled) since the last list.

    ``names`` are their paths, by what has happened to them.
    """

    added: int
    removed: int
    replaced: int
    names: dict[str, list[str]] = field(default_factory=dict, compare=False)

    def __str__(self) -> str:
        """For the terminal."""
        return f"{self.added} added, {self.removed} removed, {self.replaced} replaced"


def current_state(
    settings: DatasetSettings, data_root: Path, folder: Path, code: str, *, refresh: bool
) -> tuple[DataState, Changes | None]:
    """The state of the images as they are now, and how they differ from the last list.

    Where the files have changed since images.csv in ``folder`` was written by the same settings
    and readers, and ``refresh`` says so, it is brought up to date, keeping its time: what depends
    on it is decided by the digests, shard by shard, and not by one file's time. Raises `UserError`
    for data that cannot be listed.
    """
    made_by, now = listed_by(settings, code), snapshot_here(settings, data_root)
    record = read_record(folder)
    same_makers = record is not None and record.listed_by == made_by
    if record is not None and same_makers and record.snapshot == now:
        return record.state, None
    before = read_images(folder / IMAGES) if same_makers else None
    assert not isinstance(settings, Synthetic)
    omissions = Omissions()
    images = listed(settings, data_root / settings.root, before, omissions)
    state = state_of(images, settings.shards, omissions)
    if before is None:
        if record is None and refresh and _is_listed(folder, images):
            _renew(folder, images, Record(made_by, now, state))
        return state, None
    if refresh:
        _renew(folder, images, Record(made_by, now, state))
    return state, _changes(before, images)


def _is_listed(folder: Path, images: pl.DataFrame) -> bool:
    """Whether images.csv lists these very images: then a lost record can be made anew."""
    try:
        return read_images(folder / IMAGES).equals(images)
    except UserError:  # not there, or damaged: whoever needs it says so
        return False


def _renew(folder: Path, images: pl.DataFrame, record: Record) -> None:
    written = (folder / IMAGES).stat().st_mtime_ns
    write_listing(folder, images, record)
    for name in (IMAGES, RECORD):
        os.utime(folder / name, ns=(written, written))


def _changes(before: pl.DataFrame, after: pl.DataFrame) -> Changes | None:
    digested = all(_has_digests(images) for images in (before, after))
    told_by = "digest" if digested else "modified"
    same = ["label", "split", "bytes", told_by]
    columns = ["path", *same]
    both = before.select(columns).join(after.select(columns), on="path", suffix="_now")
    differs = pl.any_horizontal(pl.col(name) != pl.col(f"{name}_now") for name in same)
    found = {
        "added": after.join(both, on="path", how="anti"),
        "removed": before.join(both, on="path", how="anti"),
        "replaced": both.filter(differs),
    }
    names = {kind: rows["path"].to_list() for kind, rows in found.items()}
    changes = Changes(**{kind: len(paths) for kind, paths in names.items()}, names=names)
    return changes if changes != Changes(0, 0, 0) else None
