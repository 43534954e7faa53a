"""Readers of class folders: a user's own, Caltech 256 and ImageNet."""

import os
from collections.abc import Iterator
from pathlib import Path

from sjft.errors import UserError
from sjft.files import stable_integer
from sjft.images import SUFFIXES
from sjft.readers.listed import ListedImage, folder_in, is_image
from sjft.readers.published_files import matlab_values, numbered_lines, text_of
from sjft.settings.dataset import CLUTTER, Caltech256, ImageFolder, ImageNet, RandomSplit


def read_image_folder(settings: ImageFolder, root: Path) -> list[ListedImage]:
    """List one folder per class, below one folder per split, or split at random by class.

    Raises `UserError` for a missing folder, a folder without classes, an empty class, or a
    picture that lies beside the class folders.
    """
    if settings.random_split is not None:
        listed = _classes_of(root, root, settings.exclude_classes)
        return [
            ListedImage(path, class_name, split)
            for class_name, paths in listed
            for path, split in split_at_random(paths, settings.random_split)
        ]
    assert settings.splits is not None
    return [
        ListedImage(path, class_name, split)
        for split, folder in settings.splits.items()
        for class_name, paths in _classes_of(root / folder, root, settings.exclude_classes)
        for path in paths
    ]


def read_caltech256(settings: Caltech256, root: Path) -> list[ListedImage]:
    """List Caltech 256 with so many training images a class, drawn with a seed.

    Raises `UserError` for a missing or empty folder, and for a class that is too small.
    """
    folder = folder_in(root, settings.images, "<number.class>/<image>.jpg")
    drawn = settings.per_class + settings.val_per_class
    split = RandomSplit(train=settings.per_class, val=settings.val_per_class, seed=settings.seed)
    listed = []
    for name, paths in _classes_of(folder, root, () if settings.clutter else (CLUTTER,)):
        if len(paths) <= drawn:
            raise UserError(
                f"{folder / name}: this class has {len(paths)} images; with {drawn} of each class "
                "for training and validation none is left to test. Lower `per_class`, or extract "
                "the archive again and completely."
            )
        listed += [ListedImage(p, name, s) for p, s in split_at_random(paths, split)]
    return listed


def read_imagenet(settings: ImageNet, root: Path) -> list[ListedImage]:
    """List ImageNet's training images by the folders of their wnids; no file is looked at.

    Raises `UserError` for a missing or empty folder, and for a wnid that the names lack.
    """
    folder = folder_in(root, settings.images, "<wnid>/<image>.JPEG")
    names = None if settings.names is None else _names_of_synsets(root / settings.names)
    listed = []
    for wnid, paths in _classes_of(folder, root, ()):
        if names is not None and wnid not in names:
            raise UserError(
                f"{root / str(settings.names)}: has no name for the class folder {folder / wnid}. "
                "Take the file of the same release, or remove `names` from the data set's entry."
            )
        class_name = wnid if names is None else f"{wnid} {names[wnid]}"
        listed += [ListedImage(path, class_name, "train") for path in paths]
    return listed


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
    folder: Path, root: Path, excluded: tuple[str, ...]
) -> Iterator[tuple[str, list[str]]]:
    """Yield (class name, sorted image paths relative to the root) per class folder, sorted."""
    entries = _entries(folder)
    strays = [e.name for e in entries if not e.is_dir() and is_image(e.name)]
    if strays:
        raise UserError(
            f"{folder}: the picture {strays[0]!r} lies in no class folder ({len(strays)} such). "
            "Move it into the folder of its class, or remove it."
        )
    classes = [e for e in entries if e.is_dir() and e.name not in excluded]
    if not classes:
        raise UserError(
            f"{folder}: there are no class folders. Expected {folder}/<class>/<image>.jpg."
        )
    for entry in classes:
        paths = sorted(_images_below(Path(entry.path), root))
        if not paths:
            raise UserError(
                f"{entry.path}: this class folder holds no image "
                f"({', '.join(sorted(SUFFIXES))}). Fill it or remove it; reader `image_folder` can "
                "leave the class out (`exclude_classes`)."
            )
        yield entry.name, paths


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted((e for e in entries if e.name[0] != "."), key=lambda e: e.name)
    except FileNotFoundError:
        raise UserError(f"{folder}: there is no such folder.") from None
    except NotADirectoryError:
        raise UserError(f"{folder}: is a file; a folder is expected here.") from None


def _images_below(folder: Path, root: Path) -> Iterator[str]:
    for place, folders, names in os.walk(folder, followlinks=True):
        folders[:] = sorted(name for name in folders if name[0] != ".")
        prefix = Path(place).relative_to(root).as_posix()
        for name in names:
            if is_image(name) and name[0] != ".":
                yield f"{prefix}/{name}"


def split_at_random(paths: list[str], settings: RandomSplit) -> Iterator[tuple[str, str]]:
    """Order one class by a seeded hash of the path, and cut: train, val, the rest test."""
    order = sorted(paths, key=lambda path: (stable_integer("split", settings.seed, path), path))
    train = _size(settings.train, len(paths))
    val = train + _size(settings.val, len(paths))
    splits = {
        path: "train" if place < train else "val" if place < val else "test"
        for place, path in enumerate(order)
    }
    return ((path, splits[path]) for path in paths)


def _size(share_or_number: float, images: int) -> int:
    return round(share_or_number * images if share_or_number < 1 else share_or_number)
