"""Where the images of a data set lie."""

from pathlib import Path

from sjft.data.location import folder_at


def test_what_is_made_lies_with_the_results_and_the_rest_below_the_data_root() -> None:
    root = Path("/big/disk")
    made = {"generated": "results/datasets/demo/generated"}
    assert folder_at(made, root) == Path("results/datasets/demo/generated")
    assert folder_at({"root": "birds"}, root) == Path("/big/disk/birds")
    assert folder_at({"root": "/elsewhere/birds"}, root) == Path("/elsewhere/birds")
