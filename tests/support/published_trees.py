"""Small trees in the publishers' layouts: one for each reader."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from image_files import touch
from scipy.io import savemat

Build = Callable[[Path], None]


def cells(texts: list[str]) -> np.ndarray:
    """A MATLAB cell array of texts, one column."""
    array = np.empty((len(texts), 1), dtype=object)
    array[:, 0] = texts
    return array


INDOOR_TRAIN = ["bar/A_1.jpg", "bar/two words.jpg", "attic/x.jpg"]


def build_indoor67(root: Path) -> None:
    """Two classes, one image in no list."""
    touch(root, [f"Images/{name}" for name in [*INDOOR_TRAIN, "attic/Y.jpg", "bar/spare.jpg"]])
    # As published: the last line has no end.
    (root / "TrainImages.txt").write_text("\n".join(INDOOR_TRAIN))
    (root / "TestImages.txt").write_text("attic/Y.jpg")


def write_flowers(
    root: Path, labels: list[int], trn: list[int], val: list[int], tst: list[int]
) -> None:
    """Write labels and the three sets of image numbers."""
    savemat(root / "imagelabels.mat", {"labels": np.array([labels], dtype=np.uint8)})
    sets = {"trnid": trn, "valid": val, "tstid": tst}
    savemat(root / "setid.mat", {k: np.array([v], dtype=np.uint16) for k, v in sets.items()})


def build_flowers102(root: Path) -> None:
    """Six images of two classes."""
    touch(root, [f"jpg/image_{number:05d}.jpg" for number in range(1, 7)])
    write_flowers(root, [77, 3, 77, 3, 77, 3], [6, 1], [2, 3], [4, 5])


DOGS = {"train": ["n01-pug/1.jpg", "n02-Saint_Bernard/1.jpg"], "test": ["n01-pug/2.jpg"]}


def write_dogs(root: Path, part: str, paths: list[str], labels: list[int]) -> None:
    """Write the list of a part."""
    content = {"file_list": cells(paths), "labels": np.array(labels, dtype=np.float64)[:, None]}
    savemat(root / f"{part}_list.mat", content)


def build_dogs120(root: Path) -> None:
    """Two classes, one of them in the test list."""
    touch(root, [f"Images/{path}" for paths in DOGS.values() for path in paths])
    write_dogs(root, "train", DOGS["train"], [1, 2])
    write_dogs(root, "test", DOGS["test"], [1])


def build_caltech256(root: Path) -> None:
    """Seven images of two classes and of the clutter."""
    for name in ("001.ak47", "198.spider", "257.clutter"):
        names = [f"{name[:3]}_{i:04d}.jpg" for i in range(1, 8)]
        touch(root, [f"256_ObjectCategories/{name}/{image}" for image in names])
    touch(root, ["256_ObjectCategories/198.spider/RENAME2"])
    (root / "256_ObjectCategories/001.ak47/greg/vision309").mkdir(parents=True)


WORDS = {"n01440764": "tench, Tinca tinca", "n02012849": "crane", "n03126707": "crane"}


def build_imagenet(root: Path) -> None:
    """Three classes of two images."""
    touch(root, [f"train/{wnid}/{wnid}_{i}.JPEG" for wnid in WORDS for i in (1, 10)])
    touch(root, ["train/n01440764.tar"])
    (root / "synsets.txt").write_text("".join(f"{w} {names}\n" for w, names in WORDS.items()))
    kind = [(name, object) for name in ("ILSVRC2012_ID", "WNID", "words", "num_children")]
    rows = [(i + 1, wnid, names, 0) for i, (wnid, names) in enumerate(WORDS.items())]
    savemat(root / "meta.mat", {"synsets": np.array([[row] for row in rows], dtype=kind)})


PLACES = {"a/abbey": 0, "a/arena/hockey": 1, "b/bar": 2}


def build_places(root: Path, images: str, file: str, slash: str) -> None:
    """Three classes of two images, in a list of paths and labels."""
    rows = [(f"{place}/{i:08d}.jpg", k) for place, k in PLACES.items() for i in (1, 2)]
    touch(root, [file, *(f"{images}/{path}" for path, _ in rows)])
    (root / file).write_text("\n".join(f"{slash}{path} {k}" for path, k in rows))
    (root / "categories.txt").write_text("".join(f"/{p} {k}\n" for p, k in PLACES.items()))


def build_places205(root: Path) -> None:
    """Places 205, whose paths begin with a folder."""
    images = "data/vision/torralba/deeplearning/images256"
    build_places(root, images, "trainvalsplit_places205/train_places205.csv", "")


def build_places365(root: Path) -> None:
    """Places 365, whose paths begin with a slash."""
    list_file = "filelist_places365-standard/places365_train_standard.txt"
    build_places(root, "data_256", list_file, "/")


BUILDERS: dict[str, Build] = {
    "indoor67": build_indoor67,
    "flowers102": build_flowers102,
    "dogs120": build_dogs120,
    "caltech256": build_caltech256,
    "imagenet": build_imagenet,
    "places205": build_places205,
    "places365": build_places365,
}
