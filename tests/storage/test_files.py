"""Files are whole or not there; digests and numbers drawn from names are stable."""

import errno
import hashlib
import json
import os
import re
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sjft.errors import BadImageError, UserError
from sjft.storage.files import (
    digest_of_file,
    digest_of_text,
    read_json,
    read_table,
    stable_integer,
    write_json,
    write_table,
    write_text,
    write_with_digest,
    written_beside,
)

SCHEMA: dict[str, type[pl.DataType] | pl.DataType] = {"name": pl.String, "weight": pl.Float64}


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "a.txt"
    with written_beside(path) as beside:
        beside.write_text("half")
        assert not path.exists()
        assert beside.parent == path.parent
        beside.write_text("whole")
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with pytest.raises(RuntimeError, match="stop"), written_beside(path) as beside:
        beside.write_text("new")
        raise RuntimeError("stop")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_where_nothing_can_be_written_the_file_itself_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(path: Path, *_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    # As on a file system that is mounted read-only: there unlink fails, missing or not.
    for name in ("write_bytes", "unlink"):
        monkeypatch.setattr(Path, name, read_only)
    path = tmp_path / "a.txt"
    with pytest.raises(UserError, match=re.escape(f"{path}: cannot be written (Read-only file")):
        write_text(path, "new")


def test_json_is_readable_and_ends_with_a_newline(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"name": "Grünspecht", "weights": [1, 2.5]})
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert "Grünspecht" in text
    assert text.endswith("}\n")
    assert read_json(tmp_path / "a.json") == {"name": "Grünspecht", "weights": [1, 2.5]}
    assert list(json.loads(text)) == ["name", "weights", "digest"]


def test_tables_come_back(tmp_path: Path) -> None:
    table = pl.DataFrame({"name": ['a "b", c', "ß"], "weight": [0.1, 1e-300]}, schema=SCHEMA)
    write_table(tmp_path / "a.csv", table)
    assert read_table(tmp_path / "a.csv", SCHEMA).equals(table)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"has the columns \(none\); expected name, weight"),
        (b"name,mass\na,1\n", "has the columns name, mass; expected name, weight"),
        (b"name,weight\na,heavy\n", "cannot be read as a table"),
        (b"name,weight\n\xff\xfe,1\n", "cannot be read as a table"),
        (b"name\xff,weight\na,1\n", "cannot be read as a table"),
    ],
)
def test_a_table_that_is_not_ours_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "a.csv"
    write_with_digest(path, content)
    with pytest.raises(UserError, match=message) as error:
        read_table(path, SCHEMA)
    assert str(path) in str(error.value)


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.csv: there is no such file"):
        read_table(tmp_path / "none.csv", SCHEMA)


def test_the_digest_of_a_file_is_blake2b_of_its_content(tmp_path: Path) -> None:
    content = bytes(range(256)) * 5000
    (tmp_path / "a").write_bytes(content)
    assert digest_of_file(tmp_path / "a") == hashlib.blake2b(content, digest_size=16).hexdigest()


@pytest.mark.parametrize("name", ["none", "."])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        digest_of_file(tmp_path / name)


@given(text=st.text(st.characters(codec="utf-8")))
def test_the_digest_of_a_text_is_blake2b_of_its_utf8(text: str) -> None:
    wanted = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
    assert digest_of_text(text) == wanted


@given(parts=st.lists(st.integers() | st.text(st.characters(exclude_categories=["Cs"]))))
def test_integers_of_names_have_63_bits_and_do_not_change(parts: list[object]) -> None:
    assert 0 <= stable_integer(*parts) < 2**63
    assert stable_integer(*parts) == stable_integer(*map(str, parts))


def test_integers_of_names_stay_what_they_are_from_release_to_release() -> None:
    wanted = int(hashlib.blake2b(b"shard\x1fa/b.jpg", digest_size=16).hexdigest()[:16], 16) // 2
    assert stable_integer("shard", "a/b.jpg") == wanted
    assert stable_integer("shard", "a/b.jpg") != stable_integer("split", "a/b.jpg")


def test_a_bad_image_names_its_file_and_what_to_do() -> None:
    error = BadImageError(Path("a") / "b.jpg", "is cut off")
    assert (error.path, error.reason) == (str(Path("a") / "b.jpg"), "is cut off")
    assert "b.jpg: is cut off" in str(error)
    assert "on_bad_image: skip" in str(error)


def test_what_is_no_regular_file_is_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, tmp_path):
        with pytest.raises(UserError, match=r"cannot be written \(it is no regular file\)"):
            write_text(path, "a")
    assert pipe.is_fifo()
    assert list(tmp_path.iterdir()) == [pipe]
