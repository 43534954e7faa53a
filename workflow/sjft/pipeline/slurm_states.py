"""What has become of a job, as Slurm's accounts tell it.

Of a job that was cancelled `sacct` says "CANCELLED by 1000", with the number of who did it.
Snakemake's plug-in (snakemake-executor-plugin-slurm 2.8.0) takes for an end what reads "CANCELLED"
alone, as `squeue` has it, and would wait for such a job for ever.
"""

from collections.abc import Awaitable, Callable
from functools import wraps
from types import ModuleType
from typing import Any

Answer = tuple[dict[str, str] | None, float | None]
Query = Callable[..., Awaitable[Answer]]


def read_states_by_their_first_word(plugin: ModuleType) -> None:
    """Let the plug-in, once, take the first word of what it is told of a job for its state.

    Of the pinned version; one that asks in another way is left as it is.
    """
    query: Query | None = getattr(plugin, "query_job_status", None)
    if query is not None and not hasattr(query, "__wrapped__"):
        vars(plugin)["query_job_status"] = _by_first_word(query)


def _by_first_word(query: Query) -> Query:
    @wraps(query)
    async def ask(*arguments: Any, **named: Any) -> Answer:
        states, seconds = await query(*arguments, **named)
        if states is not None:
            states = {job: state.partition(" ")[0] for job, state in states.items()}
        return states, seconds

    return ask
