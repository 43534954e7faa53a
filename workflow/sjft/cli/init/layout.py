"""How a user's folder is laid out: one folder per class, or ready splits with these in them."""

import os
import unicodedata
from dataclasses import dataclass, replace
from pathlib import Path

from sjft.data.folders import Walk, images_below
from sjft.data.names import SUFFIXES, is_image
from sjft.errors import UserError
from sjft.settings.splits import Split

# Folders with these names, in capitals or not, are splits where class folders lie in them.
NAMES_OF_SPLITS: dict[str, Split] = {
    **dict.fromkeys(("train", "training", "trn"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
    **dict.fromkeys(("test", "testing", "tst"), "test"),
}
ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z", ".rar")
EXPECTED = (
    "Expected: {0}/<class>/<image>, or {0}/train/<class>/<image> and {0}/test/... Published "
    "sets as they come, and lists, have readers of their own: see docs/readers.md."
)
NAMED = 5  # folders and classes that a message names, at most


@dataclass(frozen=True)
class Layout:
    """The ``folder`` (absolute) that class folders or splits lie in.

    ``splits`` holds each split's folder, and is empty where the class folders lie in ``folder``
    itself. ``empty`` are class folders without an image, ``notes`` what the user is to be told.
    """

    folder: Path
    splits: dict[Split, str]
    empty: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def look_at(given: Path, role: str) -> Layout:
    """Find the class folders of a ``role`` (`target`, `source`) below the folder that was given.

    Raises `UserError` for what is no folder of classes, and says what is expected.
    """
    folder = absolute(given)
    _check_folder(given, folder, role)
    notes: list[str] = []
    while inner := _only_folder(folder):
        notes.append(
            f"{folder} holds one folder alone: its class folders are taken, {inner.name}/*"
        )
        folder = inner
    with_images = _folders_with_images(folder)
    if not with_images:
        raise UserError(_without_classes(folder, role))
    if splits := _splits_in(folder, with_images, role):
        left_out = [name for name in with_images if name not in splits.values()]
        if left_out:
            notes.append(f"not used, since train/ is there: {_some(left_out, '/')}")
        layout = Layout(folder, splits, notes=tuple(notes))
    else:
        layout = Layout(folder, {}, notes=tuple(notes))
    return _without_empty_classes(layout)


def absolute(given: Path) -> Path:
    """A path without `..`, whose links stay as they are: a user may point them elsewhere."""
    path = Path(os.path.abspath(given))  # noqa: PTH100
    # Behind a link, `..` leads elsewhere than the path says.
    real, moved = os.path.realpath(given), os.path.realpath(path)
    return path if real == moved else Path(real)


def check_apart(target: Path, source: Path) -> None:
    """Raise `UserError` where the two folders are the same, or one lies in the other."""
    one, other = Path(os.path.realpath(target)), Path(os.path.realpath(source))  # a loop is one too
    if one == other:
        raise UserError(
            f"{target} is both target and source. The source is another labelled set: a large one, "
            "whose images are borrowed."
        )
    for inner, outer, names in ((one, other, (target, source)), (other, one, (source, target))):
        if inner.is_relative_to(outer):
            raise UserError(
                f"{names[0]} lies in {names[1]}: the target's images, those that it is tested on "
                "among them, would be source images or the other way round. Name folders of "
                "which neither holds the other."
            )


def _check_folder(given: Path, folder: Path, role: str) -> None:
    try:
        os.path.realpath(given).encode("utf-8")
        folder.as_posix().encode("utf-8")
    except UnicodeEncodeError:
        raise UserError(
            f"{role} folder {str(given)!r}: the name is not valid UTF-8. Rename the folder."
        ) from None
    if any(unicodedata.category(sign) == "Cc" for sign in str(folder)):
        raise UserError(
            f"{role} folder {str(given)!r}: the name holds a control character (a line break), "
            "which a configuration cannot. Rename the folder."
        )
    if folder.is_dir():
        return
    if folder.is_symlink() and not folder.exists():
        raise UserError(
            f"{role} folder {given}: is a link that leads nowhere (to {folder.readlink()}). Let it "
            "lead to the folder, or name the folder itself."
        )
    if not folder.exists():
        raise UserError(
            f"{role} folder {given}: there is no such folder (looked for {folder}). "
            + EXPECTED.format(given)
        )
    archive = folder.suffix.lower() in ARCHIVES
    raise UserError(
        f"{role} folder {given}: is a file. "
        + ("Extract the archive and name the folder." if archive else EXPECTED.format("FOLDER"))
    )


def _folders(folder: Path) -> list[str]:
    return [entry.name for entry in Walk(folder).open(str(folder)).folders]


def _images(folder: Path) -> list[str]:
    return [entry.name for entry in Walk(folder).open(str(folder)).files if is_image(entry.name)]


def _folders_with_images(folder: Path) -> list[str]:
    return [name for name in _folders(folder) if holds_images(folder / name)]


def holds_images(folder: Path) -> bool:
    """Whether an image lies in a folder or anywhere below it, by the rules of the readers."""
    return next(Walk(folder).images(folder), None) is not None


def _only_folder(folder: Path) -> Path | None:
    """The one folder with images that lies here, where folders with images lie in that one."""
    inside = _folders_with_images(folder)
    if len(inside) != 1 or _images(folder):
        return None
    inner = folder / inside[0]
    return inner if _folders_with_images(inner) and not _images(inner) else None


def _splits_in(folder: Path, names: list[str], role: str) -> dict[Split, str]:
    """Folders that hold splits, by split; none where the folders are classes."""
    found: dict[Split, str] = {}
    for name in names:
        split = NAMES_OF_SPLITS.get(name.lower())
        if split is None:
            continue
        if split in found:
            raise UserError(
                f"{role} folder {folder}: both {found[split]}/ and {name}/ could be the split "
                f"{split}. Join them, or name the one that is meant on the command line."
            )
        found[split] = name
    all_are_splits = len(found) == len(names)
    if "train" not in found:
        if all_are_splits and any(_folders_with_images(folder / name) for name in names):
            raise UserError(
                f"{role} folder {folder}: there is {_some(names, '/')} but no train/. Name the "
                "folder with all class folders, or rename the split to train on."
            )
        return {}
    train = folder / found["train"]
    if _folders_with_images(train) and not _images(train):
        return {split: found[split] for split in ("train", "val", "test") if split in found}
    if all_are_splits and len(names) > 1:
        raise UserError(
            f"{role} folder {folder}: the images in {found['train']}/ lie in no class folders. "
            + EXPECTED.format(folder)
        )
    return {}  # a class of this name, among others


def _without_classes(folder: Path, role: str) -> str:
    flat = _images(folder)
    if flat:
        return (
            f"{role} folder {folder}: its {len(flat)} images lie in no class folders, and "
            f"{'a source needs labels too' if role == 'source' else 'labels are needed'}. Sort "
            f"them into one folder per class. {EXPECTED.format(folder)}"
        )
    _, omissions = images_below(folder)
    there = "; ".join(omissions.lines())
    return (
        f"{role} folder {folder}: holds no image ({', '.join(sorted(SUFFIXES))})"
        f"{'. Left out: ' + there if there else ''}. {EXPECTED.format(folder)}"
    )


def _without_empty_classes(layout: Layout) -> Layout:
    """Leave out class folders that are empty in every split; one that is not is for the reader."""
    filled: dict[str, bool] = {}
    for part in layout.splits.values() or (".",):
        for name in _folders(layout.folder / part):
            filled[name] = filled.get(name, False) or holds_images(layout.folder / part / name)
    empty = sorted(name for name, holds in filled.items() if not holds)
    if not empty:
        return layout
    note = f"left out, since no image is in them: {_some(empty, '/')}"
    return replace(layout, empty=tuple(empty), notes=(*layout.notes, note))


def _some(names: list[str], after: str = "") -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(f"{name}{after}" for name in names[:NAMED]) + more
