"""The page's bins: which channel is worst, what is drawn of it, and files that do not belong."""

from pathlib import Path

import numpy as np
import pytest
from descriptor_files import WriteDescriptors
from reported import write_bins

from sjft.errors import UserError
from sjft.reports.report_page.bins_section import bins
from sjft.reports.report_page.blocks import Chart, Table, Text


def test_channels_stand_by_how_many_equal_bins_they_are_as_good_as(tmp_path: Path) -> None:
    path, descriptors = write_bins(tmp_path)
    blocks = bins(path, descriptors).blocks
    table = blocks[-1]
    assert isinstance(table, Table)
    names = ["first, channel 0", "second, channel 0", "second, channel 1"]
    assert [row[0] for row in table.rows] == names
    # Always 0: one bin holds all. Half of all are 0: that bin, and nine that share the other half.
    assert table.rows[0][1:] == ["1.0", 1, "100.0 %", "100.0 %"]
    _, equal, used, largest, zero = table.rows[1]
    assert used == 10 and largest == zero
    assert float(str(equal)) == pytest.approx(6, abs=0.5)
    # 37 levels, equally frequent: one bin for 0, and nine of four levels each.
    assert float(str(table.rows[2][1])) == pytest.approx(9.6, abs=0.2)
    drawn = [block for block in blocks if isinstance(block, Chart)]
    ranks = ["second, channel 0 (the second worst)", "second, channel 1 (the third worst)"]
    assert [chart.title for chart in drawn] == ranks
    assert f"{zero} of the responses are exactly 0" in drawn[0].meaning
    said = blocks[1]
    assert isinstance(said, Text)
    assert said.text == "first, channel 0 (the worst): all responses are exactly 0."


def test_bins_of_other_descriptors_are_refused_and_none_are_said_to_be_none(
    tmp_path: Path, write_descriptors: WriteDescriptors
) -> None:
    path, _ = write_bins(tmp_path)
    counts = np.full((2, 3, 37), 1)
    other = write_descriptors("other.h5", counts, kernels=[3], bank="other")
    with pytest.raises(UserError, match=r"bins\.h5: was made from other descriptors than .*other"):
        bins(path, [other])
    (said,) = bins(None, []).blocks
    assert isinstance(said, Text) and said.text.startswith("No arm uses")
