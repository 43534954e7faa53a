"""Images on disk that change, or lie elsewhere, and which jobs follow."""

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from chain import Chain
from two_sources import RESULT, configuration, painted, rows

LATER = {"find_leakage", "search_shard", "merge_leakage", "merge_neighbours", "rank_sources"}
RUNS = {"select_subset", "finetune", "evaluate", "summarise", "publish"}


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
