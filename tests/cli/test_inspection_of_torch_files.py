"""`sjft inspect` on files of torch that are wrong although their checksums hold."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from inspected import failing

from sjft.cli.main import main
from sjft.storage.torch_file import write_torch


def changed(path: Path, change: Callable[[dict[str, Any]], Any]) -> Path:
    """Change what torch reads of a file, and write it anew."""
    content = torch.load(path, weights_only=True)
    change(content)
    write_torch(path, content)
    return path


def not_a_number(key: str) -> Callable[[dict[str, Any]], None]:
    def change(content: dict[str, Any]) -> None:
        next(iter(content[key].values())).view(-1)[0] = torch.nan

    return change


TORCH = {
    "round: NaN": ("model of a round", not_a_number("state_dict"), "weights: no NaN"),
    "round: classes": (
        "model of a round",
        lambda content: content["target_classes"].append("cow"),
        "the target's head has a row of each class: [2], and 3 classes",
    ),
    "round: version": (
        "model of a round",
        lambda content: content.update(format_version=9),
        "it is of version 9",
    ),
    "round: subset": (
        "model of a round",
        lambda content: content["inputs"].update(subset="x"),
        "subset.csv beside it is the one that it was trained on: it is another",
    ),
    "published: NaN": ("published model", not_a_number("state_dict"), "weights: no NaN"),
    "published: classes": (
        "published model",
        lambda content: content.update(classes=["cat", "cat", "dog"]),
        "classifier.1.weight is (2, 512, 1, 1), not (3, 512, 1, 1)",
    ),
    "published: seen": (
        "published model",
        lambda content: content["preprocessing"].update(crop=500),
        "a crop of 500 px is cut from 72 px",
    ),
    "published: metrics": (
        "published model",
        lambda content: content["provenance"]["metrics"].update(accuracy=71.5),
        "accuracy: 71.5",
    ),
    "checkpoint: NaN": ("checkpoint", not_a_number("network"), "weights: no NaN"),
    "checkpoint: update": (
        "checkpoint",
        lambda content: content.update(update=1),
        "its name should be update-00000001.pt",
    ),
    "checkpoint: history": (
        "checkpoint",
        lambda content: content["history"]["rows"].append([2, float("nan")]),
        "row 1 is not finite",
    ),
    "checkpoint: settings": (
        "checkpoint",
        lambda content: content["decided_by"].update(rate=0.2),
        "decided_by.json beside it says what decided the round: it says something else",
    ),
}


@pytest.mark.parametrize("fault", TORCH)
def test_a_fault_in_a_file_of_torch_is_named(
    fault: str, copied: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    name, change, words = TORCH[fault]
    found = failing(changed(copied(name), change), capsys)
    assert any(words in line for line in found), found


@pytest.mark.parametrize(
    ("name", "lost"),
    [
        ("model of a round", "state_dict"),
        ("published model", "provenance"),
        ("checkpoint", "update"),
    ],
)
def test_a_file_of_torch_that_lacks_something_is_refused_in_one_line(
    name: str, lost: str, copied: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path = changed(copied(name), lambda content: content.pop(lost))
    assert main(["inspect", str(path)]) == 1
    output = capsys.readouterr()
    assert "does not hold what such a file must hold" in output.err and lost in output.err
    assert output.err.count("\n") == 1 and output.out == ""


def test_a_weight_that_claims_more_than_the_file_holds_is_not_looked_at(
    copied: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    endless = torch.zeros(1).expand(10**7, 10**7)
    path = changed(copied("published model"), lambda c: c["state_dict"].update(extra=endless))
    assert main(["inspect", str(path)]) == 1
    error = capsys.readouterr().err
    assert "extra is (10000000, 10000000), and 4 bytes are there" in error
    assert error.count("\n") == 1


def test_a_moved_checkpoint_is_known_by_its_content(
    copied: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    moved = copied("checkpoint").rename(tmp_path / "mine-of-round-7.pt")
    assert main(["inspect", str(moved)]) == 0
    output = capsys.readouterr().out
    update = torch.load(moved, weights_only=True)["update"]
    assert f"A round of training after update {update}" in output
    assert "it lies where its content says (decided_by.json is not there: not compared)" in output


@pytest.mark.parametrize("name", ["model of a round", "checkpoint"])
def test_a_file_that_has_lost_its_checksum_is_refused(
    name: str, copied: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path = copied(name)
    torch.save(torch.load(path, weights_only=True), path)
    assert main(["inspect", str(path)]) == 1
    assert "does not end with its checksum" in capsys.readouterr().err
