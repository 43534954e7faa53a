"""What Snakemake's scheduler is told: stages before training come first, and fit on a free core."""

import json
import subprocess
import sys
from pathlib import Path

from chain import Chain, copy_workflow

LISTENER = """
import contextlib, json, sys
from snakemake import cli
from snakemake.logging import logger

for cores in ("2", "8"):
    jobs = []
    def listen(record):
        if hasattr(record, "rule_name"):
            jobs.append((record.rule_name, record.threads, record.priority))
        return True
    logger.addFilter(listen)
    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(None):
        cli.main(["--quiet", "all", "-n", "--cores", cores, "results/twice/model.pt"])
    logger.removeFilter(listen)
    print(json.dumps(jobs), file=sys.stderr)
"""


def scheduled(chain: Chain) -> list[list[tuple[str, int, int]]]:
    """Rule, threads and priority of the jobs in the order of a dry run, with 2 and with 8 cores."""
    done = subprocess.run(
        [sys.executable, "-c", LISTENER],
        cwd=chain.root,
        env=chain.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    runs = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("[[")]
    return [[(rule, threads, priority) for rule, threads, priority in run] for run in runs]


def test_a_free_core_beside_a_training_is_used_by_what_training_waits_for(tmp_path: Path) -> None:
    two, eight = scheduled(copy_workflow(tmp_path / "run"))
    assert {rule for rule, *_ in two} == {rule for rule, *_ in eight}
    first = {rule for rule, _, priority in two if priority == 1}
    assert first >= {"extract_descriptors", "hash_images", "build_index", "find_leakage"}
    assert first >= {"search_shard", "merge_neighbours", "select_subset", "score_difficulty"}
    assert {rule for rule, _, priority in two if priority == 0} == {
        *("find_duplicates", "finetune", "evaluate", "summarise", "publish"),
    }
    # The experiment's network is trained by one thread: on two cores nothing waits for the other.
    assert {threads for _, threads, _ in two} == {1}
    threads = {rule: threads for rule, threads, _ in eight}
    for rule in ("search_shard", "find_leakage", "merge_neighbours", "find_duplicates"):
        assert threads[rule] == 2
    for rule in ("finetune", "score_difficulty", "evaluate"):
        assert threads[rule] == 1
