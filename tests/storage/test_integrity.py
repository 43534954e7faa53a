"""What is read is what was written: no damaged file of any kind is taken for whole."""

import contextlib
import hashlib
import io
import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import polars as pl
import pytest
import torch
from artefacts import NETWORK, Artefact, damaged, write_all
from descriptor_files import write_small_descriptors
from small import manifest
from torchvision import models

from sjft.cli.main import main
from sjft.errors import NotAsWrittenError, UserError
from sjft.model.file import load_published
from sjft.pipeline import memory
from sjft.selection.subset import read_selected, read_targets, write_manifest
from sjft.storage.files import (
    digest_file,
    digest_of_file,
    read_json,
    read_with_digest,
    write_digest,
    write_with_digest,
)
from sjft.storage.seals import facts_of
from sjft.storage.torch_file import require_whole

BITS = 40


@pytest.fixture(scope="module")
def artefacts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Artefact]:
    folder = tmp_path_factory.mktemp("artefacts")
    return write_all(folder, write_small_descriptors(folder / "descriptors.h5"))


def test_whole_files_are_read(artefacts: dict[str, Artefact]) -> None:
    for name, artefact in artefacts.items():
        assert artefact.read() is not None, name


@pytest.mark.slow
def test_no_damaged_file_is_accepted(artefacts: dict[str, Artefact]) -> None:
    accepted, refused = [], 0
    for name, artefact in artefacts.items():
        whole = artefact.path.read_bytes()
        for how, content in damaged(whole, BITS):
            if content == whole:
                continue
            artefact.path.write_bytes(content)
            try:
                if artefact.read() is None:  # as if there was none: it is made anew
                    refused += 1
                else:
                    accepted.append(f"{name}: {how}")
            except UserError as error:
                assert artefact.path.name.removesuffix(".digest") in str(error)
                assert str(error).count("\n") == 0
                refused += 1
        artefact.path.write_bytes(whole)
        assert artefact.read() is not None, name
    assert accepted == []
    assert refused > 50 * len(artefacts)


@pytest.mark.parametrize("name", ["neighbours", "bins", "published model", "summary"])
def test_commands_name_a_damaged_file_in_one_line(
    artefacts: dict[str, Artefact], name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    artefact, command = artefacts[name], "summary" if name == "summary" else "inspect"
    whole = artefact.path.read_bytes()
    assert main([command, str(artefact.path)]) == 0
    capsys.readouterr()
    for how, content in damaged(whole, 8):
        artefact.path.write_bytes(content)
        assert main([command, str(artefact.path)]) == (content != whole), how
        said = capsys.readouterr().err
        assert content == whole or (artefact.path.name in said and said.count("\n") == 1), how
    artefact.path.write_bytes(whole)


@pytest.mark.parametrize("name", ["histograms", "neighbours"])
def test_sizes_are_right_or_not_told(artefacts: dict[str, Artefact], name: str) -> None:
    path = artefacts[name].path
    sizes = memory.sizes_of_histograms if name == "histograms" else memory.list_bytes
    asked = [path] if name == "histograms" else path
    whole, right = path.read_bytes(), sizes(asked)  # type: ignore[arg-type]
    nothing = memory.Sizes(0, 0, 0) if name == "histograms" else 0
    assert right != nothing
    for how, content in damaged(whole, 200):
        path.write_bytes(content)
        assert sizes(asked) in (right, nothing), how  # type: ignore[arg-type]
    path.write_bytes(whole)


def test_what_a_file_holds_is_told_without_reading_it(artefacts: dict[str, Artefact]) -> None:
    facts = facts_of(artefacts["neighbours"].path)
    assert facts["source_image"] == {"shape": [5, 9], "item_bytes": 4}
    with h5py.File(artefacts["histograms"].path) as file:
        told = {
            n: {"shape": list(d.shape), "item_bytes": d.dtype.itemsize} for n, d in file.items()
        }
    assert facts_of(artefacts["histograms"].path) == told


def test_other_programs_read_what_ends_with_a_digest(artefacts: dict[str, Artefact]) -> None:
    path = artefacts["model of a round"].path
    for options in ({}, {"mmap": True}):
        assert torch.load(path, weights_only=True, **options)["format"] == "sjft-model"
    with zipfile.ZipFile(path) as file:
        assert file.testzip() is None
        assert file.comment.startswith(b"{}sjft 00000002 ")


def test_a_table_and_its_digest_are_what_pandas_and_b2sum_expect(
    artefacts: dict[str, Artefact],
) -> None:
    path = artefacts["subset.csv"].path
    assert len(pl.read_csv(path)) == 7
    assert digest_file(path).read_text() == f"BLAKE2b-128 (subset.csv) = {digest_of_file(path)}\n"
    if b2sum := shutil.which("b2sum"):
        command = [b2sum, "--check", digest_file(path).name]
        assert subprocess.run(command, cwd=path.parent, check=False).returncode == 0


class Killed(BaseException):
    """Stands for the end of a process between two instructions."""


@pytest.mark.parametrize("step", range(1, 7))
def test_a_table_whose_writer_is_killed_is_the_old_one_or_the_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    path = tmp_path / "a.csv"
    write_with_digest(path, b"old\n1\n")
    steps = []

    def killed(whole: Callable[..., object]) -> Callable[..., object]:
        def either(self: Path, *arguments: object) -> object:
            steps.append(whole)
            if len(steps) == step:
                raise Killed
            return whole(self, *arguments)

        return either

    with monkeypatch.context() as patched:
        for name in ("replace", "write_bytes"):
            patched.setattr(Path, name, killed(getattr(Path, name)))
        with contextlib.suppress(Killed):
            write_with_digest(path, b"new\n2\n")
    assert len(steps) == step
    wanted = b"old\n1\n" if step <= 4 else b"new\n2\n"  # the fourth puts it in its place
    assert read_with_digest(path) == wanted
    write_with_digest(path, b"newest\n3\n")
    assert read_with_digest(path) == b"newest\n3\n"
    assert digest_file(path).read_text().count("\n") == 1


def test_a_damaged_table_is_not_accepted_because_its_next_writer_was_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.csv"
    write_with_digest(path, b"old\n1\n")
    path.write_bytes(b"odd\n1\n")
    monkeypatch.setattr("sjft.storage.files.write_bytes", lambda *_: (_ for _ in ()).throw(Killed))
    monkeypatch.setattr("sjft.storage.files.write_text", lambda p, text: p.write_text(text))
    with pytest.raises(Killed):
        write_with_digest(path, b"new\n2\n")
    with pytest.raises(NotAsWrittenError, match=r"a\.csv: is not what was written"):
        read_with_digest(path)


def test_an_edited_table_is_refused_until_it_is_accepted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "round-0"
    chosen = manifest(["dots", "lines"], ["dots"] * 7)
    write_manifest(chosen, folder / "subset.csv", folder / "targets.csv")
    shutil.copytree(folder, tmp_path / "copy")
    path = tmp_path / "copy" / "subset.csv"
    assert read_selected(path).equals(chosen.subset)
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:6]))
    os.utime(path, (1.5e9, 1.5e9))
    with pytest.raises(UserError, match="damaged, or was edited") as error:
        read_selected(path)
    command = re.search(r"`sjft (accept \S+)`", str(error.value))
    assert command is not None
    assert main(command[1].split()) == 0
    assert "accepted as it is" in capsys.readouterr().out
    assert len(read_selected(path)) == 5
    assert path.stat().st_mtime == 1.5e9  # nothing runs again because of it


@pytest.mark.parametrize(
    ("was", "edited", "problem"),
    [
        (",0,source,", ",5,source,", "labels are not 0 to 0"),
        ("source/1.png", "", "paths and sources are named"),
        ("chosen_by,", "taken_by,", "has the columns"),
    ],
)
@pytest.mark.parametrize("digest", [True, False])
def test_an_edited_table_that_no_job_could_work_with_is_not_accepted(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    was: str,
    edited: str,
    problem: str,
    digest: bool,
) -> None:
    path = tmp_path / "subset.csv"
    write_manifest(manifest(["dots"], ["dots", "lines"]), path, tmp_path / "targets.csv")
    if not digest:
        digest_file(path).unlink()
    assert was in path.read_text()
    path.write_text(path.read_text().replace(was, edited))
    before = sorted((file.name, file.read_bytes()) for file in tmp_path.iterdir())
    assert main(["accept", str(path)]) == 1
    told = capsys.readouterr().err
    assert told.startswith(f"sjft: {path}: ")
    assert problem in told
    assert "emove it and run again" in told or "emove the file and run again" in told
    assert sorted((file.name, file.read_bytes()) for file in tmp_path.iterdir()) == before


def test_a_table_copied_without_its_digest_can_be_accepted(
    artefacts: dict[str, Artefact], tmp_path: Path
) -> None:
    path = tmp_path / "targets.csv"
    shutil.copy(artefacts["targets.csv"].path, path)
    with pytest.raises(UserError, match=r"no digest beside it, targets\.csv\.digest.*sjft accept"):
        read_targets(path)
    assert main(["accept", str(path)]) == 0
    assert len(read_targets(path)) == 2


def test_an_edited_record_can_be_accepted_and_nothing_else(
    artefacts: dict[str, Artefact], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = tmp_path / "s.json"
    record.write_text('{"table": "a", "more": 1}')
    with pytest.raises(UserError, match="sjft accept"):
        read_json(record)
    assert main(["accept", str(record)]) == 0
    assert read_json(record) == {"table": "a", "more": 1}
    for path in (
        artefacts["bins"].path,
        artefacts["index"].path,
        artefacts["published model"].path,
    ):
        before = path.read_bytes()
        assert main(["accept", str(path)]) == 1
        assert "Remove the file, and the rule that writes it runs again" in capsys.readouterr().err
        assert path.read_bytes() == before


def older(path: Path, version: int) -> bytes:
    """The bytes of a published model as a version without digests wrote it."""
    content = torch.load(path, weights_only=True) | {"format_version": version}
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def test_models_of_before_are_held_to_the_checksums_of_their_parts(
    artefacts: dict[str, Artefact], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole, path = artefacts["published model"].path, tmp_path / "model.pt"
    content = older(whole, 2)
    path.write_bytes(content)
    old = load_published(path)
    assert "an older version wrote it, without a checksum" in caplog.text
    new = load_published(whole).network.state_dict()
    assert all(torch.equal(value, new[name]) for name, value in old.network.state_dict().items())
    with zipfile.ZipFile(path) as file:
        places = [
            (m.header_offset + 200, m.file_size) for m in file.infolist() if m.file_size > 999
        ]
    for start, size in places[:20]:
        flipped = bytearray(content)
        flipped[start + size // 2] ^= 4
        path.write_bytes(flipped)
        with pytest.raises(UserError, match="cannot be read as a model: it is damaged"):
            load_published(path)
    # One that has lost its digest is not taken for one that never had any.
    path.write_bytes(older(whole, 3))
    with pytest.raises(UserError, match="is of version 3, without a checksum"):
        load_published(path)


def test_weights_from_elsewhere_are_held_to_what_is_known_of_them(tmp_path: Path) -> None:
    content = models.get_model(NETWORK).state_dict()
    torch.save(content, tmp_path / "w")
    digits = hashlib.sha256((tmp_path / "w").read_bytes()).hexdigest()[:8]
    assert not digits.isdigit()
    for name in (f"own-{digits}.pth", "own-20261125.pth", "own.pth"):
        shutil.copy(tmp_path / "w", tmp_path / name)
        require_whole(tmp_path / name)
    shutil.copy(tmp_path / "w", tmp_path / "own-abcdef01.pth")
    with pytest.raises(NotAsWrittenError, match="expected is sha256:abcdef01 by its name"):
        require_whole(tmp_path / "own-abcdef01.pth")
    flipped = bytearray((tmp_path / "w").read_bytes())
    flipped[len(flipped) // 2] ^= 1
    (tmp_path / "own.pth").write_bytes(flipped)
    with pytest.raises(NotAsWrittenError, match="is damaged"):
        require_whole(tmp_path / "own.pth")
    # Of before torch 1.6: only a name or a digest beside it can tell.
    torch.save(content, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    write_digest(tmp_path / "old.pth")
    require_whole(tmp_path / "old.pth")
    flipped = bytearray((tmp_path / "old.pth").read_bytes())
    flipped[-1000] ^= 1
    (tmp_path / "old.pth").write_bytes(flipped)
    with pytest.raises(NotAsWrittenError, match=r"old\.pth: is not what was written"):
        require_whole(tmp_path / "old.pth")


def test_a_lost_record_of_a_list_is_made_anew_where_the_list_holds(
    artefacts: dict[str, Artefact], caplog: pytest.LogCaptureFixture
) -> None:
    path = artefacts["state.json"].path
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    assert artefacts["state.json"].read() is None
    assert f"{path}: is no JSON" in caplog.text
    path.write_bytes(whole)
