"""Fine-tune the network for one round."""

from pathlib import Path

from job_runner import Job, data_root, files, image_folder, run, told
from sjft.settings.checkpoints import CheckpointSettings
from sjft.settings.image_limits import limits_of_any
from sjft.settings.known_part import known_part
from sjft.settings.training import TrainingSettings
from sjft.settings.training_jobs import TrainingJobSettings
from sjft.training.finetune import RoundFiles, RoundFolders, RoundOutput, finetune


def main(job: Job) -> None:
    """Read manifest and the last round's model; train; write model and history."""
    of, params, config = job.wildcards, job.params, job.config
    target = image_folder(job, params.folders["target"])
    sources = {name: image_folder(job, place) for name, place in params.folders["sources"].items()}
    checkpoints = Path(config["checkpoints_of_round"].format(**dict(of.items())))
    finetune(
        files(RoundFiles, job.input),
        RoundFolders(target, sources, data_root(job), checkpoints),
        files(RoundOutput, job.output),
        known_part(TrainingSettings, params.training, told(job, "training", of.experiment)),
        TrainingJobSettings.model_validate(config["training_jobs"]),
        CheckpointSettings.model_validate(config["checkpoints"]),
        *(int(of.round), int(of.seed), params.sources_of_arm),
        decided_by={key: params[key] for key in ("weights", "source_head_classes", "code")},
        threads=job.threads,
        limits=limits_of_any(config["told"]["datasets"].values()),
        skip_bad_images=params.best_weights.get("on_bad_image") == "skip",
    )


if __name__ == "__main__":
    run(main)
