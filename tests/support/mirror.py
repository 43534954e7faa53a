"""The publishers' archives in miniature, on a server of this machine."""

import hashlib
import tarfile
from pathlib import Path
from typing import Any

import yaml
from chain import REPOSITORY
from published_trees import BUILDERS
from server import Server

# What each archive holds: of a data set's root, or of a folder in it.
ARCHIVES: dict[str, tuple[str, list[str]]] = {
    "indoorCVPR_09.tar": (".", ["Images"]),
    "102flowers.tgz": (".", ["jpg"]),
    "images.tar": (".", ["Images"]),
    "lists.tar": (".", ["train_list.mat", "test_list.mat"]),
    "256_ObjectCategories.tar": (".", ["256_ObjectCategories"]),
    "trainvalsplit_places205.tar.gz": (".", ["trainvalsplit_places205"]),
    "filelist_places365-standard.tar": (
        "filelist_places365-standard",
        ["places365_train_standard.txt", "categories_places365.txt"],
    ),
}


def build(reader: str, root: Path) -> None:
    """A small tree of a reader, where the delivered configuration looks for it."""
    root.mkdir(parents=True)
    BUILDERS[reader](root)
    if reader == "places365":
        categories = "filelist_places365-standard/categories_places365.txt"
        (root / "categories.txt").rename(root / categories)


def mirrored(reader: str, root: Path, server: Server) -> dict[str, Any]:
    """Serve a tree as its publisher does; returns the delivered entry with these addresses."""
    config = yaml.safe_load((REPOSITORY / "config/config.yaml").read_text(encoding="utf-8"))
    entry: dict[str, Any] = config["datasets"][reader]
    for download in entry["downloads"]:
        name = download["url"].rpartition("/")[2]
        content = _packed(name, root) if name in ARCHIVES else (root / name).read_bytes()
        server.add(f"{reader}/{name}", content)
        download |= {"url": f"{server.url}/{reader}/{name}", "bytes": len(content)}
        if "checksum" in download:
            algorithm = download["checksum"].partition(":")[0]
            download["checksum"] = f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"
    return entry


def _packed(name: str, root: Path) -> bytes:
    folder, members = ARCHIVES[name]
    path = root.with_name(f"{root.name} {name}")
    with tarfile.open(path, "w:gz" if name.endswith("gz") else "w") as tar:
        for member in members:
            tar.add(root / folder / member, member)
    return path.read_bytes()
