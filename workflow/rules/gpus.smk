# GPUs of this machine: as many jobs that may use one run beside each other as it has, each on its
# own. `--resources gpu=N` sets the number. On a cluster nothing is held back: it has more than are
# seen from here, and hands them out by itself.

from sjft.pipeline.gpus import HANDED_OUT, gpus_here, handed_out


def share_gpus():
    os.environ.pop(HANDED_OUT, None)
    # Which executor there is becomes known after the rules: it is a cluster's where the number of
    # its jobs is limited, and not that of cores alone.
    if workflow.resource_settings.nodes is not None:
        return
    here = gpus_here(os.environ)
    if "gpu" not in workflow.global_resources:
        # One where there is none: else all jobs of `device: auto` would take the CPU at once.
        workflow.register_resource("gpu", max(1, len(here)))
    if here:
        at_once = workflow.global_resources["gpu"].value
        os.environ[HANDED_OUT] = handed_out(here, at_once)


if workflow.is_main_process:  # else it was said before this job was started
    share_gpus()
