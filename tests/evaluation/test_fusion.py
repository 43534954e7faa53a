"""Model fusion: the mean of the probabilities, and runs that do not belong together."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from evaluated_runs import NAMES, PATHS, run

from sjft.cli.main import main
from sjft.errors import UserError
from sjft.evaluation.fusion import fuse, fuse_folders
from sjft.evaluation.probabilities import Probabilities, read_probabilities, write_probabilities
from sjft.storage.files import cannot_be_written


def shuffled(of: Probabilities, order: list[int]) -> Probabilities:
    return Probabilities(
        [of.paths[i] for i in order], of.labels[order], of.values[order], of.class_names
    )


def test_the_probabilities_are_averaged_image_by_image() -> None:
    runs = {str(seed): run(seed) for seed in range(3)}
    fused = fuse(runs | {"2": shuffled(runs["2"], [3, 1, 0, 2])})
    assert fused.paths == PATHS
    for row in range(4):
        for label in range(3):
            mean = sum(float(of.values[row, label]) for of in runs.values()) / 3
            assert fused.values[row, label] == pytest.approx(mean, rel=1e-6)
    np.testing.assert_allclose(fused.values.sum(axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (replace(run(1), class_names=["ash", "birch", "elm"]), r"other classes.*3 and 3; 'cedar'"),
        (replace(run(1), class_names=NAMES[::-1]), r"other classes.*in another order"),
        (replace(run(1), paths=[*PATHS[:3], "c/2.jpg"]), r"other images.*4 and 4; 'c/1.jpg'"),
        (shuffled(run(1), [0, 1, 2]), r"other images.*3 and 4; 'c/1.jpg'"),
        (replace(run(1), labels=np.array([0, 1, 0, 2])), r"b/2.jpg has another class"),
    ],
)
def test_runs_on_other_images_or_classes_are_refused(other: Probabilities, words: str) -> None:
    with pytest.raises(UserError, match=rf"^second: .*{words}"):
        fuse({"first": run(0), "second": other})


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    places = [tmp_path / name for name in ("selective-0", "gabor-0")]
    for seed, place in enumerate(places):
        write_probabilities(place / "probabilities.h5", run(seed), {"of": seed}, {"model": "x"})
    return places


def test_folders_are_fused_compared_and_written_as_a_run(
    folders: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "fused"
    assert main(["fuse", *map(str, folders), "--output", str(output)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "4 images; mean class accuracy, and top-1:"
    assert [line.split()[0] for line in lines[1:]] == [*map(str, folders), "fusion"]
    written = read_probabilities(output / "probabilities.h5")
    assert np.array_equal(written.values, fuse({"a": run(0), "b": run(1)}).values)
    measured = json.loads((output / "evaluation.json").read_text(encoding="utf-8"))
    assert f"{100 * measured['mean_class_accuracy']:.2f} %" in lines[-1]
    assert len((output / "predictions.csv").read_text().splitlines()) == 5
    # A fused run is a run; what is there already is not overwritten.
    assert "fusion" in fuse_folders([output, folders[0] / "probabilities.h5"], None)
    assert main(["fuse", *map(str, folders), "--output", str(output)]) == 1
    assert "is there already" in capsys.readouterr().err
    (tmp_path / "evaluated").mkdir()
    (tmp_path / "evaluated/predictions.csv").touch()
    assert main(["fuse", *map(str, folders), "--output", str(tmp_path / "evaluated")]) == 1
    assert "predictions.csv: is there already" in capsys.readouterr().err


def test_where_the_disk_is_full_nothing_is_left_that_would_refuse_the_same_command(
    folders: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, *_: object) -> None:
        raise cannot_be_written(path, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("sjft.evaluation.fusion.write_probabilities", full)
        with pytest.raises(UserError, match="No space left"):
            fuse_folders(folders, tmp_path / "fused")
    assert "fusion" in fuse_folders(folders, tmp_path / "fused")


def test_one_run_or_none_cannot_be_fused(
    folders: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for places in (
        [folders[0]],
        [folders[0], folders[0]],
        [folders[0], folders[1], folders[0]],
        [folders[0], folders[0] / "probabilities.h5"],
    ):
        assert main(["fuse", *map(str, places)]) == 1
        assert "two or more different runs" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert main(["fuse", str(folders[0]), str(tmp_path / "empty")]) == 1
    assert "empty/probabilities.h5" in capsys.readouterr().err
