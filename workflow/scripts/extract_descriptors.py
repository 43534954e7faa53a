"""Extract the descriptors of one shard of a data set."""

from pathlib import Path

from job_runner import Job, image_folder, run, told, weights_file
from sjft.descriptors.banks import bank_settings
from sjft.descriptors.shard import ImagesOfShard, write_descriptors_of_shard
from sjft.settings.image_limits import limits_among


def main(job: Job) -> None:
    """Read images.csv and the images; write descriptors and the list of skipped images."""
    data, place, root = job.wildcards, job.params.place, job.config["data_root"]
    bank = bank_settings({**job.params.bank, **told(job, "banks", data.bank)})
    opening = told(job, "datasets", data.dataset)
    write_descriptors_of_shard(
        ImagesOfShard(
            *(Path(job.input.images), data.part, int(data.shard), image_folder(job, place)),
            state=job.params.content,
            skip_bad=opening["on_bad_image"] == "skip",
            limits=limits_among(opening),
        ),
        bank,
        weights_file(bank.weights_or_none, root, job.input.weights),
        *(Path(job.output.descriptors), Path(job.output.skipped)),
        key=f"banks.{data.bank}",
        threads=job.threads,
    )


if __name__ == "__main__":
    run(main)
