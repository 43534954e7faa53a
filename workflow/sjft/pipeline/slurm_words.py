"""What Slurm says of a job that failed, in few words, and what to do about it.

Its own words come by Snakemake's plug-in (snakemake-executor-plugin-slurm 2.8.0), among much else.
"""

import re
import shlex
from itertools import pairwise
from typing import NamedTuple

_REFUSED = re.compile(r"sbatch failed.*?The error message was '(?P<error>.*?)'\.\n", re.DOTALL)
# What a call of sbatch asks for, by its options; their values follow behind a blank or a `=`.
_ASKED = frozenset({"-A", "-p", "-t", "-C", "--mem", "--mem-per-cpu", "--nodes", "--ntasks"}) | {
    *("--cpus-per-task", "--gpus", "--qos", "--reservation"),
}
_STATE = re.compile(r"SLURM status is: '(\w+)'")
_REASON = re.compile(r" (Reasons?: (?!Unknown).*)\.$")

PROFILE = "the profile, workflow/profiles/slurm/config.yaml"
# Words of Slurm's that a refusal holds, and what then helps.
ADVICE_ON_REFUSALS = {
    "qos policy": "Your account may not have so much at a time, or at all: `sacctmgr show assoc "
    f"user=$USER` and its administrators know the limits. `jobs` in {PROFILE} is how many jobs are "
    "sent.",
    "node configuration is not available": "No node has as much. Of jobs that are sent together "
    f"fewer run at a time with a smaller `side_by_side` in {PROFILE}; a single one asks for less "
    "with `threads` in its settings, or with `set-resources` and `set-threads` there.",
    "invalid account or account/partition": "Name an account and a partition of yours: "
    f"`slurm_account` and `slurm_partition` in {PROFILE}. `sacctmgr show assoc user=$USER` lists "
    "them.",
    "invalid partition": "`sinfo` lists the partitions: name one as `slurm_partition` in "
    f"{PROFILE}.",
    "time limit": "It asks for more time than its partition allows: name a partition that allows "
    f"it, or a lower `runtime` for its rule below `set-resources` in {PROFILE}.",
    "memory": "It asks for more memory than a node or the partition allows: give its "
    f"rule less `mem_mb` below `set-resources` in {PROFILE}.",
    "generic resource": f"No node has such a GPU: see the GPUs' lines in {PROFILE}.",
}
ADVICE_ON_STATES = {
    "OUT_OF_MEMORY": "It needs more memory than it asked for in its last attempt: give its rule "
    f"more `mem_mb` below `set-resources` in {PROFILE}.",
    "TIMEOUT": "It needs more time than it asked for in its last attempt: give its rule more "
    f"`runtime` below `set-resources` in {PROFILE}.",
    "NODE_FAIL": "Its node was lost: the same command starts it on another one.",
    "CANCELLED": "Somebody cancelled it, or Slurm did: `scontrol show job` and its administrators "
    "know why.",
    "DEADLINE": "It would not have ended before its deadline.",
}


class Said(NamedTuple):
    """``lines`` to be shown; of a job that was ``refused`` there is no log."""

    lines: list[str]
    refused: bool


def what_slurm_says(message: str) -> Said | None:
    """What a ``message`` of the plug-in's comes to; None where it is none of Slurm's."""
    if refused := _REFUSED.search(message):
        error = " ".join(refused["error"].split())
        lines = [f"Slurm refused it: {error}"]
        _, _, call = message[refused.end() :].partition("sbatch call:")
        if asked := _asked(call.strip().partition("\n")[0].partition(" --wrap")[0]):
            lines.append(f"It asked for: {asked}")
        return Said(lines + _advice(ADVICE_ON_REFUSALS, error.lower()), refused=True)
    if state := _STATE.search(message):
        reason = _REASON.search(message)
        lines = [f"Slurm says of it: {state[1]}{f'. {reason[1]}' if reason else ''}"]
        return Said(lines + _advice(ADVICE_ON_STATES, state[1]), refused=False)
    return None


def _asked(call: str) -> str:
    """The options of a call that say how much of what; all of it where its quotes do not end."""
    try:
        words = shlex.split(call)
    except ValueError:
        return call
    found = []
    for word, following in pairwise([*words, ""]):
        name, sign, _ = word.partition("=")
        if name in _ASKED:
            found += [word] if sign else [word, following]
    return shlex.join(found)


def _advice(of: dict[str, str], said: str) -> list[str]:
    return next(([advice] for words, advice in of.items() if words in said), [])
