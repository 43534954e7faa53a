"""The page's bins: which channel is worst, what is drawn of it, and files that do not belong."""

from pathlib import Path

import numpy as np
import pytest
from descriptor_files import WriteDescriptors
from reported import write_bins

from sjft.errors import UserError
from sjft.reports.report_page.bins_section import bins
from sjft.reports.report_page.blocks import Chart, Table, Text
from sjft.reports.report_page.inputs import RetrievalFiles


def retrieval(path: Path, descriptors: list[Path], name: str = "first") -> RetrievalFiles:
    return RetrievalFiles(name, f"bank of {name}", Path("none"), path, descriptors, {}, "exact", {})


def test_of_several_retrievals_each_one_s_bins_are_shown_once(tmp_path: Path) -> None:
    one, other = (write_bins(tmp_path / name, seed) for seed, name in enumerate(("one", "two")))
    found = [retrieval(*one), retrieval(*other, "second"), retrieval(*one, "third")]
    blocks = bins(found).blocks
    told = [block.text for block in blocks if isinstance(block, Text)]
    assert "Bins of the retrieval `first`, filter bank `bank of first`:" in told
    third = "The bins of the retrieval `third`, filter bank `bank of third` are those of `first`."
    assert told[-1] == third
    captions = [block.caption for block in blocks if isinstance(block, Table)]
    assert [caption.partition(",")[0] for caption in captions] == [
        "All channels of bank of first",
        "All channels of bank of second",
    ]
    titles = [block.title for block in blocks if isinstance(block, Chart)]
    assert titles[0] == "second, channel 0 (the second worst of bank of first)"
    assert len(titles) == 4 and titles[-1].endswith("of bank of second)")


def test_channels_stand_by_how_many_equal_bins_they_are_as_good_as(tmp_path: Path) -> None:
    blocks = bins([retrieval(*write_bins(tmp_path))]).blocks
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
        bins([retrieval(path, [other])])
    (said,) = bins([]).blocks
    assert isinstance(said, Text) and said.text.startswith("No arm uses")
