"""Files that a data set's publisher lets anyone download."""

from pathlib import PurePosixPath
from typing import Annotated, Self
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, Field, model_validator

from sjft.settings.base import Settings


def _inside(path: str) -> str:
    """Check that a path leads nowhere but below the folder that it is joined to."""
    parts = PurePosixPath(path).parts
    if not path or path.startswith("/") or ".." in parts or "\\" in path:
        raise ValueError(f"must be a relative path without `..`, got {path!r}")
    return path


PathInside = Annotated[str, AfterValidator(_inside)]


class Download(Settings):
    """One file to download: an archive, or a file that is wanted as it is."""

    url: str = Field(
        pattern=r"^https?://[^/\s]+/\S*$", description="Where the file is: http:// or https://."
    )
    bytes: int | None = Field(
        None,
        ge=0,
        description="Its size; no more is taken. Null: what the server says, up to 20 GB.",
    )
    checksum: str | None = Field(
        None,
        pattern=r"^(sha256:[0-9a-f]{64}|sha1:[0-9a-f]{40}|md5:[0-9a-f]{32})$",
        description="`sha256:`, `sha1:` or `md5:`, and the hexadecimal digest. Null: the file is "
        "taken as it comes, and its digest is written into the receipt.",
    )
    save_as: PathInside | None = Field(
        None, description="Name below `root`. Null: the last part of the URL."
    )
    extract_into: PathInside | None = Field(
        None,
        description="Folder below `root` that the archive (tar, tar.gz, tar.bz2, tar.xz or zip) is "
        "extracted into; `.` is `root`. Null: the file is kept as it is.",
    )
    extracted_bytes: int | None = Field(
        None,
        ge=1,
        description="What the archive's files may take in all; a file or folder counts as 4,096 "
        "bytes at least. Null: twenty times the archive, or 1 GB where that is more.",
    )
    keep_archive: bool = Field(False, description="Keep the archive when it has been extracted.")

    @property
    def name(self) -> str:
        """Path of the downloaded file below the data set's root."""
        return self.save_as or PurePosixPath(unquote(urlsplit(self.url).path)).name

    @property
    def stays(self) -> bool:
        """Whether the downloaded file itself is part of the data set in the end."""
        return self.extract_into is None or self.keep_archive

    @model_validator(mode="after")
    def _has_a_name(self) -> Self:
        if not self.name:
            raise ValueError("`url` ends with no file name: give `save_as`")
        return self


def _under_different_names(downloads: tuple[Download, ...]) -> tuple[Download, ...]:
    names = [download.name for download in downloads]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"two files are called {twice[0]!r}: give one of them another `save_as`")
    return downloads


Downloads = Annotated[tuple[Download, ...], AfterValidator(_under_different_names)]
