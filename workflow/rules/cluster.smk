# On a cluster: what would go wrong there, or not be done, is refused before the first job.

from snakemake.jobs import GroupJob
from snakemake.logging import logger

from sjft.pipeline import deployment, older_runs
from sjft.pipeline.group_errors import log_why_groups_fail
from sjft.pipeline.slurm_states import read_states_by_their_first_word

if "snakemake_executor_plugin_slurm" in sys.modules:
    read_states_by_their_first_word(sys.modules["snakemake_executor_plugin_slurm"])
log_why_groups_fail(GroupJob, logger)

if workflow.is_main_process:
    # It is a cluster's where the number of its jobs is limited, and not that of cores alone.
    on_cluster = workflow.resource_settings.nodes is not None
    left = (
        older_runs.queued_in(Path.cwd()) if on_cluster and not workflow.dryrun else []
    )
    if left and "--unlock" in sys.argv:
        print(older_runs.refusal(left), file=sys.stderr)
    # Where it is locked another run may be at work on other files; else it is Snakemake that
    # refuses, and `terminal.smk` that names the jobs.
    elif left and not any(Path(".snakemake/locks").glob("*.lock")):
        sys.exit(older_runs.refusal(left))

if IS_MAIN and workflow.is_main_process:
    refused = deployment.refusal(
        [m.name.lower() for m in workflow.deployment_settings.deployment_method],
        workflow.storage_settings.default_storage_provider,
    )
    if refused:
        sys.exit(refused)
