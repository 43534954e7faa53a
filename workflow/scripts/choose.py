"""Choose the arm that is published, by the validation split."""

from pathlib import Path

from job_runner import Job, paths, run
from sjft.reports.choice import write_choice


def main(job: Job) -> None:
    """Name the accuracies of each run; write the choice, and why it is so."""
    measured = zip(job.params.runs, paths(job.input.validations), strict=True)
    runs = [(arm, seed, path) for (arm, seed), path in measured]
    print(write_choice(Path(job.output.choice), runs).reason, flush=True)


if __name__ == "__main__":
    run(main)
