"""The model card and the documentation: what they say, and the code that they give."""

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from image_files import random_image
from published import ARM, CLASSES, SUMMARY, configuration, evaluation_of, facts_of, publish

from sjft.model.card import CODE, write_model_card
from sjft.model.file import load_published
from sjft.model.predict import predictions
from sjft.pipeline.generated import ROOT
from sjft.reports.report_page.rendered import rendered
from sjft.settings.config import read_configuration


def card(folder: Path, classes: list[str] = CLASSES, **published: Any) -> str:
    arm = published.get("arm", "selective")
    facts = facts_of(configuration("squeezenet1_1"), classes, arm)
    facts["settings"]["experiments"]["demo"]["publish"] |= published
    per_class = evaluation_of(classes)["classes"]
    write_model_card(folder / "card.md", "demo", facts, per_class, SUMMARY)
    return (folder / "card.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["squeezenet1_1", "googlenet"])
def test_the_code_that_is_given_classifies_a_image_as_predict_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    publish(tmp_path / "model.pt", name)
    random_image(4, (110, 95)).save(tmp_path / "photo.jpg")
    monkeypatch.chdir(tmp_path)
    exec(CODE, {})
    (found,) = predictions(load_published(Path("model.pt")), [Path("photo.jpg")], 1)
    name, probability = capsys.readouterr().out.split()
    assert name == found.classes[0][0]
    assert float(probability) == pytest.approx(found.classes[0][1], abs=1e-6)


def test_the_card_names_no_data_that_the_weights_were_not_learnt_from(tmp_path: Path) -> None:
    facts = facts_of(configuration("squeezenet1_1"), CLASSES, "fine-tune")
    per_class = evaluation_of(CLASSES)["classes"]
    told = {}
    for images in (0, 7):
        facts["data"]["web"]["used_images"] = images
        write_model_card(tmp_path / "card.md", "demo", facts, per_class, SUMMARY)
        told[images] = (tmp_path / "card.md").read_text(encoding="utf-8")
    assert "they were learnt from images of `birds` and from whatever" in told[0]
    assert "they were learnt from images of `birds`, `web` and from whatever" in told[7]


def test_card_and_documentation_give_the_same_code(tmp_path: Path) -> None:
    assert f"```python\n{CODE}```" in card(tmp_path)
    page = (ROOT / "docs/models.md").read_text(encoding="utf-8")
    assert f"```python\n{CODE.replace('model.pt', 'results/demo/model.pt')}```" in page


def test_the_card_says_what_a_stranger_has_to_know(tmp_path: Path) -> None:
    text = card(tmp_path)
    for words in (
        "# Model card: demo\n\nBorrowing helped here: so it is.\n\n`selective` is published: it is",
        "a `squeezenet1_1` of torchvision that tells 2 classes apart: 75.0 % mean class accuracy",
        "on the 3 images of the split `test` of `birds`",
        "The method is selective joint fine-tuning (Ge and Yu, CVPR 2017), the program sjft 0.1.0.",
        "| expected calibration error | 0.25",
        "**Not for**",
        "shorter side 72 px, the central crop of 64 x 64 px.",
        "| birds    | target | 2       | 4 train | 3 images, 1 class ",
        "squeezenet1_1, random, seed 0",
        "neighbours of each target image at first",
        "| cat   | 2      | 50.0 %   |",
        "| dög   | 1      | 100.0 %  |",
        "7 images of web show a held-out image",
        f"torch {torch.__version__.partition('+')[0]}",
        "| first weights    | `d1`",
        "non-commercial research",
        "arXiv 1702.08690",
    ):
        assert words in text, words
    assert "Seconds" not in text  # the same run, the same card


def test_many_classes_are_folded_away(tmp_path: Path) -> None:
    assert "classes</summary>" not in card(tmp_path)
    text = card(tmp_path, [f"class {i}" for i in range(30)])
    assert "<details><summary>Each of the 30 classes</summary>\n\n| class" in text


def test_names_of_classes_do_not_break_its_tables(tmp_path: Path) -> None:
    assert "rlo\\\\u202ex" in card(tmp_path, ["rlo\u202ex", "b"])
    text = card(tmp_path, ["a|b", "c\\<img src=x>"])
    assert "| a\\|b " in text and "| c\\\\&lt;img src=x> " in text
    page = rendered(text)
    assert "<td>a|b</td>" in page and "<td>c\\&lt;img src=x&gt;</td>" in page


def test_another_arm_is_not_called_the_method(tmp_path: Path) -> None:
    text = card(tmp_path, arm="fine-tune")
    assert "The method is fine-tuning without a source (Ge" in text
    assert "neighbours of each target image" not in text


def test_the_settings_on_the_card_are_a_configuration(tmp_path: Path) -> None:
    text = card(tmp_path).partition("```yaml\n")[2].partition("```")[0]
    assert read_configuration(yaml.safe_load(text)).experiments["demo"].target == "birds"


def test_accuracies_without_the_duplicates_stand_beside_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = {"mean_class_accuracy": 0.25, "accuracy": 0.25, "test_images": 12}
    run = {"seed": 0, "source_shares": {}}
    copies = {"images": ["a.png"], "of": 13, "lost_classes": [], "left_out": False}
    listed = run | {"without_duplicates": without, "with_duplicates": None}
    left_out = run | without | {"without_duplicates": None, "with_duplicates": without}
    # The figures that come first are of the whole split, whatever the summary leaves out.
    beside = (
        "75.0 % mean class accuracy on the 3 images of the split `test` of `birds`, 25.0 % on the "
        "12 of them of which no training image is a copy. The method"
    )
    for of_run, told in (
        (listed, "without it, on 12 test images: selective 25.0 %."),
        (left_out, "with it, on all 12 test images: selective 25.0 %."),
    ):
        monkeypatch.setitem(SUMMARY, "arms", {"selective": ARM | {"runs": [of_run]}})
        changed = copies | {"left_out": of_run is left_out}
        monkeypatch.setitem(SUMMARY, "duplicated", changed)
        text = card(tmp_path)
        assert told in text and beside in text
        # Another seed's figures are not the published model's.
        assert beside not in card(tmp_path, seed=1)
