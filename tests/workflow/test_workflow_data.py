"""Data on disk as the workflow meets it: several sources, leakage, what the lists leave out."""

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import yaml
from chain import Chain, copy_workflow
from two_sources import (
    ARMS,
    PAIRING,
    RESULT,
    SHARDS,
    configuration,
    rows,
    save_data,
)

from sjft.data.state import read_record, snapshot_here
from sjft.settings.dataset import ImageFolder

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
