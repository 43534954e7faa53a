"""Data on disk as the workflow meets it: several sources, leakage, and images that change."""

import copy
import csv
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import yaml
from chain import CONFIG, Chain, copy_all, copy_workflow
from PIL import Image, ImageFilter, ImageOps

from sjft.data.state import read_record, snapshot_here
from sjft.settings.dataset import ImageFolder

RESULT = "results/both/model.pt"
PAIRING = "results/retrieval/exhaustive/birds"
# The first two are trained; of the others only what they would be trained on is looked at.
ARMS = ("selective", "fine-tune", "random-source", "all-source")
SUBSETS = [f"results/both/runs/{arm}-0/round-0/subset.csv" for arm in ARMS[2:]]
IMAGES = {
    "birds": ("train/owl", "train/tit", "test/owl", "test/tit"),
    "store": ("train/cup", "train/fork"),
    "attic": ("train/chair", "train/cup"),
}
SHARDS = {"birds": 1, "store": 2, "attic": 1}
LATER = {"find_leakage", "search_shard", "merge_leakage", "merge_neighbours", "rank_sources"}
RUNS = {"select_subset", "finetune", "evaluate", "summarise", "publish"}


def painted(seed: int) -> Image.Image:
    """A smooth image that no other seed resembles, with some grain."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (9, 9, 3), dtype=np.uint8))
    smooth = coarse.resize((72, 72), Image.Resampling.BICUBIC).filter(ImageFilter.BoxBlur(2))
    grain = rng.normal(0, 6, (72, 72, 3))
    return Image.fromarray((np.asarray(smooth) + grain).clip(0, 255).astype(np.uint8))


def save_data(data: Path) -> None:
    """Three collections, and in two of them copies of images that the birds are tested on."""
    seed = 0
    for name, folders in IMAGES.items():
        for folder in folders:
            (data / name / folder).mkdir(parents=True)
            for number in range(7):
                painted(seed).save(data / name / folder / f"{number}.png")
                seed += 1
    first = Image.open(data / "birds/test/owl/0.png")
    first.save(data / "store/train/cup/again.jpg", quality=70)
    ImageOps.mirror(Image.open(data / "birds/test/tit/3.png")).resize((50, 50)).save(
        data / "attic/train/cup/mirrored.jpg", quality=80
    )
    (data / "attic/train/cup/same.png").write_bytes((data / "birds/test/tit/5.png").read_bytes())
    # And one that the birds are trained on.
    first.save(data / "birds/train/owl/double.jpg", quality=90)
    # What is no image, or no new one.
    (data / "birds/train/owl/@eaDir").mkdir()
    first.save(data / "birds/train/owl/@eaDir/thumbnail.jpg")
    (data / "store/train/cup/phone.heic").touch()
    (data / "attic/train/cup/back").symlink_to("../..")


def configuration(config: dict[str, Any]) -> None:
    for name, shards in SHARDS.items():
        splits = {"train": "train"} | ({"test": "test"} if name == "birds" else {})
        config["datasets"][name] = {
            "reader": "image_folder",
            "root": name,
            "splits": splits,
            "shards": shards,
            "watch": "folders" if name == "attic" else "images",
        }
    both = copy.deepcopy(CONFIG["experiments"]["tiny"])
    config["experiments"] = {
        "both": both
        | {"target": "birds", "source": ["store", "attic"], "retrieval": "exhaustive"}
        | {"publish": {"compare": list(ARMS[:2])}},
    }


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Chain:
    """A finished run with two sources."""
    made = copy_workflow(tmp_path_factory.mktemp("both") / "run")
    made.configure(configuration)
    save_data(made.root / "data")
    made.make(RESULT, *SUBSETS)
    return made


@pytest.fixture
def changed(both: Chain, tmp_path: Path) -> Chain:
    """A copy of it, whose images a test may change."""
    return copy_all(both, tmp_path / "changed")


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


# Several sources.


def test_the_label_spaces_of_two_sources_stand_side_by_side(both: Chain) -> None:
    subset = rows(both.results / "both/runs/all-source-0/round-0/subset.csv")
    labels = {row["class_name"]: int(row["label"]) for row in subset}
    assert labels == {"attic/chair": 0, "attic/cup": 1, "store/cup": 2, "store/fork": 3}
    assert {row["source"] for row in subset} == {"store", "attic"}


def test_one_ranking_goes_across_both_sources(both: Chain) -> None:
    with h5py.File(both.root / PAIRING / "store+attic/ranking.h5") as file:
        assert [name.decode() for name in file["source_name"][:]] == ["store", "attic"]
        assert file["first_image"][:].tolist() == [0, 15]
        ranked, divergences = file["source_image"][:], file["divergence"][:]
    assert (np.diff(divergences, axis=1) >= 0).all()
    assert (ranked < 15).any()
    assert (ranked >= 15).any()
    for row in range(len(ranked)):
        merged = sorted(
            float(d)
            for name in ("store", "attic")
            for d in h5py.File(both.root / PAIRING / name / "neighbours.h5")["divergence"][row]
        )
        assert set(divergences[row]) <= set(np.float32(merged))


def test_the_share_of_each_source_is_reported(both: Chain) -> None:
    summary = json.loads((both.results / "both/summary.json").read_text(encoding="utf-8"))
    shares = summary["arms"]["selective"]["runs"][0]["source_shares"]
    used = [
        row["source"] for row in rows(both.results / "both/runs/selective-0/round-0/subset.csv")
    ]
    assert 0 < used.count("store") < len(used)
    expected = {name: used.count(name) / len(used) for name in ("store", "attic")}
    assert shares == pytest.approx(expected)
    assert "Shares of the sources: " in summary["table"]
    assert set(summary["recall"]) == {"store", "attic"}


# Leakage.


def test_copies_of_test_images_are_listed_with_both_paths_and_the_reason(both: Chain) -> None:
    def pairs(name: str) -> list[tuple[str, str, str]]:
        columns = ("target_path", "source_path", "reasons")
        found = rows(both.root / PAIRING / name / "leakage.csv")
        return [tuple(row[column] for column in columns) for row in found]

    (saved_anew,) = pairs("store")
    assert saved_anew[:2] == ("test/owl/0.png", "train/cup/again.jpg")
    assert saved_anew[2].startswith("perceptual hash")
    mirrored, same = pairs("attic")
    assert mirrored[:2] == ("test/tit/3.png", "train/cup/mirrored.jpg")
    assert mirrored[2].startswith("mirrored, perceptual hash")
    assert same[:2] == ("test/tit/5.png", "train/cup/same.png")
    assert same[2].startswith("same file")


def test_no_arm_uses_a_image_that_leaks(both: Chain) -> None:
    leaked = {"train/cup/again.jpg", "train/cup/mirrored.jpg", "train/cup/same.png"}
    sizes = {}
    for arm in ARMS:
        subset = rows(both.results / f"both/runs/{arm}-0/round-0/subset.csv")
        assert not leaked & {row["path"] for row in subset}, arm
        sizes[arm] = len(subset)
    assert sizes["all-source"] == 28
    assert sizes["random-source"] == sizes["selective"] > 0
    with h5py.File(both.root / PAIRING / "store+attic/ranking.h5") as file:
        used = set(file["source_image"][:].ravel().tolist())
    listed = rows(both.results / "datasets/attic/images.csv")
    places = {15 + int(row["image"]) for row in listed if row["path"] in leaked}
    assert len(places) == 2
    assert not used & places


def test_duplicates_between_the_targets_own_splits_are_reported_and_not_removed(
    both: Chain,
) -> None:
    (pair,) = rows(both.root / PAIRING / "duplicates.csv")
    assert (pair["target_path"], pair["source_path"]) == (
        "test/owl/0.png",
        "train/owl/double.jpg",
    )
    targets = rows(both.results / "both/runs/selective-0/round-0/targets.csv")
    assert "train/owl/double.jpg" in {row["path"] for row in targets}


def test_leakage_is_counted_in_log_and_summary(both: Chain) -> None:
    summary = json.loads((both.results / "both/summary.json").read_text(encoding="utf-8"))
    assert summary["leakage"]["store"]["source_images"] == 1
    assert summary["leakage"]["attic"]["source_images"] == 2
    assert summary["leakage"]["attic"]["same_file"] == 1
    assert summary["duplicates"]["target_images"] == 1
    assert "2 images of attic show a held-out image of the target" in summary["table"]
    log = both.results / "logs/merge_leakage/exhaustive/birds/attic.log"
    assert "'source_images': 2" in log.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("leakage", "fewer"),
    [
        ({"exclude": False}, set()),
        ({"check": False}, {"find_leakage", "merge_leakage", "hash_images", "find_duplicates"}),
    ],
)
def test_leaking_images_can_be_kept_or_not_looked_for(
    changed: Chain, tmp_path: Path, leakage: dict[str, bool], fewer: set[str]
) -> None:
    def change(config: dict[str, Any]) -> None:
        configuration(config)
        config["retrievals"]["exhaustive"] |= {"leakage": leakage}

    # From the beginning: what is not looked for has no job, and the ranking does not depend on
    # what is tested on, or what follows from it.
    other = copy_workflow(tmp_path / "other")
    other.configure(change)
    save_data(other.root / "data")
    assert not fewer & set(other.plan(RESULT))
    assert "find_leakage" not in other.plan(f"{PAIRING}/store+attic/ranking.h5")
    # And after a run with other settings: only what uses the list of leaks is made again.
    changed.configure(change)
    subset = "results/both/runs/all-source-0/round-0/subset.csv"
    assert set(changed.plan(subset)) <= {"rank_sources", "select_subset"}
    changed.make(subset)
    assert len(rows(changed.root / subset)) == 31


# What is left out of the lists.


def test_what_is_left_out_is_told_in_the_log_and_before_the_run(both: Chain) -> None:
    told = {
        "birds": "1 file or folder that systems leave behind: train/owl/@eaDir/",
        "store": "1 image ending in .heic, a format that is not read (save it as PNG or JPEG): "
        "train/cup/phone.heic",
        "attic": "1 link that leads back to a folder it lies in: train/cup/back",
    }
    outcome = both.make("-n", RESULT)
    assert "Nothing to be done" in outcome.output
    for name, line in told.items():
        log = (both.results / f"logs/list_images/{name}.log").read_text(encoding="utf-8")
        assert f"left out: {line}" in log
        assert outcome.output.count(f"Left out of {name}: {line}") == 1


def test_the_record_of_folders_that_are_watched_fits(
    both: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(both.root)
    for name in SHARDS:
        record = read_record(both.results / "datasets" / name)
        config = yaml.safe_load((both.root / "config/config.yaml").read_text(encoding="utf-8"))
        entry = ImageFolder.model_validate(config["datasets"][name])
        assert record is not None
        assert record.snapshot == snapshot_here(entry, Path("data"))


# Images that change.


def test_images_csv_holds_sizes_and_times(both: Chain) -> None:
    for row in rows(both.results / "datasets/store/images.csv"):
        state = (both.root / "data/store" / row["path"]).stat()
        assert (int(row["bytes"]), int(row["modified"])) == (state.st_size, state.st_mtime_ns)
        assert row["digest"] == ""


def replace_in_place(path: Path) -> None:
    painted(999).save(path)


def shard_of(chain: Chain, path: str) -> int:
    listed = rows(chain.results / "datasets/store/images.csv")
    return next(int(row["shard"]) for row in listed if row["path"] == path)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda d: replace_in_place(d / "store/train/fork/3.png"), "0 added, 0 removed, 1 repl"),
        (lambda d: (d / "store/train/fork/3.png").unlink(), "0 added, 1 removed, 0 replaced"),
        (lambda d: painted(77).save(d / "store/train/fork/3a.png"), "1 added, 0 removed, 0 rep"),
    ],
    ids=["replaced", "removed", "added"],
)
def test_a_changed_source_image_concerns_its_own_shard(
    changed: Chain, change: Callable[[Path], object], told: str
) -> None:
    change(changed.root / "data")
    outcome = changed.make("-n", RESULT)
    assert f"The images of store have changed: {told}" in outcome.output
    assert re.search(r"\((added|removed|replaced): train/fork/3a?\.png\)\.", outcome.output)
    planned = outcome.planned
    of_shard = {"extract_descriptors", "hash_images", "build_histograms"}
    assert {name: planned[name] for name in of_shard} == dict.fromkeys(of_shard, 1)
    # Of both sources three shards are searched; of the changed one, its only one is.
    assert planned["search_shard"] == planned["find_leakage"] == 1
    assert planned["merge_neighbours"] == planned["merge_leakage"] == 1
    # Fine-tuning alone uses no source; it is listed with the other only where they are summed up.
    assert planned["finetune"] == planned["evaluate"] == 1
    assert set(planned) <= of_shard | LATER | RUNS


def test_a_changed_run_ends_and_has_nothing_more_to_do(changed: Chain) -> None:
    name = "train/fork/3.png"
    replace_in_place(changed.root / "data/store" / name)
    before = (changed.results / "datasets/store/images.csv").stat().st_mtime_ns
    files = {s: changed.results / f"descriptors/small/store/train/000{s}.h5" for s in (0, 1)}
    times = {s: path.stat().st_mtime_ns for s, path in files.items()}
    changed.make(RESULT)
    shard = shard_of(changed, name)
    assert files[shard].stat().st_mtime_ns > times[shard]
    assert files[1 - shard].stat().st_mtime_ns == times[1 - shard]
    assert (changed.results / "datasets/store/images.csv").stat().st_mtime_ns == before
    (row,) = [r for r in rows(changed.results / "datasets/store/images.csv") if r["path"] == name]
    assert int(row["bytes"]) == (changed.root / "data/store" / name).stat().st_size
    assert changed.plan(RESULT) == {}


def test_a_run_that_ended_before_its_training_is_trained_on_the_changed_image(
    changed: Chain,
) -> None:
    run = "results/both/runs/fine-tune-0/round-0"
    targets = changed.root / run / "targets.csv"
    before = targets.read_bytes()
    replace_in_place(changed.root / "data/birds/train/tit/1.png")
    changed.make(f"{run}/targets.csv")
    # The list of the images is as it was, and Snakemake goes by its content.
    assert targets.read_bytes() == before
    assert changed.plan(f"{run}/model.pt") == {"finetune": 1}


def test_images_that_have_moved_are_the_same_images(changed: Chain, tmp_path: Path) -> None:
    moved = (changed.root / "data/store").rename(tmp_path / "store")
    changed.configure(lambda c: (configuration(c), c["datasets"]["store"].update(root=str(moved))))
    assert changed.plan(RESULT) == {"publish": 1}
    replace_in_place(moved / "train/fork/3.png")
    outcome = changed.make(RESULT)
    assert "The images of store have changed: 0 added, 0 removed, 1 replaced" in outcome.output
    assert outcome.planned["extract_descriptors"] == 1
    assert changed.plan(RESULT) == {}


def test_images_that_are_listed_anew_and_are_the_same_are_opened_by_no_job(changed: Chain) -> None:
    def larger(config: dict[str, Any]) -> None:
        configuration(config)
        config["datasets"]["store"]["largest_file"] = 400

    changed.configure(larger)
    assert changed.plan(RESULT) == {"list_images": 1, "publish": 1}
    # An image that changes meanwhile is noticed by the jobs that open it.
    replace_in_place(changed.root / "data/store/train/fork/3.png")
    planned = changed.plan(RESULT)
    assert planned["list_images"] == planned["extract_descriptors"] == planned["hash_images"] == 1
    changed.make(RESULT)
    assert changed.plan(RESULT) == {}


def test_of_results_without_their_record_it_is_said_that_no_change_can_be_noticed(
    changed: Chain,
) -> None:
    shutil.rmtree(changed.root / ".snakemake/metadata")
    replace_in_place(changed.root / "data/store/train/fork/3.png")
    for arguments in (["-n"], []):
        output = changed.make(*arguments, RESULT).output
        assert "Nothing to be done" in output
        assert output.count("there is no record in .snakemake") == 1
        assert "missing provenance" not in output


def test_a_test_image_concerns_no_training_descriptor(changed: Chain) -> None:
    replace_in_place(changed.root / "data/birds/test/tit/1.png")
    planned = changed.plan(RESULT)
    assert planned["extract_descriptors"] == planned["hash_images"] == 1
    assert planned["find_leakage"] == 3
    assert planned["find_duplicates"] == 1
    assert planned["evaluate"] == 2
    # The target's training images are as they were: neither bins nor neighbours depend on others.
    assert not {"equalise_bins", "search_shard", "merge_neighbours", "list_images"} & set(planned)


def test_a_new_target_image_leaves_the_sources_descriptors(changed: Chain) -> None:
    painted(78).save(changed.root / "data/birds/train/tit/9.png")
    planned = changed.plan(RESULT)
    assert planned["extract_descriptors"] == planned["hash_images"] == 1
    assert planned["equalise_bins"] == 1
    assert planned["search_shard"] == 3


def test_other_files_and_new_times_of_folders_change_nothing(changed: Chain) -> None:
    (changed.root / "data/store/notes.txt").write_text("Taken on a rainy day.\n")
    os.utime(changed.root / "data/store/train/cup")
    assert changed.plan(RESULT) == {}


def test_with_content_digests_only_the_content_counts(changed: Chain) -> None:
    def change(config: dict[str, Any]) -> None:
        configuration(config)
        config["datasets"]["store"]["content_digest"] = True

    changed.configure(change)
    changed.make("results/datasets/store/images.csv")
    listed = rows(changed.results / "datasets/store/images.csv")
    assert all(len(row["digest"]) == 32 for row in listed)
    trained = "results/both/runs/selective-0/round-0/model.pt"
    changed.make(trained)
    for path in (changed.root / "data/store").rglob("*.png"):
        os.utime(path)
    assert changed.plan(trained) == {}
    replace_in_place(changed.root / "data/store/train/cup/2.png")
    assert changed.plan(trained)["extract_descriptors"] == 1


def test_data_that_cannot_be_listed_stop_the_run_before_any_job(changed: Chain) -> None:
    painted(5).save(changed.root / "data/store/train/stray.png")
    outcome = changed.snakemake(RESULT)
    assert outcome.code != 0
    assert "'stray.png' lies in no class folder" in outcome.output
    assert "Traceback" not in outcome.output
