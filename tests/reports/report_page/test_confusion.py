"""The page's confusion matrix: which classes it shows, what its numbers lead to, what is left."""

import json
from pathlib import Path

import numpy as np
import pytest
from reported import RunFiles

from sjft.evaluation.probabilities import Probabilities, write_probabilities
from sjft.reports.report_page.blocks import Matrix, Table, Text
from sjft.reports.report_page.confusion import MOST_CLASSES, MOST_NAMED, OTHERS, confusions


def run_with(folder: Path, labels: list[int], predicted: list[int], classes: int) -> RunFiles:
    """A run whose answer to each image is sure in the order of the images, the first the least."""
    sure = np.linspace(0.6, 0.9, len(labels))
    values = np.repeat(((1 - sure) / (classes - 1))[:, None], classes, axis=1)
    values[np.arange(len(labels)), predicted] = sure
    names = [f"class {number:02d} </script>" for number in range(classes)]
    paths = [f"test/{number}.png" for number in range(len(labels))]
    found = Probabilities(paths, np.array(labels), values.astype(np.float32), names)
    write_probabilities(folder / "probabilities.h5", found, {}, {})
    nothing = folder / "not read"
    return RunFiles(
        *("selective", 0, "", True, nothing, nothing),
        probabilities=folder / "probabilities.h5",
        rounds=[],
    )


def test_a_number_leads_to_its_images_the_surest_mistakes_first(tmp_path: Path) -> None:
    run = run_with(tmp_path, [0, 0, 0, 1], [1, 1, 0, 1], 3)
    matrix, mistakes = confusions(run, tmp_path / "data", tmp_path / "report/index.html")
    assert isinstance(matrix, Matrix) and isinstance(mistakes, Table)
    assert matrix.rows[0] == [(1, 1 / 3), (2, 2 / 3), None]
    assert matrix.rows[2] == [None, None, None]
    assert "</script>" not in matrix.behind
    behind = json.loads(matrix.behind)
    assert behind["folder"] == "../data"
    assert behind["cells"]["0,1"] == [["test/1.png", 1, 0.7, 0.15], ["test/0.png", 1, 0.6, 0.2]]
    assert behind["cells"].keys() == {"0,0", "0,1", "1,1"}
    first, second = (f"class 0{number} </script>" for number in (0, 1))
    assert mistakes.rows == [[first, second, 2, 3, "66.7 %"]]


def test_of_many_classes_the_worst_are_shown_and_the_others_counted(tmp_path: Path) -> None:
    classes = MOST_CLASSES + 3
    # Two images a class; all of the first 41 classes have one that is taken for the last class.
    labels = [label for label in range(classes) for _ in range(2)]
    predicted = [classes - 1 if n % 2 and n < 82 else label for n, label in enumerate(labels)]
    run = run_with(tmp_path, labels, predicted, classes)
    told, matrix, others, mistakes = confusions(run, tmp_path, tmp_path / "index.html")
    assert isinstance(told, Text) and isinstance(matrix, Matrix)
    assert f"the {MOST_CLASSES} of {classes} classes" in told.text
    assert "40 of all 41 mistakes" in told.text and "other 3 classes" in told.text
    assert len(matrix.names) == MOST_CLASSES and matrix.columns[-1] == OTHERS
    assert matrix.rows[7][7] == (1, 0.5) and matrix.rows[7][-1] == (1, 0.5)
    assert json.loads(matrix.behind)["cells"]["7,40"][0][:2] == ["test/15.png", classes - 1]
    assert isinstance(others, Table) and isinstance(mistakes, Table)
    last = "class 42 </script>"
    assert others.rows[0] == ["class 40 </script>", 2, 1, "50.0 %", f"{last} (1)"]
    assert others.rows[2] == [last, 2, 2, "100.0 %", None]
    assert len(mistakes.rows) == 41


@pytest.mark.parametrize("wrong", [False, True])
def test_at_most_so_many_images_are_named(tmp_path: Path, wrong: bool) -> None:
    images = MOST_NAMED + 5
    run = run_with(tmp_path, [0] * images, [int(wrong)] * images, 2)
    matrix = confusions(run, tmp_path, tmp_path / "index.html")[0]
    assert isinstance(matrix, Matrix)
    assert matrix.rows[0][int(wrong)] == (images, 1.0)
    named = json.loads(matrix.behind)["cells"][f"0,{int(wrong)}"]
    assert len(named) == MOST_NAMED
    # Of mistakes the surest, of what is right the least sure.
    assert named[0][0] == f"test/{images - 1 if wrong else 0}.png"
