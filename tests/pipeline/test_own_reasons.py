"""That a job behind an ancient file is not taken to run because the one before it does."""

from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from sjft.pipeline.own_reasons import along_what_runs

OLD, NEW = SimpleNamespace(is_ancient=True), SimpleNamespace(is_ancient=False)


def all_behind(_: object, direction: Mapping[str, Mapping[str, Any]], job: str) -> Iterator[str]:
    """As Snakemake's own search: depth before breadth, which is no matter here."""
    yield job
    for after in direction[job]:
        yield from all_behind(_, direction, after)


@pytest.mark.parametrize(
    ("omitted", "found"), [([], ["publish", "summary"]), (["x"], ["publish", "train", "summary"])]
)
def test_ancient_files_alone_lead_no_further(omitted: list[str], found: list[str]) -> None:
    depending = {
        "publish": {"train": [OLD, OLD], "summary": [OLD, NEW]},
        "train": {},
        "summary": {},
    }
    dag = SimpleNamespace(depending=depending, omitrules=omitted, omitfiles=[])
    search = along_what_runs(all_behind)
    assert [*search(dag, dag.depending, "publish")] == found
    assert [*search(dag, dict(depending), "publish")] == ["publish", "train", "summary"]
    assert along_what_runs(search) is search
