"""What a finished run of the chain leaves, as a user finds it."""

import csv
import json

import h5py
import numpy as np
import pytest
import torch
from chain import CONFIG, Chain
from tiny_runs import (
    ABLATION,
    ARMS,
    EVALUATED,
    EXHAUSTIVE,
    LISTING,
    OWN_ARMS,
    PAIRING,
    TARGETS,
    assert_refused,
)

from sjft.evaluation.fusion import fuse_folders
from sjft.layout import MEASURED
from sjft.model.file import load_published
from sjft.model.predict import predictions
from sjft.networks.joint import load_joint_network
from sjft.pipeline.costs import costs_of
from sjft.pipeline.jobs import jobs_of_model
from sjft.settings.config import read_configuration
from sjft.storage.files import digest_of_file


def test_every_stage_leaves_the_files_that_the_design_names(chain: Chain) -> None:
    runs = [f"tiny/runs/{arm}-0" for arm in ARMS]
    rounds = [f"{run}/round-0" for run in runs] + [
        f"twice/runs/selective-0/round-{r}" for r in "01"
    ]
    shards = ("0000", "0001")
    pairing = "retrieval/approximate/images"
    extracted = ["images/train/0000", "images/heldout/0000"]
    extracted += [f"store/train/{s}" for s in shards]
    hashed = [name.replace("/", "/hashes/", 1) for name in extracted]
    names = [
        *(f"datasets/{name}/{f}" for name in ("images", "store") for f in LISTING),
        *(f"datasets/{name}.h5" for name in hashed),
        *(f"descriptors/small/{name}.h5" for name in extracted),
        *(f"descriptors/small/{name}.skipped.csv" for name in extracted),
        f"{pairing}/bins.h5",
        f"{pairing}/projection.h5",
        f"{pairing}/duplicates.csv",
        *(f"{pairing}/images/histograms/{part}/0000.h5" for part in ("train", "heldout")),
        *(f"{pairing}/store/histograms/train/{s}.h5" for s in shards),
        *(f"{pairing}/store/index/{s}.{suffix}" for s in shards for suffix in ("ann", "json")),
        *(f"{pairing}/store/neighbours/{s}.h5" for s in shards),
        f"{pairing}/store/neighbours.h5",
        *(f"{pairing}/store/leakage/{s}.{suffix}" for s in shards for suffix in ("csv", "h5")),
        f"{pairing}/store/leakage.csv",
        f"{pairing}/store/ranking.h5",
        *(
            f"{folder}/{name}"
            for folder in rounds
            for name in ("subset.csv", "targets.csv", "model.pt", "history.csv")
        ),
        "twice/runs/selective-0/round-0/difficulty.csv",
        *(f"{run}/{name}" for run in runs for name in EVALUATED),
        *(f"tiny/{name}" for name in ("summary.json", "summary.md", "model.pt", "model_card.md")),
    ]
    assert [name for name in names if not (chain.results / name).is_file()] == []
    assert list(chain.results.rglob("*.part")) == []


def test_the_summary_compares_all_arms(chain: Chain) -> None:
    summary = json.loads((chain.results / "tiny/summary.json").read_text(encoding="utf-8"))
    assert set(summary["arms"]) == set(ARMS)
    for arm, values in summary["arms"].items():
        assert 0 <= values["mean_class_accuracy"] <= 1
        assert 0 <= values["accuracy"] <= 1
        assert (values["style_share"] is None) == (arm == "fine-tune")
    assert (
        summary["arms"]["random-source"]["source_images"]
        == (summary["arms"]["selective"]["source_images"])
    )
    assert summary["style_share_by_chance"] == pytest.approx(1 / 3)
    assert summary["recall"] == {"store": {"6": 1.0}}
    assert summary["leakage"]["store"]["pairs"] == summary["duplicates"]["pairs"] == 0


def test_what_each_stage_cost_is_told_apart_from_the_summary(chain: Chain) -> None:
    summary = json.loads((chain.results / "tiny/summary.json").read_text(encoding="utf-8"))
    assert not {"stages", "seconds"} & summary.keys()
    jobs = jobs_of_model(read_configuration(CONFIG), "tiny")
    costs = costs_of(jobs, chain.root)
    assert {cost.rule for cost in costs} == {job.rule for job in jobs} & MEASURED.keys()
    for cost in costs:
        assert cost.not_measured == 0, cost
        assert cost.seconds > 0, cost


def test_arms_of_ones_own_have_their_rows_and_their_differences(chain: Chain) -> None:
    with (chain.root / OWN_ARMS).open(encoding="utf-8", newline="") as file:
        rows = {row["arm"]: row for row in csv.DictReader(file)}
    assert {name: row["reference"] for name, row in rows.items()} == {
        "fine-tune": "selective",
        "selective": "",
        "another": "selective",
        "k4": "selective",
        "weighted": "k4",
    }
    assert rows["k4"]["title"] == "twice as many"
    assert rows["weighted"]["title"] == "twice as many; source_loss_scale 0.5"
    for name in ("another", "k4", "weighted"):
        # So few images have no interval where both arms answer all of them alike.
        ends = [rows[name][f"difference_{end}_over_images"] for end in ("low", "high")]
        difference = float(rows[name]["difference"])
        assert ends == ["", ""] or float(ends[0]) <= difference <= float(ends[1])
    # Neighbours by another bank, more neighbours, and the same ones weighted.
    runs = chain.results / "tiny/runs"
    subsets = {
        name: (runs / f"{name}-0/round-0/subset.csv").read_bytes()
        for name in ("selective", "another", "k4", "weighted")
    }
    assert subsets["another"] != subsets["selective"]
    assert float(rows["k4"]["source_images"]) > float(rows["selective"]["source_images"])
    assert subsets["weighted"] == subsets["k4"]
    models = [
        load_joint_network(runs / f"{name}-0/round-0/model.pt") for name in ("k4", "weighted")
    ]
    states = [model.module.state_dict() for model in models]
    assert any(not torch.equal(tensor, states[1][key]) for key, tensor in states[0].items())


def test_the_ablation_has_a_row_for_each_arm_and_trains_no_round_twice(chain: Chain) -> None:
    with (chain.root / ABLATION).open(encoding="utf-8", newline="") as file:
        rows = {row["arm"]: row for row in csv.DictReader(file)}
    assert list(rows) == ["no-iteration", "gabor", "selective", "fusion"]
    assert {rows[arm]["updates"] for arm in list(rows)[:3]} == {"4"}
    assert rows["gabor"]["reference"] == "no-iteration"
    for name in ("ablation_runs.csv", "ablation.md", "ablation.svg"):
        assert (chain.results / "twice" / name).stat().st_size > 0
    runs = chain.results / "twice/runs"
    assert not (runs / "no-iteration-0/round-0/model.pt").exists()
    for arm, most in (("no-iteration", 2), ("gabor", 2), ("selective", 6)):
        with (runs / f"{arm}-0/round-1/targets.csv").open(encoding="utf-8", newline="") as file:
            assert max(int(row["neighbours"]) for row in csv.DictReader(file)) <= most
    # Models of different experiments on the same test images can be fused.
    both = [chain.results / name / "runs/selective-0" for name in ("tiny", "twice")]
    assert "8 images" in fuse_folders(both, None)


def test_an_arm_from_scratch_shares_the_retrieval_and_is_trained_anew(chain: Chain) -> None:
    assert chain.plan("results/twice/runs/selective-scratch-0/evaluation.json") == {
        "select_subset": 2,
        "finetune": 2,
        "score_difficulty": 1,
        "evaluate": 1,
    }
    asked = chain.snakemake("-n", "results/tiny/runs/gabor-0/evaluation.json")
    assert_refused(asked, "experiments.tiny", "arms.gabor", "has no retrieval yet")


def test_the_model_loads_without_pickled_code(chain: Chain) -> None:
    content = torch.load(chain.results / "tiny/model.pt", weights_only=True)
    assert content["classes"] == ["cross", "disc"]
    assert content["network"] == "shufflenet_v2_x0_5"
    made_from = content["provenance"]
    assert made_from["settings"]["experiments"]["tiny"]["publish"]["arm"] == "selective"
    run = chain.results / "tiny/runs/selective-0"
    measured = json.loads((run / "evaluation.json").read_text(encoding="utf-8"))
    assert made_from["metrics"]["mean_class_accuracy"] == measured["mean_class_accuracy"]
    assert made_from["inputs"]["model"] == digest_of_file(run / "round-0/model.pt")
    assert made_from["inputs"]["subset"] == digest_of_file(run / "round-0/subset.csv")
    assert made_from["data"]["store"]["images"] == {"train": 18}
    assert read_configuration(made_from["settings"]).experiments["tiny"].target == "images"


def test_predict_sees_what_the_evaluation_saw(chain: Chain) -> None:
    with (chain.results / "tiny/runs/selective-0/predictions.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    images = chain.results / "datasets/images/generated"
    published = load_published(chain.results / "tiny/model.pt")
    found = list(predictions(published, [images / row["path"] for row in rows], top=1))
    assert [p.classes[0][0] for p in found] == [row["predicted_class"] for row in rows]
    probabilities = [float(row["probability"]) for row in rows]
    np.testing.assert_allclose([p.classes[0][1] for p in found], probabilities, rtol=1e-5)


def test_every_hdf5_file_describes_itself(chain: Chain) -> None:
    paths = sorted(chain.results.rglob("*.h5"))
    assert len(paths) > 10
    for path in paths:
        with h5py.File(path, "r") as file:
            assert {"format", "format_version", "created_by", "config", "inputs", "digest"} <= set(
                file.attrs
            ), path
            assert json.loads(file.attrs["inputs"]), path
            for dataset in file.values():
                assert dataset.attrs["description"], f"{path}: {dataset.name}"
                assert dataset.attrs["units"], f"{path}: {dataset.name}"
                assert all(dimension.label for dimension in dataset.dims), f"{path}: {dataset.name}"


def test_epsilon_stands_in_every_file_that_depends_on_it(chain: Chain) -> None:
    paths = [*chain.results.rglob("*neighbours*/*.h5"), *chain.results.rglob("neighbours.h5")]
    paths += chain.results.rglob("ranking.h5")
    assert len(paths) == 12  # of three ways of retrieval
    for path in paths:
        with h5py.File(path, "r") as file:
            assert json.loads(file.attrs["config"])["epsilon"] == 1e-4, path


def test_a_second_run_has_nothing_to_do(chain: Chain) -> None:
    assert "Nothing to be done" in chain.make(*TARGETS).output


def test_exact_search_needs_no_index_and_agrees_with_annoy_on_little_data(chain: Chain) -> None:
    with (
        h5py.File(chain.root / PAIRING / "store/neighbours.h5") as found,
        h5py.File(chain.root / EXHAUSTIVE) as truth,
    ):
        assert np.array_equal(found["source_image"][:], truth["source_image"][:])
        np.testing.assert_allclose(found["divergence"][:], truth["divergence"][:], rtol=1e-5)
    exhaustive = chain.results / "retrieval/exhaustive"
    assert not list(exhaustive.rglob("index")) + list(exhaustive.rglob("projection.h5"))
