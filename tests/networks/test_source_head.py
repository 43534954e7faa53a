"""The source's head from the pre-trained classifier: the right rows, or a clear word."""

from pathlib import Path

import pytest
import torch
from small import images_table
from torch import nn
from torchvision import models

from sjft.data.table import write_images
from sjft.errors import UserError
from sjft.networks.joint import JointNetwork, joint_network
from sjft.networks.source_head import ClassifierClasses, read_class_list, read_classifier_classes
from sjft.settings.weights import FileWeights

NAMES = ["ant", "bee", "cat", "dog", "eel", "fox", "gnu"]
WEIGHTS = FileWeights(source="file", path="w.pth")


def pretrained(folder: Path, name: str) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        network: nn.Module = models.get_model(name, num_classes=len(NAMES))
    torch.save(network.state_dict(), folder / "w.pth")
    return network.eval()


def build(
    folder: Path, name: str, source: list[str], known: ClassifierClasses | None
) -> JointNetwork:
    return joint_network(name, WEIGHTS, folder / "w.pth", ["t0", "t1"], source, 0, known)


@pytest.mark.parametrize("name", ["squeezenet1_1", "resnet18"])  # a convolution; a linear layer
def test_the_source_head_scores_as_the_classifier_did(tmp_path: Path, name: str) -> None:
    plain = pretrained(tmp_path, name)
    chosen = ["fox", "bee", "gnu"]
    known = ClassifierClasses(None, {"store": NAMES})
    network = build(tmp_path, name, chosen, known)
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        found, wanted = network.module.eval()(images), plain(images)
    torch.testing.assert_close(found[:, 2:], wanted[:, [NAMES.index(c) for c in chosen]])
    fresh = build(tmp_path, name, chosen, None)
    assert torch.equal(network.heads.target.weight, fresh.heads.target.weight)
    assert not torch.equal(network.heads.source.weight, fresh.heads.source.weight)


def test_classes_that_the_classifier_does_not_know_stay_new(tmp_path: Path) -> None:
    plain = pretrained(tmp_path, "squeezenet1_1")
    chosen = ["owl", "cat", "yak"]
    known = ClassifierClasses(NAMES, {"store": chosen})
    found = build(tmp_path, "squeezenet1_1", chosen, known).heads.source
    fresh = build(tmp_path, "squeezenet1_1", chosen, None).heads.source
    for part in ("weight", "bias"):
        assert torch.equal(getattr(found, part)[1], getattr(plain.classifier[1], part)[2])
        assert torch.equal(getattr(found, part)[[0, 2]], getattr(fresh, part)[[0, 2]])


def test_without_a_source_there_is_nothing_to_take_over(tmp_path: Path) -> None:
    pretrained(tmp_path, "squeezenet1_1")
    network = build(tmp_path, "squeezenet1_1", [], ClassifierClasses(None, {"store": NAMES}))
    assert network.heads.source is None


def test_without_a_list_rows_are_in_the_order_of_the_names() -> None:
    known = ClassifierClasses(None, {"store": NAMES[::-1]})
    assert known.rows_of(["dog", "ant"], 7) == {0: 3, 1: 0}


def test_of_several_sources_the_one_with_as_many_classes_is_known() -> None:
    known = ClassifierClasses(None, {"places": ["abbey", "bar"], "imagenet": NAMES})
    classes = ["imagenet/bee", "imagenet/gnu", "places/bar"]
    assert known.rows_of(classes, 7) == {0: 1, 1: 6}
    assert known.rows_of(classes, 2) == {2: 1}


def test_a_list_counts_for_every_source_that_has_its_names() -> None:
    known = ClassifierClasses(NAMES[::-1], {"one": ["ant", "owl"], "other": ["ant", "bee"]})
    assert known.rows_of(["one/ant", "one/owl", "other/bee"], 7) == {0: 6, 2: 5}


def test_a_list_knows_classes_that_are_called_by_more_than_its_word() -> None:
    """As `names` of a data set call them."""
    called = ["n1 ant, wood", "n2 bee", "n4 yak"]
    known = ClassifierClasses(["n2", "n1", "n3"], {"store": called})
    assert known.rows_of(called, 3) == {0: 1, 1: 0}
    several = ClassifierClasses(["n2", "n1"], {"one": ["n1 ant"], "other": ["n2 bee"]})
    assert several.rows_of(["one/n1 ant", "other/n2 bee"], 2) == {0: 1, 1: 0}


@pytest.mark.parametrize(
    ("known", "messages"),
    [
        (
            ClassifierClasses(None, {"store": NAMES[:5]}),
            ["classifier of training.weights has 7 classes", "store has 5"],
        ),
        (
            ClassifierClasses(None, {"one": NAMES, "other": NAMES}),
            ["one has 7, other has 7", "Name a file"],
        ),
        (ClassifierClasses(NAMES[:5], {"store": NAMES}), ["names 5 classes", "has 7"]),
        (
            ClassifierClasses(["1", "2", "3", "4", "5", "6", "7"], {"store": NAMES}),
            ["none of the source's classes (ant, bee, cat, ...)", "(1, 2, 3, ...)"],
        ),
    ],
)
def test_classes_that_cannot_be_told_are_refused(
    known: ClassifierClasses, messages: list[str]
) -> None:
    with pytest.raises(UserError) as error:
        known.rows_of(NAMES[:4], 7)
    for message in messages:
        assert message in str(error.value)


def test_a_list_is_the_first_word_of_each_line(tmp_path: Path) -> None:
    path = tmp_path / "classes.txt"
    path.write_text("n01440764 tench, Tinca tinca\n\nn01443537\tgoldfish\nn01484850\n")
    write_images(tmp_path / "images.csv", images_table([0, 1, 1, 0]))
    known = read_classifier_classes(path, {"store": tmp_path / "images.csv"})
    assert known.listed == ["n01440764", "n01443537", "n01484850"]
    assert known.of_sources == {"store": ["class 0", "class 1"]}


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "is empty"), (b"a x\nb\na y\n", "names a twice"), (b"\xff\xfe", "cannot be read")],
)
def test_another_file_is_no_list(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "classes.txt").write_bytes(content)
    with pytest.raises(UserError, match=message):
        read_class_list(tmp_path / "classes.txt")
    with pytest.raises(UserError, match=r"absent\.txt cannot be read"):
        read_class_list(tmp_path / "absent.txt")
