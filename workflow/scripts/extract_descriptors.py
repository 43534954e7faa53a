"""Extract the descriptors of one shard of a data set."""

from job_runner import Job, data_root, files, images_of_shard, path_or_none, run, told
from sjft.descriptors.banks import bank_settings
from sjft.descriptors.shard import ShardOutput, write_descriptors_of_shard
from sjft.settings.weights import weights_file


def main(job: Job) -> None:
    """Read images.csv and the images; write descriptors and the list of skipped images."""
    name, fetched = job.wildcards.bank, path_or_none(job.input.weights)
    bank = bank_settings({**job.params.bank, **told(job, "banks", name)})
    write_descriptors_of_shard(
        images_of_shard(job),
        bank,
        weights_file(bank.weights_or_none, data_root(job), fetched),
        files(ShardOutput, job.output),
        key=f"banks.{name}",
        threads=job.threads,
    )


if __name__ == "__main__":
    run(main)
