"""The profiles: what jobs ask of Slurm, as Snakemake and its plug-in read profile and rules."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from chain import Chain, copy_workflow
from submitted import Submitted, submitted

pytestmark = pytest.mark.slow

PROFILES = Path("workflow/profiles")
SLURM = f"{PROFILES}/slurm"
TARGET = "results/tiny/model.pt"
ON_GPU = {
    *("finetune", "score_difficulty", "evaluate"),
    *("extract_descriptors", "search_shard", "find_leakage", "find_duplicates"),
}


def on_gpus(config: dict[str, Any]) -> None:
    """All that can run on a GPU may; a training takes two."""
    for experiment in config["experiments"].values():
        experiment["training"] |= {"device": "auto", "processes": 2, "threads": 2}
    config["experiments"]["tiny"]["rounds"] = 2
    for retrieval in config["retrievals"].values():
        retrieval |= {"device": "cuda", "backend": "exact"}
    config["banks"]["small"]["device"] = "auto"


@pytest.fixture(scope="module")
def configured(tmp_path_factory: pytest.TempPathFactory) -> Chain:
    pytest.importorskip(
        "snakemake_executor_plugin_slurm", reason="it is missing: pip install '.[slurm]'"
    )
    chain = copy_workflow(tmp_path_factory.mktemp("profile") / "run")
    chain.configure(on_gpus)
    return chain


@pytest.fixture(scope="module")
def documented(configured: Chain) -> Submitted:
    return submitted(configured, "--workflow-profile", SLURM, TARGET)


def test_nothing_holds_back_the_gpus_of_a_cluster(documented: Submitted) -> None:
    assert "gpu" not in documented.limits
    assert documented.limits["_nodes"] == 200
    # Two arms of two rounds and more: all of them ask for both of their GPUs, on one node.
    calls = documented.calls("finetune")
    assert len(calls) > 4
    for call in calls:
        assert {"--gpus=2", "--nodes=1", "--cpus-per-task=2", "--signal=TERM@120"} <= {*call}
    assert documented.rules_with("--gpus=1") == ON_GPU - {"finetune"}


def test_a_profile_beside_the_default_one_does_not_either(configured: Chain) -> None:
    assert "gpu" not in submitted(configured, "--profile", SLURM, TARGET).limits


def test_jobs_are_followed_and_started_anew_as_the_profile_says(documented: Submitted) -> None:
    settings = documented.settings
    assert (settings["status_command"], settings["requeue"]) == ("squeue", "True")
    assert settings["logdir"] == "results/logs/slurm"
    for job in documented.jobs:
        assert "--requeue" in job["call"]
        known = isinstance(job["resources"]["runtime"], int)
        assert re.search(r" -t \d+ ", " ".join(job["call"])) or not known, job
        # Memory and time of what reads files that are not there yet are unknown before they are.
        assert "--mem" in job["call"] or not isinstance(job["resources"]["mem_mb"], int)
        threads = int(re.search(r"--cpus-per-task=(\d+)", " ".join(job["call"]))[1])
        assert threads <= 2, job


def test_a_retry_asks_for_more(documented: Submitted) -> None:
    known = set()
    for job in documented.jobs:
        for name, again in job["again"].items():
            assert again == 2 * job["resources"][name], job
            known.add((job["rule"], name))
    # What reads files that are not there yet has memory and time from their sizes.
    assert {("finetune", "runtime"), ("publish", "mem_mb"), ("list_images", "mem_mb")} <= known
    for job in documented.jobs:
        assert {"mem_mb", "runtime"} <= {*job["resources"]}


def test_small_jobs_of_shards_are_sent_together(configured: Chain) -> None:
    def many_shards(text: str) -> str:
        config = yaml.safe_load(text)
        config["datasets"]["store"] |= {"shards": 40, "per_class": {"train": 9000}}
        config["retrievals"]["approximate"] |= {"backend": "annoy", "device": "cpu"}
        return yaml.safe_dump(config, sort_keys=False)

    with configured.edited("config/config.yaml", many_shards):
        found = submitted(configured, "--workflow-profile", SLURM, TARGET)
    # Both parts of the target and 40 shards of the source.
    sizes = {name: sorted(sizes) for name, sizes in found.sizes_of_groups().items()}
    assert sizes == {
        ("hash_images",): [10, 32],
        ("extract_descriptors",): [10, 16, 16],
        ("build_histograms",): [10, 32],
        ("build_index",): [40],
        ("find_leakage", "search_shard"): [16, 64],
    }
    # Four of them run beside each other; before, each was a job in the queue.
    assert len(found.jobs) - sum(map(sum, sizes.values())) + sum(map(len, sizes.values())) < 50
    (indexes,) = (g for g in found.groups if g["rules"][0] == "build_index")
    assert indexes["resources"]["side_by_side"] == 4


def test_the_example_of_the_profile_asks_for_a_model_wherever_a_gpu_is(configured: Chain) -> None:
    path = configured.root / SLURM / "config.yaml"
    text = path.read_text(encoding="utf-8")
    example = re.search(r"^# set-resources:\n(#  .*\n)+", text, re.MULTILINE)
    assert example
    adapted = configured.root / "adapted.yaml"
    shown = re.sub(r"^# ", "", example[0], flags=re.MULTILINE)
    adapted.write_text(text.replace(example[0], shown), encoding="utf-8")
    # Here the published arm is named, and none is chosen by `val`.
    assert set(yaml.safe_load(shown)["set-resources"]) == ON_GPU | {"validate"}
    found = submitted(configured, "--workflow-profile", str(adapted), TARGET)
    assert found.rules_with("--gpus=a100:2") == {"finetune"}
    assert found.rules_with("--gpus=a100:1") == ON_GPU - {"finetune"}
    assert found.rules_with("--partition=gpu") == ON_GPU
    assert found.rules_with("--signal=TERM@120") == {"finetune"}


def test_what_stands_on_the_command_line_leaves_the_signal(configured: Chain) -> None:
    changed = ("--set-resources", "finetune:mem_mb=5000")
    found = submitted(configured, TARGET, "--workflow-profile", SLURM, *changed)
    (call, *_) = found.calls("finetune")
    assert "--signal=TERM@120" in call
    assert call[call.index("--mem") + 1] == "5000"


@pytest.mark.parametrize(
    ("visible", "arguments", "at_once", "handed_out"),
    [
        ("0,1,2", [], 3, "0,1,2"),
        ("", [], 1, None),
        ("0,1", ["--resources", "gpu=3"], 3, "0,1,0"),
    ],
)
def test_on_one_machine_as_many_jobs_run_as_it_has_gpus(
    configured: Chain, visible: str, arguments: list[str], at_once: int, handed_out: str | None
) -> None:
    with configured.edited("config/config.yaml", lambda text: text.replace("cuda", "cpu")):
        found = submitted(
            configured, TARGET, "--cores", "8", *arguments, env={"CUDA_VISIBLE_DEVICES": visible}
        )
    assert found.limits["gpu"] == at_once
    assert found.handed_out == handed_out


def test_a_locked_folder_says_how_to_cancel_the_jobs_of_the_old_run(tmp_path: Path) -> None:
    pytest.importorskip(
        "snakemake_executor_plugin_slurm", reason="it is missing: pip install '.[slurm]'"
    )
    chain = copy_workflow(tmp_path / "run")
    generated = "results/datasets/images/generated"
    locks = chain.root / ".snakemake/locks"
    locks.mkdir(parents=True)
    (locks / "0.output.lock").write_text(f"{generated}\n", encoding="utf-8")
    refused = chain.snakemake(generated, "--workflow-profile", SLURM)
    assert refused.code != 0
    assert "scancel --name=ID" in refused.output
    here = chain.snakemake(generated)
    assert here.code != 0
    assert "--unlock" in here.output
    assert "scancel" not in here.output
