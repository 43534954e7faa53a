"""Memory that rules declare: what jobs take at most, and blocks that fit into it."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from searches import save_histograms

from sjft.errors import UserError
from sjft.pipeline import memory
from sjft.retrieval.blocks import BASE_MB, MB, Sizes, bytes_a_source, bytes_a_target, exact_blocks
from sjft.retrieval.histograms import Histograms
from sjft.settings.retrieval import RetrievalSettings

CHANNELS, BINS = 60, 100
EXACT = RetrievalSettings(bank="any", backend="exact")


def wide_histograms(seed: int, images: int) -> Histograms:
    """Histograms as large as a network's."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 60, (images, CHANNELS, BINS)).astype(np.uint16)
    weight, positions = np.full(CHANNELS, 1 / CHANNELS), np.full(CHANNELS, 3025)
    return Histograms(
        np.arange(images, dtype=np.int32), counts, positions, weight, "digest of the bins", "any"
    )


@given(images=st.integers(1, 50_000), bins=st.integers(100, 50_000), kept=st.integers(1, 5000))
def test_blocks_fit_into_what_is_declared(images: int, bins: int, kept: int) -> None:
    targets = Sizes(images, bins)
    declared = memory.mb_of_search(targets, Sizes(1, bins), kept, EXACT) * MB
    rows, block = exact_blocks(declared, targets, kept)
    assert 1 <= rows <= images
    taken = rows * bytes_a_target(bins, kept, block)
    taken += block * bytes_a_source(bins, 4) + 2 * targets.counts
    assert taken <= declared - BASE_MB * MB


@given(
    images=st.integers(1, 5000),
    bins=st.integers(100, 50_000),
    sources=st.integers(0, 2000),
    kept=st.integers(1, 50),
)
def test_blocks_of_few_sources_fit_into_less(
    images: int, bins: int, sources: int, kept: int
) -> None:
    heldout, train = Sizes(images, bins), Sizes(sources, bins)
    declared = memory.mb_of_duplicates(heldout, train, kept) * MB
    rows, block = exact_blocks(declared - 2 * train.counts, heldout, kept, sources)
    assert 1 <= rows <= images
    assert 1 <= block <= max(1, sources)
    taken = rows * bytes_a_target(bins, kept, block)
    taken += block * bytes_a_source(bins, 4) + 2 * (heldout.counts + train.counts)
    assert taken <= declared - BASE_MB * MB


def test_less_memory_makes_smaller_blocks_and_too_little_is_refused() -> None:
    targets = Sizes(5000, 25_600)
    sizes = [exact_blocks(mb * MB, targets, 100) for mb in (8000, 2500, 1300)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0][0] == 5000
    assert sizes[2][0] < 2000
    with pytest.raises(UserError, match="--set-resources search_shard:mem_mb"):
        exact_blocks(1010 * MB, targets, 100)


def test_the_exact_search_declares_the_same_for_any_shard_and_flat_more_for_a_larger() -> None:
    targets, few, many = Sizes(600, 8000), Sizes(1000, 8000), Sizes(9000, 8000)
    exact, flat = (
        RetrievalSettings.model_validate({"bank": "any", "backend": b}) for b in ("exact", "flat")
    )
    declared = [memory.mb_of_search(targets, shard, 50, exact) for shard in (few, many)]
    assert declared[0] == declared[1]
    more = memory.mb_of_search(targets, many, 50, flat) - memory.mb_of_search(
        targets, few, 50, flat
    )
    assert more >= 8000 * 8000 * 2 / MB


def test_sizes_come_from_the_files_and_one_that_is_not_there_is_named(tmp_path: Path) -> None:
    paths = [save_histograms(tmp_path / f"{n}.h5", wide_histograms(n, n)) for n in (3, 4)]
    assert memory.sizes_of_histograms(paths) == Sizes(7, CHANNELS * BINS, 2)
    with pytest.raises(FileNotFoundError) as error:
        memory.sizes_of_histograms([str(tmp_path / "none.h5")])
    assert error.value.filename == str(tmp_path / "none.h5")


def test_whole_tables_and_listings_declare_more_for_more_images() -> None:
    assert memory.mb_beside_tables(800, 0) == 800
    # Measured: reading 1,281,167 rows of 131 MB takes 331 MB, listing them 768 MB.
    assert memory.mb_beside_tables(800, 131 * MB) >= 800 + 331
    assert memory.mb_of_listing(1) < 500
    assert memory.mb_of_listing(256) >= 768 + memory.SNAKEMAKE_MB
    assert memory.mb_of_listing(490) > memory.mb_of_listing(256) > memory.mb_of_listing(1)


# Python and its libraries take memory of their own: a process for each search says how much.
PROGRAM = """
import re, sys
from pathlib import Path
from sjft.retrieval.histograms import open_histograms, read_histograms
from sjft.retrieval.projection import fit_projection
from sjft.retrieval.shard_search import search_shard
from sjft.settings.retrieval import RetrievalSettings

folder, backend, memory = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
targets = read_histograms(folder / "targets.h5")
files = []
if backend == "flat":
    files = [folder / "projection.h5"]
    sizes = {"dimensions": 32, "sample": 200, "seed": 0}
    fit_projection(targets, epsilon=2.2e-16, **sizes, output=files[0], inputs={})
settings = RetrievalSettings(bank="any", backend=backend, projection_dimensions=32)
with open_histograms(folder / "sources.h5") as sources:
    search_shard(
        targets, sources, files, kept=50, candidates=200, settings=settings, memory=memory
    )
print(1024 * int(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1]))
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is Linux's to say")
@pytest.mark.parametrize("backend", ["exact", "flat"])
def test_a_search_stays_under_what_its_rule_declares(tmp_path: Path, backend: str) -> None:
    save_histograms(tmp_path / "targets.h5", wide_histograms(1, 1500))
    save_histograms(tmp_path / "sources.h5", wide_histograms(2, 2000))
    settings = RetrievalSettings.model_validate(
        {"bank": "any", "backend": backend, "projection_dimensions": 32}
    )
    bins = CHANNELS * BINS
    declared = memory.mb_of_search(Sizes(1500, bins), Sizes(2000, bins), 50, settings) * MB
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path), backend, str(declared)],
        capture_output=True,
        text=True,
        check=True,
    )
    peak = int(done.stdout)
    assert peak < declared, f"{peak / MB:.0f} of {declared / MB:.0f} MB"
    assert peak > declared / 4, f"{peak / MB:.0f} of {declared / MB:.0f} MB: declare less"
