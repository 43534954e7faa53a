"""Stanford Dogs 120 and Caltech 256."""

from collections import Counter

import pytest
from published_trees import write_dogs
from reading import read, refused

from sjft.data.readers import ListedImage


def test_dogs120_goes_by_its_lists(built) -> None:
    assert read(built("dogs120"), "dogs120") == [
        ListedImage("Images/n01-pug/1.jpg", "n01-pug", "train"),
        ListedImage("Images/n02-Saint_Bernard/1.jpg", "n02-Saint_Bernard", "train"),
        ListedImage("Images/n01-pug/2.jpg", "n01-pug", "test"),
    ]


@pytest.mark.parametrize(
    ("paths", "labels", "words"),
    [
        (["n01-pug/2.jpg"], [121], "row 1: the label 121 is out of range; allowed are 1 to 120"),
        (["n01-pug/2.jpg"], [2], "the label 2 of 'n01-pug' is that of 'n02-Saint_Bernard' already"),
        (["n01-pug/2.jpg"], [1, 1], "`file_list` has 1 rows and `labels` 2"),
        (["2.jpg"], [1], "row 1: '2.jpg' is in no class"),
        (["n01-pug/1.jpg"], [1], "it is both train and test"),
    ],
)
def test_a_wrong_list_of_dogs_is_refused(
    built, paths: list[str], labels: list[int], words: str
) -> None:
    root = built("dogs120")
    write_dogs(root, "test", paths, labels)
    refused(root, "dogs120", "test_list.mat", words)


def test_caltech256_draws_so_many_of_each_class_with_a_seed(built) -> None:
    root = built("caltech256")
    draws = set()
    for seed in range(6):
        listed = read(root, "caltech256", per_class=4, val_per_class=1, seed=seed)
        assert Counter((i.class_name, i.split) for i in listed) == {
            (name, split): number
            for name in ("001.ak47", "198.spider")
            for split, number in {"train": 4, "val": 1, "test": 2}.items()
        }
        assert read(root, "caltech256", per_class=4, val_per_class=1, seed=seed) == listed
        draws.add(tuple(image.split for image in listed))
    assert len(draws) > 3


def test_caltech256_keeps_the_clutter_where_it_is_wanted(built) -> None:
    listed = read(built("caltech256"), "caltech256", per_class=3, clutter=True)
    assert {i.class_name for i in listed} == {"001.ak47", "198.spider", "257.clutter"}


def test_a_class_of_caltech256_that_is_too_small_is_named(built) -> None:
    refused(
        built("caltech256"),
        "caltech256",
        *("256_ObjectCategories/001.ak47: this class has 7 images", "Lower `per_class`"),
        per_class=7,
    )
