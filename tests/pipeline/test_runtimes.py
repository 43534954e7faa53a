"""Time that rules declare: more for more images, pairs, updates and views; a day of training."""

from pathlib import Path
from typing import Any

import pytest
from configurations import read
from searches import save_histograms
from small import random_histograms

from sjft.pipeline import runtimes

MAIN = "experiments.main"
TRAINING = {"network": "resnet18", "weights": {"source": "random"}, "device": "cpu"}


def table(folder: Path, megabytes: float) -> list[str]:
    path = folder / f"{megabytes}.csv"
    path.write_bytes(bytes(int(megabytes * 1e6)))
    return [str(path)]


def minutes_of_training(**changed: Any) -> int:
    return runtimes.of_training(
        read(**{f"{MAIN}.training": TRAINING | changed}), "main", "selective"
    )


def test_a_training_declares_time_by_its_updates_and_network_and_a_day_at_most() -> None:
    few, more = (minutes_of_training(updates=number) for number in (20, 200))
    assert runtimes.START < few < more
    assert minutes_of_training(updates=20, network="resnet152") > few
    assert minutes_of_training(updates=20, device="cuda") < few
    assert minutes_of_training(updates=10**6) == runtimes.LONGEST_TRAINING


def test_images_of_a_shard_take_time(tmp_path: Path) -> None:
    few, many = ({"images": table(tmp_path, size)} for size in (0.001, 10))
    for stage in (runtimes.of_hashing, runtimes.of_extraction):
        assert stage(read(), "web", few) < stage(read(), "web", many)
        shards = read(**{"datasets.web.shards": 50})
        assert stage(shards, "web", many) < stage(read(), "web", many)
    # ImageNet's shards of 5,000 images: a job of some twenty seconds may take half an hour.
    imagenet = read(**{"datasets.web.shards": 256})
    assert 20 <= runtimes.of_extraction(imagenet, "web", {"images": table(tmp_path, 77)}) <= 60


def test_pairs_take_time_and_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    some = [str(save_histograms(tmp_path / "a.h5", random_histograms(1, 30)))]
    many = [str(save_histograms(tmp_path / "b.h5", random_histograms(2, 60)))]
    found = runtimes.of_search({"targets": some, "sources": many})
    assert found == runtimes.of_leakage({"heldout": some, "sources": many}) == runtimes.START + 1
    with pytest.raises(FileNotFoundError):
        runtimes.of_search({"targets": some, "sources": [str(tmp_path / "none.h5")]})
    with pytest.raises(FileNotFoundError):
        runtimes.of_reading({"tables": [str(tmp_path / "none.csv")]})


def test_every_view_of_an_evaluation_takes_time(tmp_path: Path) -> None:
    images = {"images": table(tmp_path, 1)}
    by_views = [
        runtimes.of_evaluation(
            read(**{f"{MAIN}.training": TRAINING, f"{MAIN}.evaluation": evaluation}),
            *("main", "selective", images),
        )
        for evaluation in ({}, {"mirror": True}, {"mirror": True, "crops": "five"})
    ]
    assert by_views == sorted(set(by_views))
