"""What is known to fail before the first job is told then, all of it at once, with its key."""

import copy
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torchvision import models

from sjft.checks import answers, machine
from sjft.checks.answers import answers_to, questions_of
from sjft.checks.asked import Asked, asked_for
from sjft.checks.first_look import Look, first_look
from sjft.checks.networks import answer
from sjft.checks.numbers import Counted, possible_splits, wrong_numbers
from sjft.checks.values import wrong_values
from sjft.cli.main import main
from sjft.errors import UserError
from sjft.settings.arm import ARMS
from sjft.settings.config import Configuration, read_configuration

RAW: dict[str, Any] = {
    "datasets": {
        "birds": {
            "reader": "synthetic",
            "contents": ["disc", "ring"],
            "styles": ["hatching"],
            "per_class": {"train": 8, "test": 2},
        },
        "web": {
            "reader": "synthetic",
            "contents": ["cross", "star"],
            "styles": ["hatching"],
            "per_class": {"train": 100},
        },
        "disk": {"reader": "image_folder", "root": "disk", "random_split": {"train": 0.5}},
    },
    "banks": {
        "cnn": {"type": "cnn", "network": "alexnet", "weights": {"source": "random"}},
        "gabor": {"type": "gabor"},
    },
    "retrievals": {"by_cnn": {"bank": "cnn"}, "by_gabor": {"bank": "gabor"}},
    "experiments": {
        "main": {
            "target": "birds",
            "source": "web",
            "retrieval": "by_cnn",
            "selection": {"initial_neighbours": 20},
            "training": {
                "network": "resnet18",
                "weights": {"source": "random"},
                "input_size": 64,
                "updates": 3000,
            },
            "ablation": {"gabor_retrieval": "by_gabor", "arms": ["fine-tune", "gabor"]},
        }
    },
}


def configured(changes: Mapping[str, Any] | None = None) -> Configuration:
    """The configuration above with other values at some dotted keys."""
    raw = copy.deepcopy(RAW)
    for key, value in (changes or {}).items():
        *parents, last = key.split(".")
        place = raw
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
    return read_configuration(raw)


def of_answers(changes: Mapping[str, Any], arms: tuple[Any, ...] = ("selective",)) -> list[str]:
    """What networks and banks say to the configuration, asked in this process."""
    asked = Asked("main", arms, True)
    counted = {"web": Counted({"train": 200}, ["cross", "star"])}
    questions = list(questions_of(configured(changes), asked, counted))
    # As they reach the other process, and come back.
    plain = json.loads(json.dumps([q.asks for q in questions]))
    said = json.loads(json.dumps([answer(question) for question in plain]))
    return [str(finding) for finding in answers.findings_of(questions, said)]


TRAINING = "experiments.main.training"


def test_a_sound_configuration_is_said_nothing_about() -> None:
    assert of_answers({}, tuple(ARMS)) == []
    config, asked = configured(), Asked("main", ("selective",), True)
    assert list(wrong_values(config, asked)) == []
    assert list(wrong_numbers(config, asked, {})) == []


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
    assert line.startswith(f"{TRAINING}.input_size: {network} cannot take pictures of {size} px (")
    assert allowed in line


@pytest.mark.parametrize("network", ["alexnet", "regnet_y_400mf", "googlenet"])
def test_networks_that_can_be_trained(network: str) -> None:
    changes = {f"{TRAINING}.network": network, f"{TRAINING}.input_size": 224}
    assert of_answers(changes, ("fine-tune", "selective")) == []


def test_batch_norm_needs_two_pictures_where_one_place_is_left() -> None:
    one = {f"{TRAINING}.target_batch": 1, f"{TRAINING}.input_size": 32}
    (line,) = of_answers(one, ("fine-tune", "selective"))
    assert line.startswith(f"{TRAINING}.target_batch: a forward pass holds 1 picture")
    assert line.endswith("Allowed: 2 and more, or freeze_batch_norm: true (in `fine-tune`)")
    assert of_answers(one, ("selective",)) == []  # a source image is beside it
    assert of_answers(one | {f"{TRAINING}.freeze_batch_norm": True}, ("fine-tune",)) == []
    assert of_answers(one | {f"{TRAINING}.input_size": 64}, ("fine-tune",)) == []
    shared = one | {f"{TRAINING}.target_batch": 2, f"{TRAINING}.processes": 2}
    (line,) = of_answers(shared, ("fine-tune",))
    assert "a forward pass of each of 2 processes holds 1 picture" in line
    assert "Allowed: 4 and more" in line
    scratch = one | {f"{TRAINING}.weights": {"source": "torchvision", "name": "DEFAULT"}}
    (line,) = of_answers(scratch | {f"{TRAINING}.freeze_batch_norm": True}, ("scratch",))
    assert line.endswith("Allowed: 2 and more")


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
            f"{TRAINING}.weights.name: IMAGENET1K_SWAG_E2E_V1 is for pictures of 384 px, vit_b_16",
        ),
        ({"banks.cnn.network": "alexnets"}, "banks.cnn.network: torchvision has no classificatio"),
        ({"banks.cnn.layers": ["features.33"]}, "banks.cnn.layers: alexnet has no module 'featu"),
        ({"banks.cnn.layers": ["classifier.1"]}, "banks.cnn.layers: the output of 'classifier.1"),
        (
            {"banks.cnn.layers": ["features.0", "features.1"]},
            "banks.cnn.layers: 'features.1' and 'features.0' have the same activation",
        ),
        ({"banks.cnn.crop": 8}, "banks.cnn.crop: alexnet cannot take pictures of 8 px ("),
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
    assert line.startswith(f"{TRAINING}.source_head_classes: the file names 1 classes, but")
    (tmp_path / "names.txt").write_text("a cross\nb star\n")
    (line,) = of_answers(listed)
    assert line.startswith(f"{TRAINING}.source_head_classes: none of the source's classes (cross")
    (tmp_path / "w.pth").write_bytes(b"no file of tensors")
    (line,) = of_answers(right)
    assert line.startswith(f"{TRAINING}.weights.path: ")


def of_values(changes: dict[str, Any]) -> list[str]:
    return [str(f) for f in wrong_values(configured(changes), Asked("main", ("selective",), True))]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({f"{TRAINING}.std": [1, 0, 1]}, f"{TRAINING}.std: every channel is divided by its numbe"),
        ({"banks.cnn.std": [1, 1, -1]}, "banks.cnn.std: every channel is divided by its number, "),
        ({"datasets.web.per_class": {"test": 3}}, "datasets.web.per_class: there is no training "),
        (
            {f"{TRAINING}.updates": 250},
            f"{TRAINING}.learning_rate_steps: 2400 is not below updates (250): the learning rate n",
        ),
        (
            {f"{TRAINING}.processes": 2, f"{TRAINING}.device": "cpu"},
            f"{TRAINING}.processes: 2 processes on a CPU share its 8 threads",
        ),
        (
            {f"{TRAINING}.precision": "float16", f"{TRAINING}.device": "cpu"},
            f"{TRAINING}.precision: most CPUs emulate float16",
        ),
        (
            {"experiments.main.ablation.fusion": ["selective", "selective"]},
            "experiments.main.ablation.fusion: `selective` is named twice",
        ),
        (
            {"experiments.main.ablation.fusion": ["selective"]},
            "experiments.main.ablation.fusion: `selective` alone is averaged with nothing",
        ),
        ({"experiments.main.seeds": [0, 1, 0]}, "experiments.main.seeds: 0 stands twice"),
        (
            {"experiments.main.ablation.seeds": [7, 7]},
            "experiments.main.ablation.seeds: 7 stands twice, and would count twice",
        ),
        (
            {"experiments.main.publish.compare": ["fine-tune", "fine-tune"]},
            "experiments.main.publish.compare: fine-tune stands twice",
        ),
        (
            {"experiments.main.evaluation.scales": [256, 288, 256]},
            "experiments.main.evaluation.scales: 256 stands twice",
        ),
    ],
)
def test_settings_that_do_not_do_what_they_seem_to(changes: dict[str, Any], line: str) -> None:
    (found,) = of_values(changes)
    assert found.startswith(line)
    cosine = {f"{TRAINING}.updates": 250, f"{TRAINING}.schedule": "cosine"}
    assert of_values(cosine) == []


def test_an_arm_by_gabor_filters_needs_a_bank_of_them() -> None:
    config = configured({"experiments.main.ablation": {"arms": ["fine-tune", "selective"]}})
    (found,) = wrong_values(config, Asked("main", ("gabor",), True))
    assert str(found).startswith("experiments.main.ablation.gabor_retrieval: the arm `gabor` needs")
    assert found.stops


def of_numbers(
    changes: dict[str, Any], counted: dict[str, Counted], arms: tuple[Any, ...] = ("selective",)
) -> list[str]:
    asked = Asked("main", arms, True)
    return [str(f) for f in wrong_numbers(configured(changes), asked, counted)]


DISK = {"experiments.main.target": "disk"}


def test_there_must_be_something_to_test_on() -> None:
    split = "experiments.main.evaluation.split"
    none_left = DISK | {"datasets.disk.random_split": {"train": 0.9, "val": 0.1}}
    (line,) = of_numbers(none_left, {})  # known without the pictures
    assert line == (
        f"{split}: `disk` can have no picture in the split `test`, by its settings. Lower `train` "
        "or `val` of datasets.disk.random_split: the rest is the split `test`, or evaluate on `val`"
    )
    assert of_numbers(none_left | {split: "val"}, {}) == []
    (line,) = of_numbers(DISK, {"disk": Counted({"train": 30, "val": 3}, ["a", "b"])})
    assert f"{split}: `disk` has no picture in the split `test` (train 30, val 3, test 0)" in line
    assert of_numbers(DISK, {"disk": Counted({"train": 30, "test": 1}, ["a", "b"])}) == []
    (line,) = of_numbers({split: "val"}, {"birds": Counted({"train": 30, "test": 1}, ["a"])})
    assert "Give it a number in datasets.birds.per_class, or evaluate on `test`" in line
    asked = Asked("main", ("selective",), False)
    assert list(wrong_numbers(configured(none_left), asked, {})) == []


@pytest.mark.parametrize(
    ("settings", "splits"),
    [
        ({"reader": "image_folder", "splits": {"train": "a", "val": "b"}}, {"train", "val"}),
        (
            {"reader": "image_folder", "random_split": {"train": 9, "val": 2}},
            {"train", "val", "test"},
        ),
        ({"reader": "imagenet"}, {"train"}),
        ({"reader": "places365"}, {"train"}),
        ({"reader": "dogs120"}, {"train", "test"}),
        ({"reader": "flowers102"}, {"train", "val", "test"}),
        ({"reader": "flowers102", "train": "trn+val"}, {"train", "test"}),
        ({"reader": "caltech256"}, {"train", "test"}),
        ({"reader": "caltech256", "val_per_class": 1}, {"train", "val", "test"}),
        (
            {"reader": "cameras", "cameras": {"plain": 1}, "random_split": {"train": 0.5}},
            {"train", "test"},
        ),
        ({"reader": "csv", "file": "f"}, {"train", "val", "test"}),
        ({"reader": "csv", "file": "f", "split_column": None}, {"train"}),
    ],
)
def test_splits_that_a_data_set_can_have(settings: dict[str, Any], splits: set[str]) -> None:
    config = configured({"datasets.disk": {"root": "r", **settings}})
    assert set(possible_splits(config.datasets["disk"])) == splits


def test_no_more_neighbours_than_source_images() -> None:
    key = "experiments.main.selection"
    few = {"web": Counted({"train": 19}, ["a"])}
    (line,) = of_numbers({}, few)
    assert line.startswith(f"{key}.initial_neighbours: 20 neighbours of each target image are wan")
    assert "`web` has 19 training images. Allowed: 19 and less" in line
    assert of_numbers({}, few, ("fine-tune", "all-source")) == []
    (found,) = wrong_numbers(
        configured(), Asked("main", ("selective",), True), {"web": Counted({"train": 39}, ["a"])}
    )
    assert not found.stops
    assert of_numbers({}, {"web": Counted({"train": 40}, ["a"])}) == []
    (line,) = of_numbers(
        {f"{key}.least_images_per_class": 41}, {"web": Counted({"train": 40}, ["a"])}
    )
    assert line.startswith(f"{key}.least_images_per_class: no class can have 41 images")
    (line,) = of_numbers({}, {"birds": Counted({"train": 4, "test": 1}, ["a", "b"])})
    assert line.startswith(f"{TRAINING}.target_batch: 10 target images a forward pass are more th")


def test_no_more_shards_than_training_images() -> None:
    shards = {"datasets.web.shards": 41}
    (line,) = of_numbers(shards, {"web": Counted({"train": 40}, ["a"])})
    assert line == (
        "datasets.web.shards: 41 shards of 40 training images: some would be empty. Take 1 or so"
    )
    assert of_numbers(shards, {"web": Counted({"train": 41}, ["a"])}) == []


def test_no_training_image_is_said_once() -> None:
    for name, numbers in (("web", {"test": 3}), ("birds", {"test": 3})):
        look = looked_at({f"datasets.{name}.per_class": numbers})
        assert look.stops is not None
        assert look.stops.count("\n  - ") == 1
        assert f"datasets.{name}.per_class: there is no training image" in look.stops
        assert look.warns is None


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


def test_what_the_machine_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(machine.shutil, "which", lambda name: None)
    monkeypatch.setattr(machine.importlib.util, "find_spec", lambda name: None)
    gpus = {"banks.cnn.device": "cuda", "retrievals.by_cnn.device": "cuda"}
    asked = [Asked("main", ("selective",), True)]

    def found(changes: dict[str, Any]) -> list[str]:
        missing = machine.missing_here(configured(changes), asked, stops=True)
        return [f.key for f in missing if f.stops]

    assert found(gpus) == ["retrievals.by_cnn.device", "banks.cnn.device"]
    compiled = {f"{TRAINING}.compile": True, f"{TRAINING}.device": "cpu"}
    assert found(compiled) == [f"{TRAINING}.compile"]
    assert found({"training_jobs": {"tensorboard": True}}) == ["training_jobs.tensorboard"]
    assert found({"banks.gabor.device": "cuda"}) == []  # `selective` does not use it
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert found(gpus) == []
    assert found({f"{TRAINING}.device": "cuda", f"{TRAINING}.processes": 2}) == [
        f"{TRAINING}.processes"
    ]


@pytest.mark.parametrize(
    ("targets", "arms", "evaluated"),
    [
        ([], {"selective"}, True),
        (["results/main/model.pt"], {"selective"}, True),
        (["results/main/ablation.csv"], {"fine-tune", "gabor"}, True),
        (["results/main/runs/scratch-3/round-0/model.pt"], {"scratch"}, False),
        (["results/main/runs/no-iteration-0/evaluation.json"], {"no-iteration"}, True),
        (["results/main/runs/random-source-0/round-1/model.pt"], {"random-source", "selective"}, 0),
        (["results/other/model.pt"], {"selective"}, True),
        (["outer/results/main/runs/gabor-0/round-0/model.pt"], {"gabor"}, False),
    ],
)
def test_what_was_asked_for(targets: list[str], arms: set[str], evaluated: bool) -> None:
    (asked,) = asked_for(configured(), ["main"], targets)
    assert (set(asked.arms), asked.evaluated) == (arms, bool(evaluated))


def test_members_of_a_fusion_are_asked_for_too() -> None:
    other = {**RAW["experiments"]["main"], "ablation": {}}
    config = configured(
        {"experiments.other": other, "experiments.main.ablation.fusion": ["gabor", "other/scratch"]}
    )
    names = {a.name: a.arms for a in asked_for(config, ["main"], ["results/main/ablation.csv"])}
    assert names == {"main": ("fine-tune", "gabor"), "other": ("scratch",)}


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


def looked_at(changes: dict[str, Any], **counts: Any) -> Look:
    """A look at the experiment."""

    def count(name: str) -> Counted | None:
        found = counts.get(name)
        if isinstance(found, UserError):
            raise found
        return found

    config = configured(changes)
    return first_look(config, asked_for(config, ["main"], []), count, runs_here=True)


def test_all_findings_are_told_at_once(tmp_path: Path) -> None:
    assert looked_at({}) == Look(None, None)
    (tmp_path / "disk").mkdir()
    look = looked_at(
        {
            "data_root": str(tmp_path),
            **DISK,
            "banks.cnn.layers": ["features.33"],
            f"{TRAINING}.network": "resnet5",
            f"{TRAINING}.updates": 20,
            "experiments.main.selection.initial_neighbours": 500,
        },
        disk=UserError("there is one class only"),
    )
    assert look.stops is not None
    assert look.warns is not None
    assert look.stops.startswith("What was asked for cannot work as it is configured:\n  - ")
    for key in (
        f"{TRAINING}.network",
        "banks.cnn.layers",
        "experiments.main.selection.initial_neighbours",
        "datasets.disk: there is one class only",
    ):
        assert f"\n  - {key}" in look.stops
    assert look.stops.count("\n  - ") == 4
    assert look.warns.count("\n  - ") == 1


def test_missing_data_stands_beside_what_is_wrong(tmp_path: Path) -> None:
    changes = DISK | {"data_root": str(tmp_path), f"{TRAINING}.network": "resnet5"}
    stops = looked_at(changes).stops
    assert stops is not None
    assert f"{TRAINING}.network: " in stops
    assert f"data set `disk`: no folder {tmp_path / 'disk'}" in stops


def test_a_plan_is_refused_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    raw = copy.deepcopy(RAW)
    raw["experiments"]["main"]["training"] |= {"network": "resnet5", "updates": 20}
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.yaml").write_text(json.dumps(raw))
    assert main(["plan", "main"]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert f"{TRAINING}.network: torchvision has no classification network 'resnet5'" in shown.err
    assert f"{TRAINING}.learning_rate_steps: 2400 is not below updates (20)" in shown.err


def test_the_shipped_experiments_are_sound(repository: Path = Path(__file__).parents[2]) -> None:
    import yaml  # noqa: PLC0415

    raw = yaml.safe_load((repository / "config/config.yaml").read_text(encoding="utf-8"))
    config = read_configuration(raw)
    questions = set()
    for name, experiment in config.experiments.items():
        asked = Asked(name, experiment.ablation_arms, True)
        assert list(wrong_values(config, asked)) == []
        assert list(wrong_numbers(config, asked, {})) == []
        questions |= {json.dumps(question.asks) for question in questions_of(config, asked, {})}
    for question in questions:
        assert answer(json.loads(question)) == [], question
