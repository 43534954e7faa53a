"""Publish an experiment's model."""

from job_runner import Job, data_root, files, run
from sjft.model.published_run import CandidateFiles, Publication, PublishedFiles, publish


def main(job: Job) -> None:
    """Name what decides the model; write the published one and its card."""
    name, params = job.wildcards.experiment, job.params
    publish(
        Publication(name, params.settings, params.candidates, params.code),
        files(CandidateFiles, job.input),
        data_root(job),
        files(PublishedFiles, job.output),
    )


if __name__ == "__main__":
    run(main)
