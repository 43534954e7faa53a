"""Extract the descriptors of one shard of a data set."""

from pathlib import Path

from job_runner import Job, image_folder, limits_on, run, told, weights_file
from sjft.descriptors.banks import bank_settings
from sjft.descriptors.shard import ImagesOfShard, write_descriptors_of_shard


def main(job: Job) -> None:
    """Read images.csv and the pictures; write descriptors and the list of skipped images."""
    data, params = job.wildcards, job.params
    bank = bank_settings({**params.bank, **told(job, "banks", data.bank)})
    used = bank.network_weights
    write_descriptors_of_shard(
        ImagesOfShard(
            *(Path(job.input.images), data.part, int(data.shard)),
            image_folder(job, params.place),
            state=params.pictures,
            skip_bad=told(job, "datasets", data.dataset)["on_bad_image"] == "skip",
            limits=limits_on(data.dataset, job.config),
        ),
        bank,
        weights_file(used.weights if used else None, job.config["data_root"], job.input.weights),
        Path(job.output.descriptors),
        Path(job.output.skipped),
        key=f"banks.{data.bank}",
        threads=job.threads,
    )


if __name__ == "__main__":
    run(main)
