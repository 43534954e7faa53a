"""Small archives, and what is in a folder."""

import io
import tarfile
import zipfile
from pathlib import Path

FILES = {
    "Images/bar/a.jpg": b"a" * 3000,
    "Images/bar/größe 日本.jpg": b"b",
    "Images/attic/-dash": b"",
    "list.txt": b"bar/a.jpg\n",
}


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    """A member without content."""
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, target
    return made


def write_tar(
    path: Path, files: dict[str, bytes], *more: tarfile.TarInfo, compression: str = ""
) -> Path:
    """Write files, all bits of their modes set, and then more members."""
    with tarfile.open(path, f"w:{compression}") as tar:  # type: ignore[call-overload]
        for name, content in files.items():
            info = member(name)
            info.size, info.mode = len(content), 0o7777
            tar.addfile(info, io.BytesIO(content))
        for info in more:
            tar.addfile(info)
    return path


def write_zip(path: Path, files: dict[str, bytes], kind: int = 0) -> Path:
    """Write files, of a kind of `stat` if one is given."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (kind | 0o777) << 16 if kind else 0
            file.writestr(info, content, zipfile.ZIP_DEFLATED)
    return path


def content_of(folder: Path) -> dict[str, bytes]:
    """The files of a folder by their paths in it."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
