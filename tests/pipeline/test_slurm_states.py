"""A job that was cancelled, in the words of Slurm's accounts, has ended for Snakemake's plug-in."""

import asyncio
import logging
from types import ModuleType

import pytest

from sjft.pipeline.slurm_states import read_states_by_their_first_word

TOLD = r"printf '7|CANCELLED by 1000\n8|COMPLETED\n9|OUT_OF_MEMORY\n'"


def test_the_plug_in_reads_the_first_word_of_a_state(monkeypatch: pytest.MonkeyPatch) -> None:
    plugin = pytest.importorskip(
        "snakemake_executor_plugin_slurm", reason="it is missing: pip install '.[slurm]'"
    )
    query = plugin.query_job_status
    monkeypatch.setattr(plugin, "query_job_status", getattr(query, "__wrapped__", query))
    for _ in range(2):
        read_states_by_their_first_word(plugin)
    # What its executor calls is what was put in its place.
    asked = plugin.Executor.check_active_jobs.__globals__["query_job_status"]
    assert not hasattr(asked.__wrapped__, "__wrapped__")
    states, seconds = asyncio.run(asked(TOLD, logging.getLogger("test")))
    assert states == {"7": "CANCELLED", "8": "COMPLETED", "9": "OUT_OF_MEMORY"}
    assert seconds >= 0


def test_a_query_that_failed_stays_one() -> None:
    async def failed(_: str) -> tuple[None, None]:
        return None, None

    plugin = ModuleType("plugin")
    vars(plugin)["query_job_status"] = failed
    read_states_by_their_first_word(plugin)
    assert asyncio.run(plugin.query_job_status("sacct")) == (None, None)


def test_a_plug_in_that_asks_in_another_way_is_left_as_it_is() -> None:
    plugin = ModuleType("plugin")
    before = dict(vars(plugin))
    read_states_by_their_first_word(plugin)
    assert vars(plugin) == before
