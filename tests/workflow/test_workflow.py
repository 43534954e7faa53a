"""The chain as a user runs it: the `snakemake` command on a copy of the workflow."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from chain import REPOSITORY, Chain, Outcome, copy_all, copy_workflow, lay_out_empty_pictures
from image_files import random_picture
from PIL import Image

from sjft.evaluation.fusion import fuse_folders
from sjft.model.file import load_published
from sjft.model.predict import predict
from sjft.settings.config import read_configuration
from sjft.storage.files import digest_of_file

PAIRING = "results/retrieval/approximate/pictures"
EXHAUSTIVE = "results/retrieval/exhaustive/pictures/store/neighbours.h5"
ABLATION = "results/twice/ablation.csv"
TARGETS = ("results/tiny/model.pt", "results/twice/model.pt", EXHAUSTIVE, ABLATION)
RANKED = {"merge_neighbours", "rank_sources", "select_subset"}
TRAINING = {"finetune", "evaluate", "summarise", "publish"}
LISTING = ("images.csv", "state.json")
EVALUATED = (
    *("evaluation.json", "predictions.csv", "classes.csv", "confusion.csv"),
    "probabilities.h5",
)
ARMS = ("selective", "fine-tune", "random-source", "all-source")


@pytest.fixture(scope="session")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Chain:
    """A finished run of the tiny experiments. Tests leave its files as they find them."""
    made = copy_workflow(tmp_path_factory.mktemp("chain") / "run")
    made.make(*TARGETS)
    return made


@pytest.fixture
def fresh(chain: Chain, tmp_path: Path) -> Chain:
    """A copy of the workflow in which nothing has run yet."""
    return copy_workflow(tmp_path / "fresh", chain.root)


def assert_refused(outcome: Outcome, *words: str) -> None:
    assert outcome.code != 0, outcome.output
    assert "Traceback" not in outcome.output
    for word in words:
        assert word in outcome.output, f"{word!r} is not in:\n{outcome.output}"


# The finished run.


def test_every_stage_leaves_the_files_that_the_design_names(chain: Chain) -> None:
    runs = [f"tiny/runs/{arm}-0" for arm in ARMS]
    rounds = [f"{run}/round-0" for run in runs] + [
        f"twice/runs/selective-0/round-{r}" for r in "01"
    ]
    shards = ("0000", "0001")
    pairing = "retrieval/approximate/pictures"
    extracted = ["pictures/train/0000", "pictures/heldout/0000"]
    extracted += [f"store/train/{s}" for s in shards]
    hashed = [name.replace("/", "/hashes/", 1) for name in extracted]
    names = [
        *(f"datasets/{name}/{f}" for name in ("pictures", "store") for f in LISTING),
        *(f"datasets/{name}.h5" for name in hashed),
        *(f"descriptors/small/{name}.h5" for name in extracted),
        *(f"descriptors/small/{name}.skipped.csv" for name in extracted),
        f"{pairing}/bins.h5",
        f"{pairing}/projection.h5",
        f"{pairing}/duplicates.csv",
        *(f"{pairing}/pictures/histograms/{part}/0000.h5" for part in ("train", "heldout")),
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


def test_the_summary_compares_all_arms_and_says_what_each_stage_cost(chain: Chain) -> None:
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
    for stage, cost in summary["stages"].items():
        assert cost["jobs_not_measured"] == 0, stage
        if stage != "score_difficulty":  # of a single round, none is scored
            assert cost["seconds"] > 0, stage


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
    assert read_configuration(made_from["settings"]).experiments["tiny"].target == "pictures"


def test_predict_sees_what_the_evaluation_saw(chain: Chain) -> None:
    with (chain.results / "tiny/runs/selective-0/predictions.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    pictures = chain.results / "datasets/pictures/generated"
    published = load_published(chain.results / "tiny/model.pt")
    found = predict(published, [pictures / row["path"] for row in rows], top=1)
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
    assert len(paths) == 8
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


# What reruns.


def test_editing_evaluation_reruns_evaluation_and_what_follows(chain: Chain) -> None:
    with chain.edited(
        "workflow/sjft/evaluation/accuracy.py", lambda text: text + "\nEDITED = True\n"
    ):
        assert chain.plan("results/tiny/model.pt") == {"evaluate": 4, "summarise": 1, "publish": 1}


def test_editing_the_bins_reruns_what_follows_but_no_extraction(chain: Chain) -> None:
    with chain.edited("workflow/sjft/retrieval/bins.py", lambda text: text + "\nEDITED = True\n"):
        planned = set(chain.plan("results/twice/model.pt"))
    assert {"equalise_bins", "build_histograms", "fit_projection", "merge_neighbours"} <= planned
    assert planned >= TRAINING
    assert not planned & {"generate_images", "list_images", "extract_descriptors"}


def test_editing_comments_and_docstrings_reruns_nothing(chain: Chain) -> None:
    def edit(text: str) -> str:
        return "# Edited.\n" + text.replace('"""Equal-mass bins', '"""Edited: equal-mass bins')

    with chain.edited("workflow/sjft/retrieval/bins.py", edit):
        assert chain.plan(*TARGETS) == {}


def test_a_learning_rate_reruns_training_but_no_retrieval(chain: Chain) -> None:
    def change(config: dict[str, Any]) -> None:
        config["experiments"]["twice"]["training"] |= {"learning_rate": 0.02}

    with chain.configured(change):
        outcome = chain.make("-n", "results/twice/model.pt")
        # The second round's subset follows from the first round's model.
        assert outcome.planned == {
            "finetune": 2,
            "score_difficulty": 1,
            "select_subset": 1,
            "evaluate": 1,
            "summarise": 1,
            "publish": 1,
        }
    told = (
        "Reason: Params have changed since last execution: training.learning_rate: 0.01 -> 0.02\n"
    )
    assert told in outcome.output
    assert "Shell command: None" not in outcome.output


def test_other_views_of_the_evaluation_and_another_k_0_train_only_what_uses_them(
    chain: Chain,
) -> None:
    def change(config: dict[str, Any]) -> None:
        views = {"scales": [32, 40], "crops": "five", "mirror": True, "batch": 8}
        config["experiments"]["twice"]["evaluation"] = views
        config["experiments"]["twice"]["training"] |= {"device": "auto", "threads": 2}
        config["experiments"]["tiny"]["selection"] = {"initial_neighbours": 3}

    with chain.configured(change):
        # Of `twice` nothing is trained; of `tiny` two of four arms.
        assert chain.plan("results/twice/model.pt", "results/tiny/model.pt") == {
            "select_subset": 2,
            "finetune": 2,
            "evaluate": 3,
            "summarise": 2,
            "publish": 2,
        }


def test_the_number_of_trees_reruns_the_index_and_what_follows(chain: Chain) -> None:
    def change(config: dict[str, Any]) -> None:
        config["retrievals"]["approximate"] |= {"annoy": {"trees": 9}}

    with chain.configured(change):
        planned = set(chain.plan("results/tiny/model.pt"))
    assert (
        planned
        == RANKED | {"build_index", "find_leakage", "merge_leakage", "search_shard"} | TRAINING
    )


def test_an_unrelated_experiment_reruns_nothing(chain: Chain) -> None:
    def change(config: dict[str, Any]) -> None:
        config["experiments"]["another"] = config["experiments"]["tiny"] | {"rounds": 3}

    with chain.configured(change):
        assert chain.plan(*TARGETS) == {}


# Mistakes.


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
            ["experiments.tiny.source", "`stor`", "did you mean `store`", "pictures"],
            id="unknown data set",
        ),
    ],
)
def test_a_wrong_configuration_is_explained(
    chain: Chain, change: Callable[[dict[str, Any]], object], words: list[str]
) -> None:
    with chain.configured(change):
        assert_refused(chain.snakemake("-n", "results/tiny/model.pt"), *words)


def test_all_that_is_missing_is_said_at_once_before_anything_runs(fresh: Chain) -> None:
    for arguments in (["-n"], []):
        outcome = fresh.snakemake(*arguments, "results/absent/model.pt")
        assert_refused(
            outcome,
            *("data set `own`", "data/my own pictures", "Take them from the drawer."),
            *("data set `elsewhere`", "data/elsewhere", "Ask the neighbours."),
            *("weights `experiments.absent.training.weights`", "data/weights/absent.pth"),
        )
        assert outcome.output.count("Some data is not there") == 1
    assert not fresh.results.exists()
    # No lock is left behind.
    fresh.make("results/datasets/pictures/images.csv")


def test_the_papers_experiment_says_what_it_lacks_and_else_shows_its_plan(fresh: Chain) -> None:
    shutil.copy2(REPOSITORY / "config/config.yaml", fresh.root / "config/config.yaml")
    asked = ("-n", "results/indoor67/model.pt")
    assert_refused(fresh.snakemake(*asked), "data/indoor67", "data/imagenet", "image-net.org")
    for folder in ("indoor67/Images", "imagenet/train"):
        (fresh.root / "data" / folder).mkdir(parents=True)
    assert_refused(fresh.snakemake(*asked), "indoor67/TrainImages.txt", "indoor67/TestImages.txt")
    lay_out_empty_pictures(fresh.root / "data")
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


# A user's own pictures.


def save_odd_pictures(root: Path) -> None:
    """Pictures of every kind under names of every kind, in two classes of seven."""
    colour = random_picture(0, (40, 32))
    upside_down = Image.Exif()
    upside_down[0x0112] = 6
    sixteen_bits = np.linspace(0, 65535, 40 * 32).reshape(32, 40).astype(np.uint16)
    for name, picture, options in (
        ("cats & dogs/plain.jpg", colour, {}),
        ("cats & dogs/with spaces  in it.jpeg", colour, {}),
        ('cats & dogs/it\'s "quoted", {so}.PNG', colour, {}),
        ("cats & dogs/größe-日本.JPG", colour, {}),
        ("cats & dogs/grey.jpg", colour.convert("L"), {}),
        ("cats & dogs/palette.gif", colour.convert("P"), {}),
        ("cats & dogs/plain.png", colour, {}),
        ("Äpfel/cmyk.jpg", colour.convert("CMYK"), {}),
        ("Äpfel/sixteen.png", Image.fromarray(sixteen_bits), {}),
        ("Äpfel/one pixel.png", colour.resize((1, 1)), {}),
        ("Äpfel/rotated.jpg", colour, {"exif": upside_down}),
        ("Äpfel/transparent.webp", colour.convert("RGBA"), {}),
        ("Äpfel/-dash.bmp", colour, {}),
        ("Äpfel/a/b/deeper.tif", colour, {}),
    ):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(path, **options)


@pytest.fixture(scope="session")
def own(chain: Chain, tmp_path_factory: pytest.TempPathFactory) -> Chain:
    """A finished run on odd pictures; the source's files come from the other run."""
    made = copy_all(chain, tmp_path_factory.mktemp("own") / "run")
    save_odd_pictures(made.root / "data/my own pictures")
    made.make("results/own/model.pt")
    return made


def test_own_pictures_of_every_kind_and_name_make_a_model(own: Chain) -> None:
    content = torch.load(own.results / "own/model.pt", weights_only=True)
    assert content["classes"] == ["cats & dogs", "Äpfel"]
    skipped = own.results / "descriptors/small/own/train/0000.skipped.csv"
    assert skipped.read_text(encoding="utf-8").split() == ["path,reason"]
    assert (own.results / "own/model_card.md").is_file()


def test_data_that_has_moved_is_the_same_data(own: Chain, tmp_path: Path) -> None:
    moved = copy_all(own, tmp_path / "moved")
    assert moved.plan("results/own/model.pt") == {}
    (moved.root / "data").rename(tmp_path / "disk")
    there = {"SJFT_DATA_ROOT": str(tmp_path / "disk")}
    outcome = moved.make("-n", "results/own/model.pt", env=there)
    assert "Nothing to be done" in outcome.output


def test_a_truncated_picture_ends_the_run_with_its_name_or_is_skipped(
    own: Chain, tmp_path: Path
) -> None:
    bad = copy_all(own, tmp_path / "bad")
    with (bad.results / "datasets/own/images.csv").open(encoding="utf-8", newline="") as file:
        name = next(r["path"] for r in csv.DictReader(file) if r["split"] == "train")
    picture = bad.root / "data/my own pictures" / name
    content = picture.read_bytes()
    picture.unlink()
    picture.write_bytes(content[: len(content) // 2])
    outcome = bad.snakemake("results/own/model.pt")
    assert_refused(outcome, name, "on_bad_image: skip")
    with bad.configured(lambda config: config["datasets"]["own"].update(on_bad_image="skip")):
        bad.make("results/own/model.pt")
    skipped = bad.results / "descriptors/small/own/train/0000.skipped.csv"
    with skipped.open(encoding="utf-8", newline="") as file:
        assert [row["path"] for row in csv.DictReader(file)] == [name]


def test_a_truncated_descriptor_file_is_named_and_nothing_is_overwritten(
    chain: Chain, tmp_path: Path
) -> None:
    cut = copy_all(chain, tmp_path / "cut")
    path = cut.results / "descriptors/small/store/train/0001.h5"
    half = path.read_bytes()[: path.stat().st_size // 2]
    path.write_bytes(half)
    merged = cut.root / PAIRING / "store/neighbours.h5"
    before = merged.read_bytes()
    outcome = cut.snakemake("results/tiny/model.pt")
    assert_refused(outcome, "results/descriptors/small/store/train/0001.h5: is truncated")
    assert path.read_bytes() == half
    assert merged.read_bytes() == before


# Interruption.


def kill_when_there(chain: Chain, target: str, pattern: str) -> None:
    """Start a run and kill it, with all its jobs, as soon as a file is there."""
    log = chain.root / "killed.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            chain.command(target),
            cwd=chain.root,
            env=chain.environment(),
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        until = time.monotonic() + 300
        while not list(chain.results.glob(pattern)) and time.monotonic() < until:
            assert process.poll() is None, log.read_text()
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert list(chain.results.glob(pattern))


def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(chain: Chain, fresh: Chain) -> None:
    target = "results/twice/model.pt"
    kill_when_there(fresh, target, "retrieval/approximate/pictures/store/neighbours/*.h5")
    fresh.make("--unlock")
    kill_when_there(fresh, target, "logs/finetune/twice/selective-0/round-1.log")
    fresh.make("--unlock")
    fresh.make(target)
    last = "results/twice/runs/selective-0/round-1"
    for name in (
        f"{PAIRING}/store/neighbours.h5",
        f"{last}/subset.csv",
        f"{last}/model.pt",
        target,
    ):
        assert (fresh.root / name).read_bytes() == (chain.root / name).read_bytes(), name


# The program itself.


def test_jobs_import_the_library_of_the_folder_they_run_in(fresh: Chain, tmp_path: Path) -> None:
    (tmp_path / "other/sjft").mkdir(parents=True)
    (tmp_path / "other/sjft/__init__.py").write_text("raise ImportError('the wrong library')\n")
    with fresh.edited(
        "workflow/sjft/data/synthetic.py",
        lambda text: text + '\nPath("imported_from").write_text(__file__, encoding="utf-8")\n',
    ):
        made = "results/datasets/pictures/generated"
        fresh.make(made, env={"PYTHONPATH": str(tmp_path / "other")})
        imported_from = (fresh.root / "imported_from").read_text(encoding="utf-8")
        assert imported_from == str(fresh.root / "workflow/sjft/data/synthetic.py")


def test_snakemakes_linter_is_content(chain: Chain) -> None:
    chain.make("--lint")


def test_the_rules_are_formatted() -> None:
    pytest.importorskip("snakefmt")
    done = subprocess.run(
        [sys.executable, "-m", "snakefmt", "--check", "Snakefile", "workflow/rules"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
