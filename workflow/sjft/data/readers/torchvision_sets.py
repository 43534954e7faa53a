"""Reader of torchvision's own data sets, where they have a file for each image."""

import difflib
import os
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from sjft.data.folders import Walk
from sjft.data.readers.folders import split_at_random
from sjft.data.readers.listed import ListedImage, path_in
from sjft.data.readers.on_disk import as_on_disk
from sjft.errors import UserError
from sjft.settings.datasets.torchvision_sets import TorchvisionSet

# Names under which torchvision's classes keep (path, label), or paths and labels apart.
PAIRS = ("samples", "_samples", "imgs")
COLUMNS = (("_image_files", "_labels"), ("_images", "_labels"), ("data", "targets"))
# All pixels in one file: said before anyone downloads them.
WITHOUT_FILES = frozenset(
    (
        *("CIFAR10", "CIFAR100", "MNIST", "FashionMNIST", "KMNIST", "QMNIST", "EMNIST"),
        *("MovingMNIST", "SVHN", "STL10", "USPS", "SEMEION", "PCAM", "FER2013", "LSUN"),
        *("PhotoTour", "FakeData"),
    )
)


def read_torchvision(
    settings: TorchvisionSet, root: Path, walk: Walk | None = None
) -> list[ListedImage]:
    """List one of torchvision's data sets, split by its own arguments or at random.

    Nothing is downloaded. Raises `UserError` for an unknown class, arguments that it does not
    take, and a data set that is not there or has no file for each image.
    """
    kind = _class_named(settings.dataset)
    folder = Path(os.path.abspath(root))  # noqa: PTH100  (links must stay as they are)
    if settings.splits is None:
        assert settings.random_split is not None
        by_class: dict[str, list[str]] = {}
        for path, class_name in _contents(kind, settings, folder, {}):
            by_class.setdefault(class_name, []).append(path)
        listed = [
            ListedImage(path, class_name, split)
            for class_name, paths in by_class.items()
            for path, split in split_at_random(paths, settings.random_split)
        ]
    else:
        listed = [
            ListedImage(path, class_name, split)
            for split, arguments in settings.splits.items()
            for path, class_name in _contents(kind, settings, folder, arguments)
        ]
    name = f"torchvision's {settings.dataset}"
    advice = f"Extract the data set again and completely into {root}."
    return as_on_disk(listed, root, lambda index: (name, index + 1), walk, advice=advice)


def _class_named(name: str) -> Any:
    # Torch takes seconds to load, and no other reader needs it.
    from torchvision import datasets  # noqa: PLC0415

    if name in WITHOUT_FILES:
        raise _no_files(name)
    if name not in datasets.__all__:
        near = difflib.get_close_matches(name, datasets.__all__, n=1)
        guess = f"did you mean {near[0]}? " if near else ""
        raise UserError(
            f"torchvision has no data set {name!r}; {guess}`dataset` is the name of a class in "
            "torchvision.datasets, capitals included."
        )
    return getattr(datasets, name)


def _contents(
    kind: Any, settings: TorchvisionSet, root: Path, arguments: dict[str, Any]
) -> Iterator[tuple[str, str]]:
    """Yield the path relative to the root and the class name of each image."""
    arguments = {**settings.arguments, **arguments}
    try:
        data = kind(root=str(root), **arguments)
    except (RuntimeError, OSError, ValueError, TypeError, NotImplementedError) as error:
        shown = ", ".join(f"{key}={value!r}" for key, value in arguments.items())
        raise UserError(
            f"{root}: torchvision's {settings.dataset}({shown}) cannot be made of this folder: "
            f"{error} (Nothing is downloaded here: extract the data set as torchvision does, and "
            "see its documentation for folders and arguments.)"
        ) from None
    names = _class_names(getattr(data, "classes", None))
    for path, label in _pairs(data, settings.dataset):
        below = path_in(root, str(path), f"torchvision's {settings.dataset}")
        yield below, _class_name(label, names, settings.dataset)


def _pairs(data: Any, dataset: str) -> Iterable[tuple[str, Any]]:
    for name in PAIRS:
        pairs = _filled_list(data, name)
        if pairs and all(len(p) == 2 and isinstance(p[0], str | Path) for p in pairs):
            return pairs
    for files, labels in COLUMNS:
        paths, of_paths = _filled_list(data, files), _filled_list(data, labels)
        if paths and of_paths and all(isinstance(path, str | Path) for path in paths):
            return zip(paths, of_paths, strict=True)
    raise _no_files(dataset)


def _filled_list(data: Any, name: str) -> list[Any]:
    value = getattr(data, name, None)
    return list(value) if isinstance(value, list | tuple) else []


def _class_names(classes: Sequence[Any] | None) -> list[str] | None:
    """A name for each label; a name of several classes (ImageNet's two cranes) gets the label."""
    if classes is None:
        return None
    names = [", ".join(map(str, n)) if isinstance(n, list | tuple) else str(n) for n in classes]
    times = Counter(unicodedata.normalize("NFC", name) for name in names)
    return [
        f"{name} ({label})" if times[unicodedata.normalize("NFC", name)] > 1 else name
        for label, name in enumerate(names)
    ]


def _class_name(label: Any, names: Sequence[str] | None, dataset: str) -> str:
    try:
        number = int(label)
    except (TypeError, ValueError):
        raise UserError(
            f"torchvision's {dataset} gives the label {label!r}; one whole number per image is "
            "needed. Choose other arguments, or list the images with reader `csv`."
        ) from None
    if names is None:
        return f"{number:04d}"
    if not 0 <= number < len(names):
        raise UserError(
            f"torchvision's {dataset}: the label {number} is out of range; it has {len(names)} "
            "classes. Extract the data set again."
        )
    return names[number]


def _no_files(dataset: str) -> UserError:
    return UserError(
        f"torchvision's {dataset} has no file and label for each image that could be listed "
        f"(expected is a list under {', '.join(PAIRS)}, or {COLUMNS[0][0]} with {COLUMNS[0][1]}). "
        "Where its images lie in class folders, use reader `image_folder`; where all are in one "
        "file, save each as a PNG first."
    )
