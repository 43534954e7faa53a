"""Where files lie: patterns, paths made of them, and the jobs that these remember."""

import re
from itertools import combinations
from pathlib import Path

import pytest

from sjft import layout
from sjft.layout import PATTERNS, RESERVED, Job, Pattern, job_of

LIBRARY = Path(layout.__file__).parent
WORKFLOW = LIBRARY.parent
VALUES = {"seed": "3", "round": "12", "shard": "0007"}


def example(pattern: Pattern) -> dict[str, str]:
    """A value for each wildcard, as a user may name things."""
    return {name: VALUES.get(name, f"some_{name}.1") for name in pattern.wildcards}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_path_remembers_its_job_and_is_understood(pattern: Pattern) -> None:
    names = example(pattern)
    path = pattern.of(**names)
    assert path.job == Job(pattern.rule, tuple(sorted(names.items())))
    assert path.job.names == names
    assert "{" not in path
    for named in (str(path), f"outer/{path}"):  # of a workflow that includes this one
        assert job_of(named) == path.job


@pytest.mark.parametrize(
    "path",
    [
        "results/demo/nothing.txt",
        "results/demo",
        "demo/model.pt",
        "results/demo/runs/selective-x/evaluation.json",
        "results/demo/runs/selective/evaluation.json",
        "results/descriptors/b/d/train/7.h5",
    ],
)
def test_what_no_rule_makes_is_nobodys(path: str) -> None:
    assert job_of(path) is None


def test_no_two_patterns_make_the_same_file() -> None:
    for one, other in combinations(PATTERNS, 2):
        assert one.of(**example(one)) != other.of(**example(other))
        assert re.sub("{.*?}", "*", one) != re.sub("{.*?}", "*", other)


def test_a_wildcard_can_have_another_name_or_a_value() -> None:
    assert layout.HASHES.where(dataset="{source}", part="train") == (
        "results/datasets/{source}/hashes/train/{shard}.h5"
    )
    with pytest.raises(KeyError, match="shard"):
        layout.HASHES.of(dataset="a", part="train")


def test_all_files_of_a_rule_and_its_log_have_the_same_wildcards() -> None:
    rules = {pattern.rule for pattern in PATTERNS}
    assert rules | {"fetch_dataset"} == layout.MEASURED.keys() | layout.NOT_MEASURED.keys()
    for rule in rules:
        wildcards = {frozenset(p.wildcards) for p in PATTERNS if p.rule == rule}
        assert wildcards == {frozenset(re.findall(r"{(\w+)}", layout.log(rule)))}
        job = next(p for p in PATTERNS if p.rule == rule).of(**example_of(rule)).job
        assert job.log.startswith(f"results/logs/{rule}/") and "{" not in job.log
        assert (job.benchmark is None) == (rule in layout.NOT_MEASURED)


def example_of(rule: str) -> dict[str, str]:
    return example(next(pattern for pattern in PATTERNS if pattern.rule == rule))


def test_reserved_are_the_folders_that_belong_to_no_experiment() -> None:
    folders = "benchmarks checkpoints datasets descriptors logs retrieval weights"
    assert " ".join(RESERVED) == folders


def test_paths_stand_in_the_layout_alone() -> None:
    """Neither rules nor the library put a path below results/ together themselves."""
    own = re.compile(r"""f["']results/[^"'\s]*\{|Path\(["']results""")
    for path in [*WORKFLOW.rglob("*.py"), *WORKFLOW.rglob("*.smk")]:
        if path != Path(layout.__file__):
            assert not own.search(path.read_text(encoding="utf-8")), path
