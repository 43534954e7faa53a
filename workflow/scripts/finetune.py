"""Fine-tune the network for one round."""

from job_runner import Job, files, image_folders, run, told, typed
from sjft.settings.known_part import known_part
from sjft.settings.training import TrainingSettings
from sjft.training import finetune as stage


def main(job: Job) -> None:
    """Read manifest and the last round's model; train; write model and history."""
    of, params, name = job.wildcards, job.params, job.wildcards.experiment
    means = job.config["rounds"] | {"threads": job.threads}
    stage.finetune(
        files(stage.RoundFiles, job.input),
        image_folders(job, params.datasets),
        files(stage.RoundOutput, job.output),
        stage.RoundOfArm(int(of.round), int(of.seed), params.sources_of_arm),
        known_part(TrainingSettings, params.training, told(job, "experiments", name)["training"]),
        typed(stage.RoundMeans, means | {"folder": means["folder"].format(**dict(of.items()))}),
        decided_by={key: params[key] for key in stage.DECIDING},
    )


if __name__ == "__main__":
    run(main)
