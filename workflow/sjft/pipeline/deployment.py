"""Ways of running jobs that do less than they promise here: said before the first job."""

from collections.abc import Collection


def refusal(methods: Collection[str], provider: str | None) -> str | None:
    """Why a run would not do what it is asked for, by its ways of deployment and its storage."""
    return without_container(methods) or needs_shared_folder(provider)


def without_container(methods: Collection[str]) -> str | None:
    """What to know where containers are asked for: no rule names one, so that none is used."""
    if "apptainer" not in methods:
        return None
    where = "conda's environment" if "conda" in methods else "this machine's environment"
    return (
        "--software-deployment-method apptainer: no rule names a container, so that jobs would run "
        f"in {where} without one. For a container make an image with envs/Dockerfile and run "
        "`snakemake` as a whole inside it, without this option (docs/cluster.md)."
    )


def needs_shared_folder(provider: str | None) -> str | None:
    """Why results cannot lie in an object store; nothing where they are to lie on a disk."""
    if provider in (None, "none"):
        return None
    return (
        f"--default-storage-provider {provider}: results must lie on a file system that all jobs "
        "share. Checkpoints, logs and what is known of the data sets lie beside the declared "
        "files, which alone a storage provider would carry. Run in a folder that all nodes see "
        "(NFS, Lustre, a mounted bucket), and copy results/ to the store afterwards."
    )
