"""Readers of class folders: a user's own, Caltech 256 and ImageNet."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from sjft.data.folders import Walk, leads_nowhere
from sjft.data.names import is_image
from sjft.data.omissions import shown
from sjft.data.readers.listed import ListedImage, folder_in
from sjft.data.readers.lists import matlab_values, numbered_lines, text_of
from sjft.errors import UserError
from sjft.settings.datasets.folders import CLUTTER, Caltech256, ImageFolder, ImageNet, NamedFolders
from sjft.settings.splits import RandomSplit
from sjft.storage.files import stable_integer


def read_image_folder(
    settings: ImageFolder, root: Path, walk: Walk | None = None
) -> list[ListedImage]:
    """List one folder per class, below one folder per split, or split at random by class.

    Raises `UserError` for a missing folder, a folder without classes, an empty class, a link that
    leads nowhere in a class's place, one folder under two classes, an image that lies beside the
    class folders, or a class folder that the names lack.
    """
    walk, called = walk or Walk(root), _names_of_folders(settings, root)
    if settings.random_split is not None:
        listed = _classes_of(walk, root, ".", settings.exclude_classes)
        return [
            ListedImage(path, called(name), split)
            for name, paths in listed
            for path, split in split_at_random(paths, settings.random_split)
        ]
    assert settings.splits is not None
    return [
        ListedImage(path, called(name, folder), split)
        for split, folder in settings.splits.items()
        for name, paths in _classes_of(walk, root, folder, settings.exclude_classes)
        for path in paths
    ]


def read_caltech256(
    settings: Caltech256, root: Path, walk: Walk | None = None
) -> list[ListedImage]:
    """List Caltech 256 with so many training images a class, drawn with a seed.

    Raises `UserError` for a missing or empty folder, and for a class that is too small.
    """
    folder = folder_in(root, settings.images, "<number.class>/<image>.jpg")
    drawn = settings.per_class + settings.val_per_class
    excluded = () if settings.clutter else (CLUTTER,)
    listed = []
    for name, paths in _classes_of(walk or Walk(root), root, settings.images, excluded):
        if len(paths) <= drawn:
            raise UserError(
                f"{folder / name}: this class has {len(paths)} images; with {drawn} of each class "
                "for training and validation none is left to test. Lower `per_class`, or extract "
                "the archive again and completely."
            )
        sizes = settings.per_class, settings.val_per_class
        listed += [ListedImage(p, name, s) for p, s in _drawn(paths, *sizes, settings.seed)]
    return listed


def read_imagenet(settings: ImageNet, root: Path, walk: Walk | None = None) -> list[ListedImage]:
    """List ImageNet's training images by the folders of their wnids; no file is looked at.

    Raises `UserError` for a missing or empty folder, and for a wnid that the names lack.
    """
    folder_in(root, settings.images, "<wnid>/<image>.JPEG")
    called = _names_of_folders(settings, root)
    return [
        ListedImage(path, called(wnid, settings.images), "train")
        for wnid, paths in _classes_of(walk or Walk(root), root, settings.images, ())
        for path in paths
    ]


def _names_of_folders(settings: NamedFolders, root: Path) -> Callable[..., str]:
    """What the class of a folder, and of the folder above it, is called."""
    names = None if settings.names is None else _names_of_synsets(root / settings.names)

    def called(name: str, above: str = ".") -> str:
        if names is None:
            return name
        if name not in names:
            raise UserError(
                f"{root / str(settings.names)}: has no name for the class folder "
                f"{root / above / name}. Take the file of the same release, add a line, or remove "
                "`names` from the data set's entry."
            )
        return f"{name} {names[name]}"

    return called


def _names_of_synsets(path: Path) -> dict[str, str]:
    """The first name of each wnid, from the devkit's meta.mat or from lines of wnid and names."""
    if path.suffix == ".mat":
        (synsets,) = matlab_values(path, "synsets")
        columns = synsets.dtype.names or ()
        if not {"WNID", "words"}.issubset(columns):
            raise UserError(
                f"{path}: `synsets` has no fields `WNID` and `words`. Take meta.mat of the "
                "development kit's task 1 and 2 (ILSVRC2012_devkit_t12/data/meta.mat)."
            )
        pairs = [(text_of(s["WNID"]), text_of(s["words"])) for s in synsets]
    else:
        pairs = []
        for number, line in numbered_lines(path):
            wnid, _, words = line.partition(" ")
            if not words.strip():
                raise UserError(
                    f"{path}, row {number}: {line!r}; expected a wnid, a space and its names: "
                    "`n01440764 tench, Tinca tinca`."
                )
            pairs.append((wnid, words))
    return {wnid: words.split(",")[0].strip() for wnid, words in pairs}


def _classes_of(
    walk: Walk, root: Path, name: str, excluded: tuple[str, ...]
) -> Iterator[tuple[str, list[str]]]:
    """Yield (class name, sorted image paths relative to the root) per class folder, sorted."""
    folder = root / name
    if not folder.is_dir():
        if folder.is_symlink() and not folder.exists():
            there = f"is a link that leads nowhere, to {shown(str(folder.readlink()))!r}"
        elif folder.exists():
            there = "is a file; a folder is expected here"
        else:
            there = "there is no such folder"
        raise UserError(
            f"{folder}: {there}. Correct `root` or `splits` of the data set's entry, or put the "
            "folder there."
        )
    above = "" if name == "." else f"{name}/"
    inside = walk.open(os.fspath(folder), above, excluded=excluded)
    _check_files_beside(inside.files, folder)
    for entry in inside.files:
        walk.leave_out(entry, above)
    if not inside.folders:
        raise UserError(
            f"{folder}: there are no class folders. Expected {folder}/<class>/<image>.jpg."
        )
    for entry in inside.folders:
        prefix = f"{above}{entry.name}/"
        paths = sorted(walk.images(entry.path, prefix, owner=prefix[:-1]))
        if not paths:
            raise _empty_class(walk, entry.path, prefix)
        yield entry.name, paths


def _check_files_beside(files: list[os.DirEntry[str]], folder: Path) -> None:
    """Refuse an image beside the class folders, and a class folder that is a broken link."""
    broken = sorted(entry.path for entry in files if leads_nowhere(entry))
    if broken:
        there = shown(str(Path(broken[0]).readlink()))
        raise UserError(
            f"{shown(broken[0])}: this link leads nowhere, to {there!r} ({len(broken)} such): "
            "a class would be lost. Bring back what it leads to, remove the "
            "link, or leave the class out (`exclude_classes` of reader `image_folder`)."
        )
    strays = sorted(entry.name for entry in files if is_image(entry.name))
    if strays:
        raise UserError(
            f"{folder}: the image {strays[0]!r} lies in no class folder ({len(strays)} such). "
            "Move it into the folder of its class, or remove it."
        )


def _empty_class(walk: Walk, folder: str, prefix: str) -> UserError:
    left_out = walk.again()
    list(left_out.images(folder, prefix))
    there = "; ".join(left_out.omissions.lines()) or "nothing"
    return UserError(
        f"{shown(folder)}: this class folder holds no image. There is {there}. Fill it or remove "
        "it; reader `image_folder` can leave the class out (`exclude_classes`)."
    )


def split_at_random(paths: list[str], settings: RandomSplit) -> Iterator[tuple[str, str]]:
    """Order one class by a seeded hash of the path, and cut: train, val, the rest test."""
    train, val = (_size(share, len(paths)) for share in (settings.train, settings.val))
    return _drawn(paths, train, val, settings.seed)


def _drawn(paths: list[str], train: int, val: int, seed: int) -> Iterator[tuple[str, str]]:
    order = sorted(paths, key=lambda path: (stable_integer("split", seed, path), path))
    splits = {
        path: "train" if place < train else "val" if place < train + val else "test"
        for place, path in enumerate(order)
    }
    return ((path, splits[path]) for path in paths)


def _size(share_or_number: float, images: int) -> int:
    return round(share_or_number * images if share_or_number < 1 else share_or_number)
