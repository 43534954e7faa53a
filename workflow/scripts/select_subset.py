"""Choose the source images of one round."""

from job_runner import Job, files, run
from sjft.selection.select_round import ManifestFiles, SelectionFiles, select_round
from sjft.settings.known_part import known_part
from sjft.settings.selection import SelectionSettings


def main(job: Job) -> None:
    """Read listings, ranking and the last round's difficulty; write the manifest."""
    params = job.params
    select_round(
        files(SelectionFiles, job.input),
        params.sources,
        params.skipped_of,
        params.sources_of_arm,
        known_part(SelectionSettings, params.selection),
        int(job.wildcards.seed),
        files(ManifestFiles, job.output),
    )


if __name__ == "__main__":
    run(main)
