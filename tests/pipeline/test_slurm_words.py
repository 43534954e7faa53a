"""What Slurm says of a job that failed, and what is then to be done."""

import pytest

from sjft.pipeline.slurm_words import ADVICE_ON_REFUSALS, what_slurm_says

CALL = (
    "sbatch --parsable --job-name 0 --output results/logs/slurm/%j.log --export=ALL --comment "
    "group_hashes -A lab -p 'long jobs' -t 11 --mem 6372 --requeue --ntasks=1 --cpus-per-task=4 "
    '-D /work --wrap="python -m snakemake --mem 7 -t 9"'
)


def refused(error: str) -> str:
    return (
        f"SLURM sbatch failed. The error message was '{error}'.\n    sbatch call:\n        {CALL}\n"
    )


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        ("Requested node configuration is not available", "side_by_side"),
        ("Invalid account or account/partition combination specified", "slurm_account"),
        ("Invalid partition name specified", "sinfo"),
        ("Requested time limit is invalid (missing or exceeds some limit)", "lower `runtime`"),
        ("Memory required by task is not available", "less `mem_mb`"),
        ("Job violates accounting/QOS policy (size and/or time limits)", "administrators"),
        ("Invalid generic resource (gres) specification", "GPUs' lines"),
        ("Unable to contact slurm controller (connect failure)", None),
    ],
)
def test_a_refusal_is_told_with_what_was_asked_for(error: str, advice: str | None) -> None:
    whole = f"sbatch: error: Batch job\nsubmission failed: {error}"
    said = what_slurm_says(refused(whole))
    assert said is not None and said.refused
    assert said.lines[0] == f"Slurm refused it: {whole.replace(chr(10), ' ')}"
    # What stands in the job's own command was not asked of Slurm.
    asked = "-A lab -p 'long jobs' -t 11 --mem 6372 --ntasks=1 --cpus-per-task=4"
    assert said.lines[1] == f"It asked for: {asked}"
    assert len(said.lines) == 2 + (advice is not None)
    assert advice is None or advice in said.lines[2]


def test_a_call_that_is_no_shell_s_is_shown_as_it_is_and_a_script_is_not_read() -> None:
    as_script = refused("No").replace(' --wrap="', " /dev/stdin\n    sbatch script:\n#!/bin/sh\n'")
    said = what_slurm_says(as_script)
    assert said is not None and said.lines[1].startswith("It asked for: -A lab -p 'long jobs' ")
    said = what_slurm_says(refused("No").replace("'long jobs'", "'long jobs"))
    assert said is not None and said.lines[1].startswith("It asked for: sbatch --parsable")


def test_each_advice_is_given() -> None:
    for words, advice in ADVICE_ON_REFUSALS.items():
        said = what_slurm_says(refused(f"sbatch: error: {words.capitalize()}"))
        assert said is not None and said.lines[-1] == advice


@pytest.mark.parametrize(
    ("message", "first", "advice"),
    [
        (
            "SLURM-job '7' failed, SLURM status is: 'OUT_OF_MEMORY'. Detailed failure reason "
            "unavailable (status command is not 'sacct').",
            "Slurm says of it: OUT_OF_MEMORY",
            "more `mem_mb`",
        ),
        (
            "SLURM-job '7' failed, SLURM status is: 'TIMEOUT'. Reason: Unknown.",
            "Slurm says of it: TIMEOUT",
            "more `runtime`",
        ),
        (
            "SLURM-job '7' failed, SLURM status is: 'FAILED'. Reason: NonZeroExitCode.",
            "Slurm says of it: FAILED. Reason: NonZeroExitCode",
            None,
        ),
    ],
)
def test_how_a_job_ended_is_told(message: str, first: str, advice: str | None) -> None:
    said = what_slurm_says(message)
    assert said is not None and not said.refused
    assert said.lines[0] == first
    assert (advice is None and len(said.lines) == 1) or str(advice) in said.lines[1]


def test_what_is_none_of_slurms_words_is_left_alone() -> None:
    assert what_slurm_says("The job was killed.") is None
