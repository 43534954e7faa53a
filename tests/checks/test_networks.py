"""What networks, banks and files of weights say to a configuration."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from checked import TRAINING, configured, of_answers
from torchvision import models

from sjft.checks import answers
from sjft.checks.answers import answers_to, questions_of
from sjft.checks.asked import Asked
from sjft.pipeline import fingerprint
from sjft.pipeline.fingerprint import PACKAGE


@pytest.mark.slow
@pytest.mark.parametrize(
    ("network", "size", "allowed"),
    [
        ("alexnet", 32, "sizes such as 64 and more"),
        ("inception_v3", 64, "sizes such as 80 and more"),
        ("vit_b_16", 32, "Allowed: 224"),
    ],
)
def test_an_input_size_that_the_network_refuses(network: str, size: int, allowed: str) -> None:
    training = {"network": network, "weights": {"source": "random"}, "input_size": size}
    (line,) = of_answers({TRAINING: training})
    assert line.startswith(f"{TRAINING}.input_size: {network} cannot take images of {size} px (")
    assert allowed in line


@pytest.mark.slow
@pytest.mark.parametrize("network", ["alexnet", "regnet_y_400mf", "googlenet"])
def test_networks_that_can_be_trained(network: str) -> None:
    changes = {f"{TRAINING}.network": network, f"{TRAINING}.input_size": 224}
    assert of_answers(changes, ("fine-tune", "selective")) == []


@pytest.mark.slow
def test_batch_norm_needs_two_images_where_one_place_is_left() -> None:
    random = {f"{TRAINING}.target_batch": 1, f"{TRAINING}.input_size": 32}
    (line,) = of_answers(random, ("fine-tune",))
    assert line.endswith("Allowed: 2 and more")  # there are no statistics to freeze
    one = random | {f"{TRAINING}.weights": {"source": "torchvision", "name": "DEFAULT"}}
    (line,) = of_answers(one, ("fine-tune", "selective"))
    assert line.startswith(f"{TRAINING}.target_batch: a forward pass holds 1 image")
    assert line.endswith("Allowed: 2 and more, or batch_norm: frozen (in `fine-tune`)")
    assert of_answers(one, ("selective",)) == []  # a source image is beside it
    assert of_answers(one | {f"{TRAINING}.batch_norm": "frozen"}, ("fine-tune",)) == []
    assert of_answers(one | {f"{TRAINING}.input_size": 64}, ("fine-tune",)) == []
    shared = one | {f"{TRAINING}.target_batch": 2, f"{TRAINING}.processes": 2}
    (line,) = of_answers(shared, ("fine-tune",))
    assert "a forward pass of each of 2 processes holds 1 image" in line
    assert "Allowed: 4 and more" in line
    (line,) = of_answers(one | {f"{TRAINING}.batch_norm": "frozen"}, ("scratch",))
    assert line.endswith("Allowed: 2 and more")


@pytest.mark.slow
def test_each_half_needs_two_images_where_it_has_statistics_of_its_own() -> None:
    separate = {f"{TRAINING}.input_size": 32, f"{TRAINING}.batch_norm": "separate"}
    (line,) = of_answers(separate | {f"{TRAINING}.target_batch": 1})
    assert line.startswith(f"{TRAINING}.target_batch: a forward pass holds 1 image")
    (line,) = of_answers(separate | {f"{TRAINING}.source_batch": 1})
    assert line.startswith(f"{TRAINING}.source_batch: a forward pass holds 1 image")
    assert of_answers(separate) == []
    plain = {f"{TRAINING}.network": "squeezenet1_1", f"{TRAINING}.batch_norm": "separate"}
    (line,) = of_answers(plain)
    assert line == (
        f"{TRAINING}.batch_norm: squeezenet1_1 has none that could be `separate`. Allowed: shared"
    )
    assert of_answers(plain, ("fine-tune",)) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {f"{TRAINING}.network": "resnet5"},
            f"{TRAINING}.network: torchvision has no classification network 'resnet5'. Near it: r",
        ),
        (
            {f"{TRAINING}.weights": {"source": "torchvision", "name": "V2"}},
            f"{TRAINING}.weights.name: torchvision has no weights 'V2' for 'resnet18'; allowed: I",
        ),
        (
            {
                f"{TRAINING}.network": "vit_b_16",
                f"{TRAINING}.input_size": 224,
                f"{TRAINING}.weights": {"source": "torchvision", "name": "IMAGENET1K_SWAG_E2E_V1"},
            },
            f"{TRAINING}.weights.name: IMAGENET1K_SWAG_E2E_V1 is for images of 384 px, vit_b_16",
        ),
        ({"banks.cnn.network": "alexnets"}, "banks.cnn.network: torchvision has no classificatio"),
        ({"banks.cnn.layers": ["features.33"]}, "banks.cnn.layers: alexnet has no module 'featu"),
        ({"banks.cnn.layers": ["classifier.1"]}, "banks.cnn.layers: the output of 'classifier.1"),
        (
            {"banks.cnn.layers": ["features.0", "features.1"]},
            "banks.cnn.layers: 'features.1' and 'features.0' have the same activation",
        ),
        ({"banks.cnn.crop": 8}, "banks.cnn.crop: alexnet cannot take images of 8 px ("),
        (
            {"banks.cnn.network": "maxvit_t", "banks.cnn.layers": ["stem.0.0"]},
            "banks.cnn.layers: maxvit_t cannot be cut off behind them (",
        ),
        (
            {"banks.cnn.weights": {"source": "torchvision", "name": "V9"}},
            "banks.cnn.weights.name: torchvision has no weights 'V9' for 'alexnet'; allowed: IMAG",
        ),
        (
            {"datasets.web.contents": ["cross", "disk"]},
            "datasets.web.contents: there is no disk. Allowed: disc, ",
        ),
        (
            {"datasets.birds.styles": ["hatching", "hatching"]},
            "datasets.birds.styles: each may stand once, got hatching, hatching",
        ),
    ],
)
def test_what_networks_and_banks_have_not_got(changes: dict[str, Any], line: str) -> None:
    (found,) = of_answers(changes)
    assert found.startswith(line)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"crop": 30}, "30 px are fewer than the largest Gabor kernel's side, 33 px"),
        ({"crop": 8}, "8 px are fewer than the longest wavelength, 11.3137 px"),
        ({"wavelength_factor": 1e300}, "the longest wavelength, inf px"),
        ({"shortest_wavelength": 1e12}, "the longest wavelength, 2.82843e+12 px"),
    ],
)
def test_gabor_filters_that_do_not_fit(changes: dict[str, Any], words: str) -> None:
    bank = {f"banks.gabor.{key}": value for key, value in changes.items()}
    assert of_answers(bank) == []  # `selective` does not search with it
    (line,) = of_answers(bank, ("gabor",))
    assert line.startswith("banks.gabor.crop: ")
    assert words in line


@pytest.mark.slow
def test_files_of_weights_are_fitted_to_the_network(tmp_path: Path) -> None:
    torch.save(models.get_model("squeezenet1_1", num_classes=2).state_dict(), tmp_path / "w.pth")
    weights = {"data_root": str(tmp_path)} | {
        f"{TRAINING}.weights": {"source": "file", "path": "w.pth"}
    }
    (line,) = of_answers(weights)
    assert line.startswith(f"{TRAINING}.weights.path: {tmp_path / 'w.pth'} has ")
    assert "missing" in line
    right = weights | {f"{TRAINING}.network": "squeezenet1_1"}
    assert of_answers(right) == []
    head = right | {f"{TRAINING}.source_head": "pretrained"}
    assert of_answers(head) == []
    (tmp_path / "names.txt").write_text("cross\n")
    listed = head | {f"{TRAINING}.source_head_classes": "names.txt"}
    (line,) = of_answers(listed)
    assert line.startswith(f"{TRAINING}.source_head_classes: the file names 1 class, but")
    (tmp_path / "names.txt").write_text("a cross\nb star\n")
    (line,) = of_answers(listed)
    assert line.startswith(f"{TRAINING}.source_head_classes: none of the source's classes (cross")
    (tmp_path / "w.pth").write_bytes(b"no file of tensors")
    (line,) = of_answers(right)
    assert line.startswith(f"{TRAINING}.weights.path: ")


def test_networks_are_asked_in_a_process_that_has_loaded_torch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(answers.subprocess, "run", lambda *a, **k: pytest.fail("another process"))
    assert "torch" in sys.modules
    wrong = configured({f"{TRAINING}.network": "resnet5"})
    said, why_not = answers_to(
        list(questions_of(wrong, Asked("main", ("selective",), True), {})), None
    )
    assert why_not is None
    assert said[0][0][0] == "network"


@pytest.mark.slow
def test_answers_are_kept_until_something_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "torch")  # so that another process is asked
    asked = Asked("main", ("selective",), True)
    wrong = configured({f"{TRAINING}.network": "resnet5"})
    questions = list(questions_of(wrong, asked, {}))
    first, why_not = answers_to(questions, tmp_path)
    assert why_not is None
    assert first[0][0][0] == "network"

    class NobodyAnswers:
        returncode, stdout, stderr = 1, "", "Traceback\nModuleNotFoundError: no torch\n"

    monkeypatch.setattr(answers.subprocess, "run", lambda *a, **k: NobodyAnswers)
    assert answers_to(questions, tmp_path) == (first, None)
    right = list(questions_of(configured(), asked, {}))
    assert answers_to(right, tmp_path) == ([], "ModuleNotFoundError: no torch")
    (tmp_path / answers.KEPT).write_text("[no JSON")
    assert answers_to(questions, tmp_path)[1] == "ModuleNotFoundError: no torch"


def test_a_bank_is_asked_again_once_its_module_is_edited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # An answer of before would refuse a bank that has been mended, whatever is done about it.
    library = tmp_path / "sjft"
    shutil.copytree(PACKAGE, library, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(fingerprint, "PACKAGE", library)
    questions = list(questions_of(configured(), Asked("main", ("selective",), True), {}))
    first, _ = answers_to(questions, tmp_path)
    asked: list[str] = []
    monkeypatch.setattr(answers, "_ask", lambda new: (asked.append(new), ([], "nobody"))[1])
    assert answers_to(questions, tmp_path) == (first, None)
    with (library / "descriptors" / "banks" / "cnn.py").open("a") as module:
        module.write("\nEDITED = 1\n")
    answers_to(questions, tmp_path)
    assert [question["ask"] for question in json.loads(asked[0])] == ["bank"]
