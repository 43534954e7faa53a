"""A round from its files to its files, and what its checkpoints are decided by."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch
from image_files import save_images
from rounds import NAMES, round_of, round_settings
from small import images_table

from sjft.data.location import ImageFolders
from sjft.data.table import write_images
from sjft.errors import BadImageError, UserError
from sjft.networks.joint import load_joint_network
from sjft.selection.subset import write_manifest
from sjft.settings.checkpoints import CheckpointSettings
from sjft.settings.image_limits import ImageLimits
from sjft.settings.training_jobs import TrainingJobSettings
from sjft.storage.files import digest_of_file, require_digest_beside
from sjft.training.finetune import RoundFiles, RoundMeans, RoundOfArm, RoundOutput, finetune
from sjft.training.job import RoundJob

SETTINGS = round_settings(network="shufflenet_v2_x0_5")
LIMITS = ImageLimits(largest_image=3.0)


@pytest.fixture
def files(tmp_path: Path) -> RoundFiles:
    """A round in which all source images may stand beside each target image."""
    of = round_of(tmp_path)
    for table in (of.manifest.targets, of.manifest.subset):
        save_images(tmp_path, table["path"].to_list())
    write_manifest(of.manifest, tmp_path / "subset.csv", tmp_path / "targets.csv")
    write_images(tmp_path / "images.csv", images_table([0, 1] * 3, folder="target"))
    return RoundFiles(
        *(tmp_path / name for name in ("subset.csv", "targets.csv", "images.csv")),
        *([], None, None, None, None, None),
    )


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[RoundJob]:
    """The jobs that would be run; none is."""
    jobs: list[RoundJob] = []

    def run(job: RoundJob) -> None:
        jobs.append(job)

    monkeypatch.setattr(RoundJob, "run", run)
    return jobs


def trained(files: RoundFiles, number: int = 0, threads: int = 1, **changes: Any) -> Path:
    folder = files.subset.parent
    images = ImageFolders(folder, {"store": folder}, LIMITS)
    jobs, checkpoints = TrainingJobSettings(), CheckpointSettings()
    means = RoundMeans(folder, jobs, checkpoints, folder / "checkpoints", threads)
    output = RoundOutput(folder / f"{number}.pt", folder / f"{number}.csv")
    options = {"decided_by": {"code": "x"}, "settings": SETTINGS, **changes}
    settings = options.pop("settings")
    finetune(files, images, output, RoundOfArm(number, 5, "all"), settings, means, **options)
    return output.model


def test_a_round_writes_its_model_and_history_and_keeps_no_checkpoint(files: RoundFiles) -> None:
    first = trained(files)
    network = load_joint_network(first)
    assert network.target_classes == NAMES
    require_digest_beside(first.with_suffix(".csv"))
    assert len(pl.read_csv(first.with_suffix(".csv"))) == SETTINGS.updates
    content = torch.load(first, weights_only=True)
    assert content["inputs"] == {
        "subset": digest_of_file(files.subset),
        "targets": digest_of_file(files.targets),
    }
    assert not (first.parent / "checkpoints").exists()
    second = load_joint_network(trained(replace(files, last_model=first), 1))
    assert not torch.equal(next(network.module.parameters()), next(second.module.parameters()))


def test_checkpoints_are_of_these_files_settings_and_threads(
    files: RoundFiles, seen: list[RoundJob]
) -> None:
    trained(files)
    trained(files)
    trained(files, threads=2)
    trained(files, decided_by={"code": "y"})
    write_images(files.images, images_table([0, 1] * 4, folder="target"))
    trained(files)
    folders = [job.checkpoints.folder.name for job in seen]
    assert folders[0] == folders[1]
    assert len(set(folders)) == 4
    decided = seen[0].checkpoints.decided_by
    assert set(decided) == {"inputs", "training", "threads", "precision", "code"}
    assert decided["precision"] == "float32"  # what `auto` is on a CPU
    assert set(decided["inputs"]) == {str(p) for p in (files.subset, files.targets, files.images)}


def test_a_round_is_of_its_number_seed_classes_and_limits(
    files: RoundFiles, seen: list[RoundJob]
) -> None:
    # A class that has no training image left is one of the target's all the same.
    table = pl.concat(
        [
            images_table([0, 1] * 3, folder="target"),
            images_table([2], folder="test", split="test"),
        ]
    )
    write_images(files.images, table)
    trained(files, 3)
    of = seen[0].round
    assert (of.number, of.seed) == (3, 5)
    assert of.target_classes == [*NAMES, "class 2"]
    assert of.limits == LIMITS
    weighted = SETTINGS.model_copy(update={"source_loss_scale": 2.0})
    with pytest.raises(UserError, match=r"training\.source_loss_scale"):
        trained(files, settings=weighted)


def test_the_best_weights_are_chosen_by_the_split_val_alone(files: RoundFiles) -> None:
    folder = files.subset.parent
    best = {"settings": SETTINGS.model_copy(update={"keep": "best_on_val", "validate_every": 1})}
    with pytest.raises(UserError, match=r"training\.keep: .* no image in the split `val`"):
        trained(files, **best)
    tables = [images_table([0, 1] * 3, folder="target")]
    tables += [images_table([0, 1], folder=name, split=name) for name in ("val", "test")]
    write_images(files.images, pl.concat(tables))
    save_images(folder, tables[1]["path"].to_list())  # those of the test are not there
    history = pl.read_csv(trained(files, **best).with_suffix(".csv"))
    assert history["val_accuracy"].is_between(0, 1).all()
    assert history["kept"].sum() == 1
    (folder / "val/1.png").write_bytes(b"no image")
    with pytest.raises(BadImageError, match=r"val/1\.png"):
        trained(files, **best)
    skipped = {"decided_by": {"code": "x", "best_weights": {"on_bad_image": "skip"}}}
    history = pl.read_csv(trained(files, **best, **skipped).with_suffix(".csv"))
    assert set(history["val_accuracy"]) <= {0.0, 1.0}  # one image is left


def test_the_pretrained_heads_classes_are_those_of_the_sources_lists(
    files: RoundFiles, seen: list[RoundJob], tmp_path: Path
) -> None:
    write_images(tmp_path / "store.csv", images_table([0, 1, 2]))
    trained(replace(files, source_images=[tmp_path / "store.csv"]))
    found = seen[0].round.classifier_classes
    assert found is not None and found.listed is None
    assert found.of_sources == {"store": ["class 0", "class 1", "class 2"]}
    with pytest.raises(ValueError, match="longer"):
        trained(replace(files, source_images=[tmp_path / "store.csv"] * 2))
