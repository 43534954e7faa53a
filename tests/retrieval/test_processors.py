"""What must not depend on the processor, under the code that libraries have for others.

OpenBLAS, numba, numpy and torch look at the processor and choose; their environment variables let
them choose what they would on an older one. So what only a machine without AVX-512 shows is seen
on any.
"""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).parents[1]
# A processor with AVX2 and no AVX-512. Without its name, numba keeps the features of this one.
HASWELL = {
    "OPENBLAS_CORETYPE": "Haswell",
    "NUMBA_CPU_NAME": "haswell",
    "NUMBA_CPU_FEATURES": "",
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
}
# Those of the kernels that need no more than the first of them.
OTHERS = [{"OPENBLAS_CORETYPE": name} for name in ("Zen", "Nehalem", "Prescott")]


def has(feature: str) -> bool:
    """Whether this processor has a feature; another system than Linux does not say so."""
    path = Path("/proc/cpuinfo")
    return path.is_file() and feature in path.read_text(encoding="utf-8").split()


needs_avx2 = pytest.mark.skipif(
    platform.machine() != "x86_64" or not has("avx2"), reason="a processor with AVX2 is imitated"
)


def started(arguments: list[str], environment: Mapping[str, str]) -> subprocess.Popen[str]:
    """A Python process under the environment, on one thread or as it says."""
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=TESTS.parent,
        env={**os.environ, "PYTHONPATH": "workflow:tests/support", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def output_of(process: subprocess.Popen[str]) -> str:
    """What it printed, once it has ended well."""
    text, _ = process.communicate()
    assert process.returncode == 0, text
    return text


@pytest.mark.slow
@needs_avx2
def test_lists_are_the_same_to_the_last_bit_under_every_kernel(tmp_path: Path) -> None:
    environments = [{"OPENBLAS_NUM_THREADS": "1"}, {**HASWELL, "NUMBA_NUM_THREADS": "1"}, *OTHERS]
    running = []
    for place, environment in enumerate(environments):
        folder = tmp_path / str(place)
        folder.mkdir()
        running.append(
            started(["tests/support/lists_on_this_processor.py", str(folder)], environment)
        )
    found: list[dict[str, Any]] = [json.loads(output_of(process)) for process in running]
    assert {digest for one in found for digest in one["lists"].values()} == {
        found[0]["lists"]["three shards"]
    }
    # The kernels did differ, or nothing was shown.
    assert len({one["estimates"] for one in found}) >= 3


@pytest.mark.slow
@needs_avx2
def test_what_hangs_on_instructions_is_right_without_avx_512() -> None:
    chosen = [
        "tests/descriptors/test_nonzero.py::test_the_numbers_that_are_not_0_are_gathered_in_order",
        "tests/descriptors/test_counting.py",
        "tests/descriptors/test_winograd.py::test_neither_neighbours_nor_strips_change_a_result",
        "tests/retrieval/test_divergence.py::test_the_same_image_is_as_near_in_every_block",
        "tests/retrieval/test_divergence.py::test_the_error_is_under_1e_5_at_the_size_of_a_bank",
        "tests/retrieval/test_search.py::test_images_that_are_the_same_come_by_their_numbers_from_every_backend",
    ]
    options = ["-m", "pytest", "-q", "-p", "no:cacheprovider"]
    said = output_of(started([*options, *chosen], HASWELL))
    assert "passed" in said
