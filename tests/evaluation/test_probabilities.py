"""Probabilities on file."""

from pathlib import Path

import numpy as np
import pytest

from sjft.errors import UserError
from sjft.evaluation.probabilities import Probabilities, read_probabilities, write_probabilities
from sjft.storage.describe import describe_hdf5


def some(images: int) -> Probabilities:
    rng = np.random.default_rng(images)
    return Probabilities(
        [f"Blüten/{i}.jpg" for i in range(images)],
        rng.integers(0, 3, images),
        rng.dirichlet(np.ones(3), images).astype(np.float32),
        ["ash", "Gänseblümchen", "rose"],
    )


@pytest.mark.parametrize("images", [1, 7])
def test_what_was_written_is_read(tmp_path: Path, images: int) -> None:
    written = some(images)
    path = tmp_path / "probabilities.h5"
    write_probabilities(path, written, {"scales": [16]}, {"model.pt": "abc"})
    found = read_probabilities(path)
    assert (found.paths, found.class_names) == (written.paths, written.class_names)
    for own, other in ((found.labels, written.labels), (found.values, written.values)):
        np.testing.assert_array_equal(own, other)
        assert own.dtype == other.dtype
    assert f"probability  [image {images}, class 3]  float32" in describe_hdf5(path, 2)


def test_the_same_probabilities_make_the_same_bytes(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a.h5", "b.h5")]
    for path in paths:
        write_probabilities(path, some(5), {}, {"model.pt": "abc"})
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.h5").write_bytes(b"nothing of the kind")
    with pytest.raises(UserError, match=r"other\.h5"):
        read_probabilities(tmp_path / "other.h5")
    with pytest.raises(UserError, match="no such file"):
        read_probabilities(tmp_path / "absent.h5")
