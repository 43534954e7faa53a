"""What `sjft init` chooses for sets of several sizes, and which weights it starts from."""

import hashlib
import re
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torchvision import models

from sjft.cli.init import weights
from sjft.cli.init.layout import Layout
from sjft.cli.init.names import check_name, name_of
from sjft.cli.init.sizing import (
    Machine,
    choose,
    initial_neighbours,
    most_updates,
    published_arm,
    shards,
    side_of_input,
    split_of_evaluation,
    updates_within,
)
from sjft.cli.init.survey import Survey
from sjft.cli.init.weights import Start, accepted_size, first_layers, possible_starts
from sjft.errors import UserError
from sjft.model.publication import KIND
from sjft.settings.weights import RandomWeights, TorchvisionWeights

LAPTOP, WITH_GPU = Machine(2, gpu=False), Machine(8, gpu=True)
RANDOM = Start("resnet18", RandomWeights(source="random"), None, "")
PRETRAINED = Start("resnet18", TorchvisionWeights(source="torchvision"), None, "")


def survey(train: int, side: int, **held: int) -> Survey:
    return Survey(Layout(Path("/x"), {}), {}, {"train": train, **held}, 5, side, ("a",), (), False)


@pytest.mark.parametrize(
    ("shorter_side", "machine", "start", "side"),
    [
        (500, WITH_GPU, PRETRAINED, 224),
        (500, LAPTOP, PRETRAINED, 112),
        (500, LAPTOP, RANDOM, 64),
        (128, WITH_GPU, PRETRAINED, 112),  # of what is not there nothing is learned
        (64, LAPTOP, RANDOM, 56),
        (20, LAPTOP, RANDOM, 32),
        (64, LAPTOP, replace(RANDOM, network="alexnet"), 64),  # it refuses 56
        (64, LAPTOP, replace(RANDOM, network="vit_b_16"), 224),
    ],
)
def test_the_crop_is_as_large_as_images_machine_and_network_let_it(
    shorter_side: int, machine: Machine, start: Start, side: int
) -> None:
    assert side_of_input(shorter_side, machine, start) == side


@pytest.mark.parametrize(
    ("targets", "sources"),
    [(10, 100), (200, 3584), (632, 12_000), (5360, 1_281_167), (20_000, 2000), (4, 2)],
)
def test_neighbour_lists_do_not_swallow_the_source(targets: int, sources: int) -> None:
    number = initial_neighbours(targets, sources)
    assert 2 <= number <= 300
    assert number == 2 or 5 * number <= sources / 4  # an image's own, grown by four K_0
    assert number == 2 or number * targets <= 1.3 * sources
    kept = choose(survey(targets, 64), survey(sources, 64), LAPTOP, RANDOM).retrieval
    assert min(number, sources) <= kept["neighbours_on_file"] <= min(sources, 5000)


def test_few_pairs_are_all_compared_and_many_by_an_index() -> None:
    few = choose(survey(500, 64), survey(10_000, 64), LAPTOP, RANDOM)
    many = choose(survey(500, 64), survey(1_000_000, 64), LAPTOP, RANDOM)
    assert (few.retrieval["backend"], many.retrieval["backend"]) == ("exact", "annoy")
    assert (few.shards_of_source, many.shards_of_source) == (2, 200)
    assert shards(300, 64) == 1
    assert shards(4000, 64) == 8


def test_random_weights_compare_by_gabor_filters_and_pretrained_ones_by_their_own() -> None:
    sets = survey(500, 90), survey(10_000, 500)
    assert choose(*sets, LAPTOP, RANDOM).bank == {"type": "gabor", "resize": 88, "crop": 88}
    bank = choose(*sets, LAPTOP, PRETRAINED).bank
    assert bank["layers"] == ["conv1", "layer1.0.conv1"]
    assert choose(*sets, LAPTOP, PRETRAINED, gabor=True).bank["type"] == "gabor"
    assert first_layers("alexnet") == ("features.0", "features.3")  # the paper's


def test_all_of_the_source_is_compared_as_well_from_random_weights_alone() -> None:
    sets = survey(500, 90), survey(10_000, 500)
    assert choose(*sets, LAPTOP, PRETRAINED).compared == ("selective", "fine-tune", "random-source")
    assert choose(*sets, LAPTOP, RANDOM).compared[3:] == ("all-source",)


def test_the_test_split_reports_and_the_arm_is_chosen_by_val_where_it_is_large_enough() -> None:
    assert split_of_evaluation(survey(9, 9, val=60, test=60)) == "test"
    assert split_of_evaluation(survey(9, 9, val=10, test=60)) == "test"
    assert split_of_evaluation(survey(9, 9, val=10)) == "val"
    assert published_arm(survey(9, 9, val=60, test=60)) == "best"
    assert published_arm(survey(9, 9, val=60)) == "best"
    assert published_arm(survey(9, 9, val=49, test=60)) == "selective"
    assert published_arm(survey(9, 9, test=60)) == "selective"


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(50, (100, False)), (110, (100, True)), (250, (240, True)), (1e9, (900, True))],
)
def test_updates_end_within_the_time(seconds: float, expected: tuple[int, bool]) -> None:
    def forecast(updates: int) -> Any:
        return SimpleNamespace(seconds=10.0 + updates)

    assert updates_within(seconds, forecast, most=900) == expected


def test_few_images_are_not_shown_for_ever() -> None:
    assert most_updates(632, PRETRAINED) == 790
    assert most_updates(632, RANDOM) > 1.9 * 790
    assert most_updates(10, PRETRAINED) == 200
    assert most_updates(10**6, RANDOM) == 4000


@pytest.fixture
def nothing_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which no weights are, nor in torch's cache."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    return tmp_path


def test_nothing_is_downloaded_unasked_on_a_cpu(nothing_here: Path) -> None:
    starts = possible_starts("auto", None, False, nothing_here, "first")
    assert [start.network for start in starts] == ["resnet18", "shufflenet_v2_x0_5"]
    assert not any(start.pretrained for start in starts)
    assert "`--weights published` takes resnet18's" in starts[0].why
    (published,) = possible_starts("published", None, False, nothing_here, "first")
    assert published.pretrained
    assert "fetch_weights downloads 45 MB to results/weights/resnet18-" in published.why
    (on_gpu,) = possible_starts("auto", None, True, nothing_here, "first")
    assert (on_gpu.network, on_gpu.pretrained) == ("resnet50", True)
    assert "downloads 98 MB" in on_gpu.why


def write_model(path: Path, network: str) -> None:
    built = models.get_model("shufflenet_v2_x0_5", weights=None, num_classes=3)
    torch.save({"format": KIND, "network": network, "state_dict": built.state_dict()}, path)


def test_a_published_model_says_of_which_network_it_is(nothing_here: Path) -> None:
    write_model(nothing_here / "model.pt", "shufflenet_v2_x0_5")
    (start,) = possible_starts("model.pt", None, False, nothing_here, "first")
    assert (start.network, start.file) == ("shufflenet_v2_x0_5", nothing_here / "model.pt")
    torch.save({"network": "shufflenet_v2_x0_5"}, "other.pt")
    with pytest.raises(
        UserError, match=r"other\.pt: of which network these are, its name does not"
    ):
        possible_starts("other.pt", None, False, nothing_here, "first")


def test_timm_s_networks_are_for_a_configuration_by_hand(nothing_here: Path) -> None:
    write_model(nothing_here / "model.pt", "timm/resnet10t")
    named = r"--network timm/resnet10t: sizes are known of torchvision's networks alone"
    with pytest.raises(UserError, match=named):
        possible_starts("auto", "timm/resnet10t", False, nothing_here, "first")
    with pytest.raises(UserError, match=r"model\.pt: they are of timm/resnet10t: sizes are known"):
        possible_starts("model.pt", None, False, nothing_here, "first")


@pytest.mark.parametrize(
    "place",
    [
        "results/weights/squeezenet1_1-IMAGENET1K_V1.pth",
        "weights/squeezenet1_1-b8a52dc0.pth",
        "hub/checkpoints/squeezenet1_1-b8a52dc0.pth",
    ],
)
def test_published_weights_that_are_here_are_taken(nothing_here: Path, place: str) -> None:
    (nothing_here / place).parent.mkdir(parents=True)
    (nothing_here / place).touch()
    (start,) = possible_starts("auto", None, False, nothing_here, "first")
    assert (start.network, start.pretrained) == ("squeezenet1_1", True)
    assert start.file is not None
    assert start.file.samefile(nothing_here / place)


def test_a_file_says_of_which_network_it_is(nothing_here: Path) -> None:
    network = models.get_model("shufflenet_v2_x0_5", weights=None)
    torch.save(network.state_dict(), "own.pth")
    # As torchvision names its files: by the first digits of their digest, which are looked at.
    digest = hashlib.sha256(Path("own.pth").read_bytes()).hexdigest()[:10]
    published = shutil.copy("own.pth", f"shufflenet_v2_x0_5-{digest}.pth")
    (start,) = possible_starts(published, None, False, nothing_here, "first")
    assert start.network == "shufflenet_v2_x0_5"
    (start,) = possible_starts("own.pth", "shufflenet_v2_x0_5", True, nothing_here, "first")
    assert start.file == nothing_here / "own.pth"
    for given, asked, words in (
        ("own.pth", None, "Give --network NAME"),
        ("own.pth", "resnet18", "do not fit"),
        ("publishd", None, "Did you mean `published`?"),
        ("random", "resnet5", "no classification network 'resnet5'"),
    ):
        with pytest.raises(UserError, match=re.escape(words)):
            possible_starts(given, asked, False, nothing_here, "first")


def test_a_network_that_takes_no_usual_size_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "network_on_meta", lambda _: torch.nn.Linear(7, 7))
    with pytest.raises(UserError, match="none of the usual sizes"):
        accepted_size("odd", 32)


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("/data/mushrooms", "mushrooms"),
        ("/data/my own images!", "my_own_images"),
        ("/data/schöne Pilze", "schone_Pilze"),
        ("/data/flowers17", "flowers17_target"),  # the program's own has this name
        ("/data/pilze/train", "pilze"),
        ("/data/pilze/images/Train", "pilze"),
        ("/data/きのこ", "target"),
        ("/", "target"),
        ("/data/_x_", "x"),
        ("/data/logs", "logs_target"),  # a folder below results/
    ],
)
def test_names_are_made_of_folders(folder: str, name: str) -> None:
    assert name_of(Path(folder), "target", {"flowers17", "logs"}) == name


def test_a_name_that_is_given_must_be_one() -> None:
    free: Any = SimpleNamespace(datasets={"a": 1}, retrievals={"b": 1}, experiments={"c": 1})
    check_name("mushrooms_2", free)
    for name in ("a", "b", "c", "logs", "all_weights"):
        with pytest.raises(UserError, match="uses this name"):
            check_name(name, free)
    for name in ("", "a b", "_a", "a-b", "ä"):
        with pytest.raises(UserError, match="letters, digits and underscores"):
            check_name(name, free)
