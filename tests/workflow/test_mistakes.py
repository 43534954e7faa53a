"""What a user is told of settings and data that cannot work."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from chain import REPOSITORY, Chain, copy_workflow, lay_out_empty_images
from tiny_runs import (
    assert_refused,
)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(
            lambda c: c["retrievals"]["approximate"].update(epsilom=1.0),
            ["retrievals.approximate.epsilom", "did you mean `epsilon`", "neighbours_on_file"],
            id="unknown key",
        ),
        pytest.param(
            lambda c: c["experiments"]["tiny"].update(rounds="many"),
            ["experiments.tiny.rounds", "valid integer", "'many'"],
            id="wrong type",
        ),
        pytest.param(
            lambda c: c["experiments"]["tiny"].update(source="stor"),
            ["experiments.tiny.source", "`stor`", "did you mean `store`", "images"],
            id="unknown data set",
        ),
    ],
)
def test_a_wrong_configuration_is_explained(
    chain: Chain, change: Callable[[dict[str, Any]], object], words: list[str]
) -> None:
    with chain.configured(change):
        assert_refused(chain.snakemake("-n", "results/tiny/model.pt"), *words)


def test_a_folder_whose_name_snakemake_takes_for_wildcards_is_refused(tmp_path: Path) -> None:
    chain = copy_workflow(tmp_path / "of {mine}")
    outcome = chain.snakemake("-n", "results/tiny/model.pt")
    assert_refused(outcome, f"{chain.root}/workflow: Snakemake takes braces", "Rename the folder")


def test_all_that_is_missing_is_said_at_once_before_anything_runs(fresh: Chain) -> None:
    for arguments in (["-n"], []):
        outcome = fresh.snakemake(*arguments, "results/absent/model.pt")
        assert_refused(
            outcome,
            *("data set `own`", "data/my own images", "Take them from the drawer."),
            *("data set `elsewhere`", "data/elsewhere", "Ask the neighbours."),
            *("weights `experiments.absent.training.weights`", "data/weights/absent.pth"),
        )
        assert outcome.output.count("Some data is not there") == 1
    assert not fresh.results.exists()
    # No lock is left behind.
    fresh.make("results/datasets/images/images.csv")


def test_the_papers_experiment_says_what_it_lacks_and_else_shows_its_plan(fresh: Chain) -> None:
    shutil.copy2(REPOSITORY / "config/config.yaml", fresh.root / "config/config.yaml")
    asked = ("-n", "results/indoor67/model.pt")
    assert_refused(fresh.snakemake(*asked), "data/indoor67", "data/imagenet", "image-net.org")
    for folder in ("indoor67/Images", "imagenet/train"):
        (fresh.root / "data" / folder).mkdir(parents=True)
    assert_refused(fresh.snakemake(*asked), "indoor67/TrainImages.txt", "indoor67/TestImages.txt")
    lay_out_empty_images(fresh.root / "data")
    every_shard = 256
    assert fresh.make(*asked).planned == {
        "fetch_weights": 2,
        "list_images": 2,
        "hash_images": every_shard + 2,
        "extract_descriptors": every_shard + 2,
        "equalise_bins": 1,
        "build_histograms": every_shard + 2,
        "fit_projection": 1,
        "build_index": every_shard,
        "find_leakage": every_shard,
        "merge_leakage": 1,
        "find_duplicates": 1,
        "search_shard": every_shard,
        "merge_neighbours": 1,
        "rank_sources": 1,
        "select_subset": 3,
        "finetune": 3,
        "score_difficulty": 2,
        "evaluate": 1,
        "summarise": 1,
        "publish": 1,
    }


def test_the_command_line_beats_the_environment_and_that_the_file(chain: Chain) -> None:
    asked = ("-n", "results/absent/model.pt")
    env = {"SJFT_DATA_ROOT": "from_environment"}
    with chain.configured(lambda config: config.update(data_root="from_file")):
        assert_refused(chain.snakemake(*asked), "no folder from_file/elsewhere")
        assert_refused(chain.snakemake(*asked, env=env), "no folder from_environment/elsewhere")
        both = chain.snakemake(*asked, "--config", "data_root=from_command", env=env)
        assert_refused(both, "no folder from_command/elsewhere")
