"""Fine-tune the network for one round."""

from job_runner import Job, files, image_folders, run, told, typed
from sjft.settings.known_part import known_part
from sjft.settings.training import TrainingSettings
from sjft.training.finetune import DECIDING, RoundFiles, RoundMeans, RoundOutput, finetune


def main(job: Job) -> None:
    """Read manifest and the last round's model; train; write model and history."""
    of, params, name = job.wildcards, job.params, job.wildcards.experiment
    means = job.config["rounds"]
    finetune(
        files(RoundFiles, job.input),
        image_folders(job, params.places),
        files(RoundOutput, job.output),
        known_part(TrainingSettings, params.training, told(job, "experiments", name)["training"]),
        typed(RoundMeans, means | {"folder": means["folder"].format(**dict(of.items()))}),
        *(int(of.round), int(of.seed), params.sources_of_arm, job.threads),
        decided_by={key: params[key] for key in DECIDING},
    )


if __name__ == "__main__":
    run(main)
