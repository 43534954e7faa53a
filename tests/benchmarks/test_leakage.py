"""The benchmark of the leakage check, on images of one kind."""

import sys
from pathlib import Path

from chain import REPOSITORY

from sjft.data import synthetic

sys.path.insert(0, str(REPOSITORY / "benchmarks"))

from leakage import among_alike


def test_of_images_alike_the_nearest_others_and_the_copies_are_counted(tmp_path: Path) -> None:
    synthetic.generate(
        tmp_path / "alike",
        contents=["disc"],
        styles=["hatching"],
        per_class={"train": 5},
        seed=0,
        size=64,
        quality=90,
    )
    others, hits = among_alike(tmp_path / "alike", 2, tmp_path).values()
    (row,) = others
    assert row["least"] > 0
    assert 0 <= row["<= 30"] <= row["<= 60"] <= row["<= 80"] <= 5
    assert [row["<= 60"] for row in hits if row["copy"].startswith("JPEG")] == 4 * ["100.0"]
