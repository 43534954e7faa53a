"""A published model on labelled images elsewhere: figures, what is left out, the files."""

import json
import os
import shutil
import unicodedata
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from image_files import save_images
from published import publish

from sjft.cli.main import main
from sjft.errors import UserError
from sjft.evaluation.probabilities import Probabilities
from sjft.model.evaluation_elsewhere import FILES, Evaluated, as_text, evaluate_elsewhere
from sjft.model.file import PublishedModel, load_published
from sjft.model.labelled_folder import LabelledFolder, labelled_images
from sjft.model.predict import predictions

CLASSES = ["cat", "dög", "eel"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "model.pt"
    publish(path, "shufflenet_v2_x0_5", side=32, classes=CLASSES, evaluation={"scales": [36]})
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes of the model, one of them named as macOS writes it, and what is no class."""
    decomposed = unicodedata.normalize("NFD", "dög")
    names = [
        "cat/a.png",
        "cat/deep/b.png",
        f"{decomposed}/c.png",
        "Cat/d.png",
        "cow/e.png",
        "f.png",
    ]
    save_images(tmp_path / "p", names)
    (tmp_path / "p/cat/notes.txt").write_text("no image")
    return tmp_path / "p"


def test_folders_are_matched_by_name_and_all_else_is_counted(folder: Path) -> None:
    found = labelled_images(folder, CLASSES)
    decomposed = unicodedata.normalize("NFD", "dög")
    by_path = dict(zip(found.paths, found.labels.tolist(), strict=True))
    assert by_path == {"cat/a.png": 0, "cat/deep/b.png": 0, f"{decomposed}/c.png": 1}
    assert found.unknown == {"Cat": 1, "cow": 1}
    assert found.missing == ["eel"]
    assert found.beside == ["f.png"]
    assert found.notes() == [
        "left out: 1 file whose ending is no image's: cat/notes.txt",
        "left out: 2 images in 2 folders that are no class of the model: Cat, cow",
        "left out: 1 image beside the classes' folders: f.png",
        "1 class of the model has no image here, and no part in the mean: eel",
    ]


def test_a_folder_without_a_known_class_says_what_is_expected(folder: Path) -> None:
    with pytest.raises(UserError, match=r"its folders are Cat, .*named as the model.*: sea, sky"):
        labelled_images(folder, ["sea", "sky"])
    with pytest.raises(UserError, match="it has no folder of images"):
        labelled_images(folder / "cat/deep", CLASSES)
    with pytest.raises(UserError, match="there is no such folder"):
        labelled_images(folder / "nowhere", CLASSES)
    with pytest.raises(UserError, match="is no folder"):
        labelled_images(folder / "f.png", CLASSES)


def evaluated(labels: list[int], answers: list[int]) -> Evaluated:
    values = np.full((len(labels), 3), 0.1, np.float32)
    values[np.arange(len(labels)), answers] = 0.8
    paths = [f"{i}.png" for i in range(len(labels))]
    given = np.array(labels, np.int64)
    images = LabelledFolder(Path("p"), paths, given, {}, ["eel"], [], [])
    return Evaluated(images, Probabilities(paths, given, values, CLASSES), [])


def test_accuracies_have_intervals_over_the_images() -> None:
    labels = [0] * 10 + [1] * 4
    answers = [0] * 8 + [1, 2] + [1, 1, 0, 0]
    found = evaluated(labels, answers).values()
    assert found["accuracy"] == pytest.approx(10 / 14)
    assert found["mean_class_accuracy"] == pytest.approx((0.8 + 0.5) / 2)
    z = 1.959964

    def wilson(right: float, number: float) -> list[float]:
        share = right / number
        centre = (share + z**2 / (2 * number)) / (1 + z**2 / number)
        half = z / (1 + z**2 / number)
        half *= np.sqrt(share * (1 - share) / number + z**2 / (4 * number**2))
        return [centre - half, centre + half]

    assert found["accuracy_interval"] == pytest.approx(wilson(10, 14))
    cat, dog, eel = found["classes"]
    assert cat["interval"] == pytest.approx(wilson(8, 10))
    assert dog["interval"] == pytest.approx(wilson(2, 4))
    assert (eel["images"], eel["accuracy"], eel["interval"]) == (0, None, None)
    low, high = found["mean_class_accuracy_interval"]
    effective = 2**2 / (1 / 10 + 1 / 4)
    assert [low, high] == pytest.approx(wilson(0.65 * effective, effective))
    # Near that of the mean of two means.
    deviation = np.sqrt(0.8 * 0.2 / 10 + 0.5 * 0.5 / 4) / 2
    assert high - low == pytest.approx(2 * z * deviation, rel=0.15)


@pytest.mark.parametrize("answers", [[0] * 10 + [1] * 4, [1] * 10 + [1] * 4, [1] * 10 + [0] * 4])
def test_classes_that_are_all_right_or_all_wrong_have_no_interval_that_is_a_point(
    answers: list[int],
) -> None:
    found = evaluated([0] * 10 + [1] * 4, answers).values()
    for low, high in (found["mean_class_accuracy_interval"], found["accuracy_interval"]):
        assert 0 <= low < high <= 1


@pytest.mark.parametrize("is_right", [True, False])
def test_no_interval_reaches_beyond_all_images(is_right: bool) -> None:
    labels = [0, 0, 1, 1, 2, 2]
    others = [0, 0, 1, 1, 2, 1] if is_right else [1, 1, 2, 2, 0, 2]  # all but the last one
    low, high = evaluated(labels, others).values()["mean_class_accuracy_interval"]
    assert 0 <= low < (5 / 6 if is_right else 1 / 6) < high <= 1


def test_many_images_that_are_all_wrong_say_how_many_of_others_could_be_right() -> None:
    found = evaluated([0] * 200 + [1] * 200, [1] * 200 + [0] * 200).values()
    assert found["mean_class_accuracy_interval"] == pytest.approx([0, 0.0095], abs=1e-4)


def test_the_table_names_classes_and_what_is_taken_for_what() -> None:
    text = as_text(evaluated([0, 0, 0, 1], [0, 1, 1, 1]).values())
    assert "over 4 images" in text
    assert "| top-1 accuracy         | 50.0 % |" in text
    assert "| cat   | 3      | 33.3 %" in text
    assert "| eel   | 0      | -" in text
    assert "| cat   | dög       | 2      |" in text
    assert "No image is taken for another class." in as_text(evaluated([0, 1], [0, 1]).values())


def test_a_class_whose_name_commands_the_terminal_is_escaped_there() -> None:
    found = evaluated([0, 0, 0, 1], [0, 1, 1, 1])
    odd = replace(found.probabilities, class_names=["rlo\u202ex", "c\x1b[2J", "eel"])
    values = replace(found, probabilities=odd).values()
    assert values["classes"][0]["class_name"] == "rlo\u202ex"
    text = as_text(values)
    assert "| rlo\\u202ex | c\\x1b[2J  | 2 " in text and text.isascii() and "\x1b" not in text


def test_the_most_frequent_mistakes_come_first() -> None:
    text = as_text(evaluated([0, 0, 0, 1, 1, 1], [2, 2, 1, 0, 0, 0]).values())
    rows = ["| dög   | cat       | 3      |", "| cat   | eel       | 2      |"]
    rows.append("| cat   | dög       | 1      |")
    assert [text.index(row) for row in rows] == sorted(text.index(row) for row in rows)


def test_images_are_scored_as_predict_scores_them(model: Path, folder: Path) -> None:
    loaded, listed = load_published(model), labelled_images(folder, CLASSES)
    views = {"scales": [36, 44], "crops": "five", "mirror": True}
    facts = loaded.facts | {"preprocessing": loaded.preprocessing | views}
    loaded = PublishedModel(loaded.network, facts)
    paths = [folder / path for path in listed.paths]
    scores = []
    for single in (False, True):
        found = evaluate_elsewhere(loaded, listed, device="cpu", single_view=single)
        scores.append(found.probabilities.values)
        wanted = list(predictions(loaded, paths, 3, device="cpu", single_view=single))
        for row, one in zip(scores[-1], wanted, strict=True):
            assert [float(value) for value in row] == [dict(one.classes)[name] for name in CLASSES]
        assert found.probabilities.labels.tolist() == listed.labels.tolist()
    assert not np.array_equal(*scores)
    # Where an image cannot be read, the others keep their own labels and names.
    paths[0].write_bytes(b"no image")
    found = evaluate_elsewhere(loaded, listed, device="cpu", single_view=True)
    np.testing.assert_allclose(found.probabilities.values, scores[1][1:], atol=1e-6)
    assert found.probabilities.labels.tolist() == listed.labels.tolist()[1:]
    assert found.probabilities.paths == listed.paths[1:]
    assert len(set(listed.labels.tolist()[1:])) == 2


def test_the_command_says_the_same_as_predict_and_writes_tables(
    model: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "eel").mkdir()
    (folder / "eel/bad.jpg").write_text("no image")
    output = tmp_path / "new/output"
    command = ["evaluate", str(model), str(folder), "--device", "cpu"]
    assert main([*command, "--json", "--output", str(output)]) == 1
    said = capsys.readouterr()
    found = json.loads(said.out)
    assert "1 of 4 images could not be read" in said.err
    assert "eel/bad.jpg" in said.err
    assert "2 folders that are no class of the model: Cat, cow" in said.err
    assert found["images"] == 3
    assert found["unknown_folders"] == {"Cat": 1, "cow": 1}
    assert found["skipped"][0]["path"].endswith("eel/bad.jpg")
    assert sorted(path.name for path in output.iterdir()) == sorted(FILES)
    table = pl.read_csv(output / "predictions.csv")
    wanted = list(predictions(load_published(model), [folder / path for path in table["path"]], 1))
    assert table["predicted_class"].to_list() == [each.classes[0][0] for each in wanted]
    right = table["class_name"] == table["predicted_class"]
    assert table["correct"].to_list() == right.to_list()
    assert found["accuracy"] == pytest.approx(right.mean())
    assert pl.read_csv(output / "classes.csv")["images"].to_list() == [2, 1, 0]
    assert pl.read_csv(output / "confusion.csv")["images"].sum() == 3

    (folder / "eel/bad.jpg").unlink()
    assert main([*command, "--output", str(output)]) == 1
    said = capsys.readouterr()
    assert "is not overwritten" in said.err
    assert not said.out, "it is refused before hours of scoring"
    assert main(command) == 0
    assert "top-1 accuracy" in capsys.readouterr().out


def test_names_that_are_no_text_stand_in_the_tables_all_the_same(
    model: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = os.fsdecode(b"x\xff")
    image = next(path for path in folder.rglob("*") if path.is_file())
    known = next(name for name in load_published(model).classes if (folder / name).is_dir())
    shutil.copy(image, folder / known / f"{odd}{image.suffix}")
    (folder / odd).mkdir()
    shutil.copy(image, folder / odd / image.name)
    command = ["evaluate", str(model), str(folder), "--device", "cpu", "--output"]
    assert main([*command, str(tmp_path / "new")]) == 0, capsys.readouterr().err
    paths = pl.read_csv(tmp_path / "new/predictions.csv")["path"].to_list()
    assert f"{known}/x\\udcff{image.suffix}" in paths
    written = json.loads((tmp_path / "new" / FILES[3]).read_text(encoding="utf-8"))
    assert "x\\udcff" in written["unknown_folders"]


def test_a_folder_of_bad_images_has_no_figures(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat/bad.jpg").write_text("no image")
    assert main(["evaluate", str(model), str(tmp_path), "--device", "cpu"]) == 1
    said = capsys.readouterr()
    assert "none of its 1 image could be read" in said.err
    assert not said.out
