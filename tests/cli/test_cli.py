"""The command `sjft`: what it shows, and one line for what it cannot."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from descriptor_files import WriteDescriptors
from sealed import seal_again
from small import random_histograms, random_neighbours

from sjft import __version__
from sjft.cli.main import COMMANDS, main
from sjft.retrieval.neighbours import write_neighbours
from sjft.retrieval.projection import fit_projection
from sjft.storage.describe import describe_hdf5
from sjft.storage.files import digest_of_text, write_json
from sjft.storage.hdf5 import Variable, create_hdf5


@pytest.fixture
def lists(tmp_path: Path) -> Path:
    path = tmp_path / "neighbours.h5"
    measured = {"9": 0.875}
    write_neighbours(path, random_neighbours(1, 5, 40, 9), {"epsilon": 0.5}, {"a": "b"}, measured)
    return path


def shown(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert main([str(argument) for argument in arguments]) == 0
    output = capsys.readouterr()
    assert output.err == ""
    return output.out


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert main([str(argument) for argument in arguments]) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("sjft: ")
    assert output.err.count("\n") == 1
    return output.err


def test_neighbour_lists_are_described(lists: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, "inspect", lists)
    for words in (
        "format: sjft-neighbours",
        f"created_by: sjft {__version__}",
        "    epsilon: 0.5",
        '    a: "b"',
        "source_image  [target 5, neighbour 9]  int32  180 bytes",
        "Symmetric KL divergence (nat)",
        "    0.875\n",
        "    0, 1, 2, 3, 4\n",
    ):
        assert words in text


def test_descriptors_and_projections_are_described(
    tmp_path: Path, write_descriptors: WriteDescriptors, capsys: pytest.CaptureFixture[str]
) -> None:
    counts = np.zeros((3, 2, 37), int)
    counts[:, :, 5] = 9
    text = shown(capsys, "inspect", write_descriptors("d.h5", counts, kernels=[1, 1]))
    assert "format: sjft-descriptors" in text
    assert "    layer0, layer1" in text
    path = tmp_path / "p.h5"
    options = {"epsilon": 1e-4, "dimensions": 2, "sample": 9, "seed": 0}
    fit_projection(random_histograms(1, 9), output=path, inputs={}, **options)
    text = shown(capsys, "inspect", path)
    assert "format: sjft-projection" in text
    assert "component  [component 2, channel_bin 18]  float32" in text


def test_as_many_values_are_shown_as_asked_for(
    lists: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "    0, 1, ...\n" in shown(capsys, "inspect", lists, "--values", 2)
    assert "..." not in shown(capsys, "inspect", lists, "--values", 0)
    assert "..." not in shown(capsys, "inspect", lists, "--values", 1000)


def test_whole_numbers_are_shown_whole(tmp_path: Path) -> None:
    with create_hdf5(tmp_path / "a.h5", kind="sjft-x", version=1, config={}, inputs={}) as writer:
        writer.add("image", Variable(np.array([1281166, 2**40]), ("image",), "Rows"))
        writer.add("empty", Variable(np.empty((0, 3)), ("a", "b"), "Nothing"))
    text = describe_hdf5(tmp_path / "a.h5", 6)
    assert "    1281166, 1099511627776" in text
    assert "empty  [a 0, b 3]  float64  0 bytes" in text


@pytest.mark.parametrize("length", [0, 10, 1000])
def test_a_truncated_file_is_refused_in_one_line(
    lists: Path, capsys: pytest.CaptureFixture[str], length: int
) -> None:
    lists.write_bytes(lists.read_bytes()[:length])
    assert "neighbours.h5: is truncated, or no HDF5" in refused(capsys, "inspect", lists)


def test_a_damaged_file_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.h5"
    values = np.random.default_rng(0).random(10**4)
    with create_hdf5(path, kind="sjft-x", version=1, config={}, inputs={}) as writer:
        writer.add("value", Variable(values, ("row",), "Values"))
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 1000] = bytes(1000)
    path.write_bytes(content)
    assert "a.h5" in refused(capsys, "inspect", path)


def test_missing_files_and_folders_are_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in ("inspect", "summary"):
        assert "no such file" in refused(capsys, command, tmp_path / "nothing")
        assert str(tmp_path) in refused(capsys, command, tmp_path)


def test_a_file_of_another_program_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_group("group")
        file["scalar"] = 3
    assert "no HDF5 file that this version" in refused(capsys, "inspect", tmp_path / "a.h5")
    seal_again(tmp_path / "a.h5")
    assert "no file of this pipeline" in refused(capsys, "inspect", tmp_path / "a.h5")


def test_a_summary_is_shown_as_its_verdict_and_its_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    summary = {"conclusion": ["Borrowing helped.", "It is the best."], "table": "| a |\n| b |"}
    write_json(tmp_path / "s.json", summary)
    text = "Borrowing helped.\n\nIt is the best.\n\n| a |\n| b |\n"
    assert shown(capsys, "summary", tmp_path / "s.json") == text
    (tmp_path / "s.json").write_text("{}")
    assert "is no summary" in refused(capsys, "summary", tmp_path / "s.json")


def test_a_terminal_is_shown_what_others_wrote_and_does_not_obey_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = "\x1b]0;owned\x07\x1b[2J\x9b2J\u202eevil"
    path = tmp_path / "summary.json"
    write_json(path, {"conclusion": [odd], "table": f"| {odd} |", "arms": {}, odd: odd})
    missing = str(tmp_path / "\x1b[2J.json")
    for command in (["summary", str(path)], ["inspect", str(path)], ["summary", missing]):
        main(command)
        shown = "".join(capsys.readouterr())
        assert "\\u001b[2J" in shown and not set(shown) & set("\x1b\x07\x9b\u202e"), shown


@pytest.mark.parametrize("suffix", [".json", ".csv", ".ann", ".digest", ".pt", ".h5", ""])
def test_a_pipe_is_not_waited_for(
    suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"pipe{suffix}"
    os.mkfifo(path)
    for command in ("inspect", "summary", "accept"):
        assert main([command, str(path)]) == 1
        error = capsys.readouterr().err
        assert str(path.with_suffix("")) in error and error.count("\n") == 1, error


def test_a_record_that_is_nested_too_deep_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deep = f'{{"table": {"[" * 10**5}{"]" * 10**5}'
    end = ',\n  "digest": "{}"\n}}\n'
    sealed = deep + end.format(digest_of_text(deep + end.format("0" * 32)))
    path = tmp_path / "summary.json"
    for text in (sealed, deep):
        for command in ("inspect", "summary", "accept"):
            path.write_text(text)
            assert main([command, str(path)]) == 1
            error = capsys.readouterr().err
            assert "is no JSON" in error and error.count("\n") == 1


def test_json_stays_the_same_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "record.json"
    write_json(path, {"name": "\x1b\x9b\u202e"})
    assert main(["inspect", str(path), "--json"]) == 0
    shown = capsys.readouterr().out
    assert json.loads(shown)["settings"] == {"name": "\x1b\x9b\u202e"}
    assert shown.isascii()


def test_the_version_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"sjft {__version__}\n"


def test_a_wrong_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["dance"])
    assert ended.value.code == 2
    assert "inspect" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "name", "paths"),
    [
        (["fuse", "a", "--output", "out", "b", "c"], "runs", ["a", "b", "c"]),
        (["fuse", "--output", "out", "a", "b"], "runs", ["a", "b"]),
        (["predict", "m.pt", "1.jpg", "--top", "2", "2.jpg"], "images", ["1.jpg", "2.jpg"]),
        (["predict", "--json", "m.pt", "--top", "2", "1.jpg", "x"], "images", ["1.jpg", "x"]),
    ],
)
def test_options_may_stand_between_names(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], name: str, paths: list[str]
) -> None:
    found: list[Any] = []
    monkeypatch.setitem(COMMANDS, arguments[0], found.append)
    assert main(arguments) == 0
    assert getattr(found[0], name) == [Path(path) for path in paths]


@pytest.mark.parametrize(
    "arguments",
    [["fuse", "a", "b", "--outputs", "c"], ["inspect", "a", "b"], ["plan", "a", "b"]],
)
def test_what_belongs_nowhere_is_refused(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "unrecognized arguments" in capsys.readouterr().err


@pytest.mark.slow
def test_the_command_needs_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys; from sjft.cli.main import COMMANDS, main; main(['inspect', 'nothing']); "
        "main(['summary', 'nothing']); sys.exit('torch' in sys.modules)"
    )
    library = Path(main.__code__.co_filename).parents[2]
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, cwd=tmp_path, env={"PYTHONPATH": str(library)}, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    summary = tmp_path / "summary.json"
    write_json(
        summary, {"conclusion": ["a row"], "table": "a row\n" * 100_000}
    )  # more than a pipe holds
    library = Path(main.__code__.co_filename).parents[2]
    shown = f"{sys.executable} -c 'import sys; from sjft.cli.main import main; sys.exit(main())'"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {shown} summary {summary} | head -1"],
        env={"PYTHONPATH": str(library), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "a row\n", "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["inspect", "x" * 300], "is no path: a name has 255 bytes at most"),
        (["fuse", "a\0b", "c"], "'a\\x00b' is no path"),
        (["plan", "demo", "--configfile", "y/" + "x" * 300], "is no path"),
        (["plan", "demo", "--sample", "9" * 5000], "9999' is no whole number of at least 1"),
        (["plan", "demo", "--sample", "\u00b2"], "is no whole number of at least 1"),
        (["inspect", "a.h5", "--values", "-1"], "'-1' is no whole number of at least 0"),
    ],
)
def test_what_no_path_and_no_number_can_be_is_told_in_a_short_line(
    capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
    line = capsys.readouterr().err.splitlines()[-1]
    assert words in line
    assert len(line) < 200


def test_what_the_system_refuses_is_told_in_a_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def closed(_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", "/x/a.pt")

    monkeypatch.setitem(COMMANDS, "inspect", closed)
    assert refused(capsys, "inspect", tmp_path) == "sjft: /x/a.pt: Permission denied\n"


def test_a_closed_output_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    assert main(["summary", str(tmp_path)]) == 1
    assert "the standard output is closed" in capsys.readouterr().err


@pytest.mark.parametrize("place", [".", "/"])
def test_a_folder_is_no_model_to_export(place: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert refused(capsys, "export", place, "--format", "onnx").startswith("sjft: ")


def test_a_number_that_would_not_count_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["plan", "demo", "--heldout-images", "50"])
    assert "counts beside --target-images alone" in capsys.readouterr().err


def test_what_was_accepted_before_an_error_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.csv").write_text("path\nx\n")
    assert main(["accept", str(tmp_path / "a.csv"), str(tmp_path / "b.md")]) == 1
    told = capsys.readouterr()
    assert told.out.startswith(f"{tmp_path / 'a.csv'}: accepted")
    assert told.err.startswith(f"sjft: {tmp_path / 'b.md'}: there is no such file")
