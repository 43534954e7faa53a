"""The list of all that `sjft inspect` knows: how a file is told, and who knows what it holds.

What is damaged is refused by whoever reads it, in one message.
"""

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any
from zipfile import is_zipfile

from polars.exceptions import PolarsError

from sjft.errors import NotAsWrittenError, UserError
from sjft.loading import loading
from sjft.storage.files import content_of, digest_file, digest_of_bytes, read_json
from sjft.storage.hdf5 import open_sealed
from sjft.storage.inspection import Inspection, facts_of_hdf5
from sjft.storage.sanity import Check, content_is_as_digested
from sjft.storage.seals import is_sealed, require_sealed

# By the attribute `format` of an HDF5 file.
HDF5 = {
    "sjft-descriptors": "sjft.descriptors.inspection:inspect_descriptors",
    "sjft-image-hashes": "sjft.leakage.inspection:inspect_hashes",
    "sjft-bins": "sjft.retrieval.inspection:inspect_bins",
    "sjft-histograms": "sjft.retrieval.inspection:inspect_histograms",
    "sjft-projection": "sjft.retrieval.inspection:inspect_projection",
    "sjft-neighbours": "sjft.retrieval.lists_inspection:inspect_neighbours",
    "sjft-probabilities": "sjft.evaluation.inspection:inspect_probabilities",
}
# By the first columns of a table.
TABLES = {
    ("image", "path", "label", "class_name", "split"): "sjft.data.inspection:inspect_images",
    ("image", "source", "path"): "sjft.selection.inspection:inspect_subset",
    ("image", "path", "label", "class_name", "style"): "sjft.selection.inspection:inspect_targets",
    ("image", "path", "label", "predicted"): "sjft.selection.inspection:inspect_difficulty",
    ("target_path", "target_split"): "sjft.leakage.inspection:inspect_leakage",
    ("target_image", "source_image"): "sjft.leakage.inspection:inspect_copies",
    ("path", "reason"): "sjft.data.inspection:inspect_skipped",
    ("path", "class", "split"): "sjft.data.inspection:inspect_generated",
    ("update", "learning_rate"): "sjft.training.inspection:inspect_history",
    ("path", "class_name", "predicted_class"): "sjft.evaluation.inspection:inspect_predictions",
    ("class_name", "images", "accuracy"): "sjft.evaluation.inspection:inspect_classes",
    ("class_name", "predicted_class"): "sjft.evaluation.inspection:inspect_confusion",
    ("arm", "title", "seeds"): "sjft.reports.inspection:inspect_ablation",
    ("arm", "seed"): "sjft.reports.inspection:inspect_ablation",
}
# By keys that a record has.
RECORDS = {
    ("items", "checksum_of_index"): "sjft.retrieval.index_inspection:inspect_index",
    ("listed_by", "snapshot", "state"): "sjft.data.inspection:inspect_record",
    ("images", "mean_class_accuracy", "classes"): "sjft.evaluation.inspection:inspect_evaluation",
    ("table",): "sjft.reports.inspection:inspect_summary",
    ("arm", "reason", "split"): "sjft.reports.inspection:inspect_choice",
}
# By the key `format` of a file of torch; these are given what torch read.
TORCH = {
    "sjft-model": "sjft.networks.inspection:inspect_round_model",
    "sjft-checkpoint": "sjft.training.inspection:inspect_checkpoint",
}
INDEX = "sjft.retrieval.index_inspection:inspect_index"
PUBLISHED = "sjft.model.inspection:inspect_published"
WEIGHTS = "sjft.networks.inspection:inspect_weights"
_HDF5_BEGINS = b"\x89HDF\r\n\x1a\n"
# What a look into a file can raise that is not of its kind, though its checksum holds.
UNEXPECTED = (
    *(LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RuntimeError),
    *(MemoryError, PolarsError),
)


def inspected(path: Path) -> Inspection:
    """Look into a file; raises `UserError` for one that is damaged, or no file of the pipeline."""
    inspect = _inspector_of(path)
    try:
        found = inspect(path)
        return replace(found, checks=[*_intact(path), *found.checks])
    except UNEXPECTED as error:
        raise UserError(
            f"{path}: does not hold what such a file must hold ({type(error).__name__}: {error}). "
            "Remove it and run again."
        ) from error


def require_sane_table(path: Path) -> None:
    """Raise `UserError` where a check of a table fails; of tables that are not known, none does."""
    if path.suffix != ".csv" or _place_of_table(_header_of(path)) is None:
        return
    for check in inspected(path).checks:
        if check.problem:
            raise UserError(
                f"{path}: cannot be accepted as it is: {check.what}: {check.problem}. Mend it, or "
                "remove it and run again."
            )


def _intact(path: Path) -> list[Check]:
    """What the file's bytes were held to before: a file that does not hold to it is refused."""
    if path.suffix == ".json":
        return [Check("it has the digest that it ends with")]
    if path.suffix not in (".csv", ".ann", ".digest") and is_sealed(path):
        return [Check("it has the checksum that it ends with")]
    if digest_file(path).exists():
        return [Check(f"it has the digest in {digest_file(path).name}")]
    return []


def _inspector_of(path: Path) -> Callable[[Path], Inspection]:
    if is_hdf5(path):
        return _inspect_hdf5
    if path.suffix in (".pt", ".pth") or (path.is_file() and is_zipfile(path)):
        return _inspect_torch
    if path.suffix == ".ann":
        return _named(INDEX)
    if path.suffix == ".digest":
        return _inspect_digest
    if path.suffix == ".csv":
        return _inspect_table
    if path.suffix == ".json":
        return _inspect_record
    content_of(path)  # says where there is none
    raise UserError(
        f"{path}: is no file of this pipeline that can be looked into. These are: what ends in "
        ".h5, .ann, .csv, .json, .pt or .pth below results/, and weights."
    )


def is_hdf5(path: Path) -> bool:
    """Whether a file is HDF5, or should be by its name."""
    if path.suffix == ".h5":
        return True
    if not path.is_file():  # a pipe would be waited for
        return False
    try:
        with path.open("rb") as file:
            return file.read(len(_HDF5_BEGINS)) == _HDF5_BEGINS
    except OSError:
        return False  # whoever reads it says so


def _named(place: str) -> Callable[..., Inspection]:
    """The function at `module:name`, imported now: each kind of file needs its own packages."""
    module, _, name = place.partition(":")
    found: Callable[..., Inspection] = getattr(import_module(module), name)
    return found


def _inspect_hdf5(path: Path) -> Inspection:
    with open_sealed(path) as file:
        kind = str(file.attrs.get("format", ""))
        if kind in HDF5:
            return _named(HDF5[kind])(path)
        if not kind.startswith("sjft-"):
            raise UserError(f"{path}: is no file of this pipeline. Try `h5dump -H`.")
        settings, inputs = facts_of_hdf5(file)
        return Inspection(
            kind=kind,
            what="A file of this pipeline of a kind that is not known here.",
            settings=settings,
            inputs=inputs,
            checks=[content_is_as_digested(file)],
        )


def _inspect_torch(path: Path) -> Inspection:
    with loading():
        from sjft.model.publication import KIND as PUBLISHED_KIND  # noqa: PLC0415  (torch is slow)

    content = _read_torch(path)
    kind = content.get("format") if isinstance(content, dict) else None
    if kind == PUBLISHED_KIND:
        return _named(PUBLISHED)(path)
    if kind in TORCH:
        require_sealed(path)  # these have always had a checksum
        return _named(TORCH[kind])(path, content)
    if isinstance(content, dict) and content and all(map(_is_tensor, content.values())):
        return _named(WEIGHTS)(path, content)
    raise UserError(
        f"{path}: is no published model, no model of a round, no checkpoint, and no weights by "
        "name. Name results/EXPERIMENT/model.pt, for example."
    )


def _read_torch(path: Path) -> Any:
    from sjft.storage.torch_file import read_torch_of_any_kind, require_whole  # noqa: PLC0415

    if path.suffix == ".pth" or digest_file(path).exists():
        require_whole(path)
    try:
        return read_torch_of_any_kind(path)
    except NotAsWrittenError as error:
        raise UserError(
            f"{path}: cannot be read as a model or a checkpoint: it {error.reason}. Copy it anew "
            "from where it came, or remove it and run again."
        ) from None


def _is_tensor(value: object) -> bool:
    return type(value).__name__ in ("Tensor", "Parameter")


def _inspect_table(path: Path) -> Inspection:
    header = _header_of(path)
    if (place := _place_of_table(header)) is not None:
        return _named(place)(path)
    raise UserError(
        f"{path}: is no table of this pipeline: it has the columns "
        f"{', '.join(header)[:200] or '(none)'}."
    )


def _header_of(path: Path) -> tuple[str, ...]:
    first = io.BytesIO(content_of(path)).readline()
    try:
        return tuple(next(csv.reader(io.StringIO(first.decode("utf-8"))), []))
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: is no table ({error}). Remove it and run again.") from None


def _place_of_table(header: tuple[str, ...]) -> str | None:
    known = (place for columns, place in TABLES.items() if header[: len(columns)] == columns)
    return next(known, None)


def _inspect_record(path: Path) -> Inspection:
    content = read_json(path)
    for keys, place in RECORDS.items():
        if set(keys) <= set(content):
            return _named(place)(path)
    return Inspection(
        kind="record",
        what="A record that the program keeps for itself, with its own digest.",
        settings=content,
        sizes={"keys": len(content)},
    )


def _inspect_digest(path: Path) -> Inspection:
    """The digest beside a table: of the very file that lies there?"""
    told, of = content_of(path).decode("utf-8"), path.with_suffix("")
    found = digest_of_bytes(content_of(of))
    holds = any(line == f"BLAKE2b-128 ({of.name}) = {found}" for line in told.splitlines())
    return Inspection(
        kind="digest",
        what=f"The digest of {of.name}, as `b2sum --check` reads it.",
        sizes={"lines": len(told.splitlines())},
        checks=[Check(f"{of.name} has it", None if holds else f"that has the digest {found}")],
    )
