# On a cluster: what would go wrong there, or not be done, is refused before the first job.

from sjft.pipeline import deployment, older_runs

##### jobs that a run left behind which was killed #####


def refuse_beside_older_jobs():
    # It is a cluster's where the number of its jobs is limited, and not that of cores alone.
    if workflow.dryrun or workflow.resource_settings.nodes is None:
        return
    left = older_runs.queued_in(Path.cwd())
    if left and "--unlock" in sys.argv:
        print(older_runs.refusal(left), file=sys.stderr)
    # Where it is locked another run may be at work on other files; else it is Snakemake that
    # refuses, and `terminal.smk` that names the jobs.
    elif left and not any(Path(".snakemake/locks").glob("*.lock")):
        sys.exit(older_runs.refusal(left))


if workflow.is_main_process:
    refuse_beside_older_jobs()


##### what is asked for and not done #####


def refuse_what_is_not_done():
    methods = [m.name.lower() for m in workflow.deployment_settings.deployment_method]
    provider = workflow.storage_settings.default_storage_provider
    for refused in (
        deployment.without_container(methods),
        deployment.needs_shared_folder(provider),
    ):
        if refused:
            sys.exit(refused)


if IS_MAIN and workflow.is_main_process:
    refuse_what_is_not_done()
