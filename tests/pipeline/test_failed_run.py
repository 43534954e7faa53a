"""The last words of a run that failed or was stopped."""

import shlex
from pathlib import Path

from sjft.pipeline.failed_run import Failure, end_of_failed_run
from sjft.pipeline.terminal import command_again

ARGUMENTS = ["--cores", "2", "results/my/model.pt", "--configfile", "config/my own.yaml"]
AGAIN = "snakemake --cores 2 results/my/model.pt --configfile 'config/my own.yaml'"


def test_a_failed_run_ends_with_the_error_and_the_command(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("INFO x\n2026-01-01 10:00:00,000 ERROR a.jpg: is truncated.\nRemove it.\n")
    failure = Failure("finetune", "Fine-tuning my", [log])
    assert end_of_failed_run([failure], 3, 9, ARGUMENTS).splitlines() == [
        "The run has stopped: a job failed. 3 of 9 jobs are done, and stay done.",
        "",
        "finetune (Fine-tuning my) failed.",
        f"{log} ends with:",
        "  2026-01-01 10:00:00,000 ERROR a.jpg: is truncated.",
        "  Remove it.",
        "",
        "When that is mended, this goes on where it stopped:",
        f"  {AGAIN}",
    ]


def test_a_job_that_was_killed_leaves_no_error_and_that_is_said(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("2026-01-01 10:00:00,000 INFO training: 4 of 9 updates\n")
    told = end_of_failed_run([Failure("finetune", "F", [log])] * 5, 0, 9, ARGUMENTS)
    assert "5 jobs failed" in told
    assert "most often for want of memory" in told
    assert f"And 2 more; their logs: {log}, {log}" in told


def test_of_thousands_of_failures_a_few_logs_are_named_and_the_others_counted() -> None:
    failures = [
        Failure(rule, "F", [Path(f"results/logs/{rule}/{shard:04d}.log")])
        for rule in ("hash_images", "extract_descriptors")
        for shard in range(1600)
    ]
    told = end_of_failed_run(failures, 0, 9000, ARGUMENTS)
    assert len(told) < 3000
    assert "And 3197 more; their logs: results/logs/hash_images/0003.log, " in told
    assert "hash_images/0012.log; and 1587 of hash_images, 1600 of extract_descriptors\n" in told


def test_what_slurm_refused_or_ended_is_told_in_the_place_of_a_guess(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("2026-01-01 10:00:00,000 INFO training: 4 of 9 updates\n")
    refusal = "SLURM sbatch failed. The error message was 'sbatch: error: No.'.\n    sbatch call:\n"
    ended = "SLURM-job '7' failed, SLURM status is: 'TIMEOUT'. Reason: Unknown."
    told = end_of_failed_run(
        [
            Failure("hash_images", "H", [log], refusal),
            Failure("hash_images", "H2", [log], refusal),
            Failure("finetune", "F", [log], ended),
        ],
        *(0, 9, ARGUMENTS),
    )
    refused, as_well, over_time = told.split("\n\n")[1:4]
    assert as_well == "hash_images (H2) failed, for the same reason."
    assert refused == "hash_images (H) failed.\nSlurm refused it: sbatch: error: No."
    assert over_time.startswith(
        "finetune (F) failed.\nSlurm says of it: TIMEOUT\nIt needs more time"
    )
    assert over_time.endswith(f"{log} ends with:\n  {log.read_text().rstrip()}")
    assert "want of memory" not in told


def test_a_run_that_was_stopped_says_how_it_goes_on() -> None:
    told = end_of_failed_run([], 3, 9, ARGUMENTS)
    assert told.startswith("The run was stopped before its end. 3 of 9 jobs are done")
    assert told.endswith(AGAIN)


def test_the_command_that_unlocks_has_the_same_arguments() -> None:
    told = command_again(ARGUMENTS, unlock=True)
    assert shlex.split(told) == ["snakemake", "--unlock", *ARGUMENTS]
