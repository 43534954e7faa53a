"""An experiment that starts from what another one learns: one command makes both."""

from copy import deepcopy
from typing import Any

import torch
from chain import Chain
from tiny_runs import assert_refused

from sjft.reports.summary import read_summary
from sjft.storage.files import digest_of_file

FIRST, THEN = "results/first/model.pt", "results/then/model.pt"
LEARNED = {"source": "experiment", "experiment": "first"}


def learn_first(config: dict[str, Any], **training: Any) -> None:
    """`first` learns the contents of `store`; `then` borrows from it, and starts from that."""
    store = config["datasets"]["store"]
    learned = store | {"per_class": {"train": 9, "test": 3}, "shards": 1}
    config["datasets"]["store_learned"] = learned
    tiny = config["experiments"]["tiny"]
    plain = {key: deepcopy(tiny[key]) for key in tiny if key not in ("arms", "ablation")}
    config["experiments"] = {
        "first": plain
        | {
            "target": "store_learned",
            "source": "images",
            "retrieval": "other",
            "publish": {"arm": "fine-tune", "compare": []},
        },
        "then": plain
        | {
            "training": plain["training"] | {"weights": LEARNED, "updates": 1} | training,
            "publish": {"compare": ["fine-tune"]},
        },
    }


def test_one_command_learns_the_source_and_starts_from_that(fresh: Chain) -> None:
    fresh.configure(
        lambda config: learn_first(config, source_head="pretrained", learning_rate=1e-12)
    )
    outcome = fresh.make(THEN)
    assert "Traceback" not in outcome.output
    assert outcome.output.index("`first` was learned first") < outcome.output.index("Next:")
    assert "sjft predict results/first/model.pt" not in outcome.output
    first, then = (torch.load(fresh.root / path) for path in (FIRST, THEN))
    # At such a learning rate the trunk stays what was learned; statistics of batch norm do not.
    kept = [name for name in first["state_dict"] if name.startswith("conv1.0")]
    assert kept
    for name in kept:
        torch.testing.assert_close(then["state_dict"][name], first["state_dict"][name])
    assert then["provenance"]["inputs"]["first weights"] == digest_of_file(fresh.root / FIRST)
    assert read_summary(fresh.results / "then/summary.json")["started_from"] == ["first"]
    assert read_summary(fresh.results / "first/summary.json")["started_from"] == []
    card = (fresh.results / "then/model_card.md").read_text(encoding="utf-8")
    assert "shufflenet_v2_x0_5, what the experiment `first` learned" in card
    settings = then["provenance"]["settings"]  # with them, it can be made again
    assert [*settings["experiments"]] == ["then", "first"]
    assert {"images", "store", "store_learned"} == {*settings["datasets"]}
    assert fresh.plan(THEN) == {}

    def seen_otherwise(config: dict[str, Any]) -> None:
        learn_first(config, source_head="pretrained", learning_rate=1e-12)
        config["experiments"]["first"]["evaluation"] = {"scales": [40], "mirror": True}

    with fresh.configured(seen_otherwise):  # what it came to is published, and nothing trained
        planned = fresh.plan(THEN)
        assert planned["publish"] == 2
        assert "finetune" not in planned
        assert "Traceback" not in fresh.make(THEN).output
        assert fresh.plan(THEN) == {}
    again = torch.load(fresh.root / THEN)
    assert again["provenance"]["inputs"]["first weights"] == digest_of_file(fresh.root / FIRST)
    for name, values in again["state_dict"].items():
        torch.testing.assert_close(values, then["state_dict"][name], rtol=0, atol=0)

    def both_otherwise(config: dict[str, Any]) -> None:
        learn_first(config, source_head="pretrained", learning_rate=1e-12, updates=2)
        for name in ("first", "then"):
            config["experiments"][name]["evaluation"] = {"scales": [36], "mirror": True}

    with fresh.configured(both_otherwise):  # what is published anew hides no other change
        planned = fresh.plan(THEN)
    assert (planned["finetune"], planned["evaluate"], planned["publish"]) == (2, 3, 2)

    def longer(config: dict[str, Any]) -> None:
        learn_first(config, source_head="pretrained", learning_rate=1e-12)
        config["experiments"]["first"]["training"]["updates"] = 3

    with fresh.configured(longer):  # what is learned anew is started from anew
        planned = fresh.plan(THEN)
    assert (planned["finetune"], planned["publish"]) == (3, 2)


def test_what_cannot_be_started_from_is_said_before_the_first_job(fresh: Chain) -> None:
    def unlike(config: dict[str, Any]) -> None:
        learn_first(config)
        config["experiments"]["first"]["training"]["network"] = "squeezenet1_1"

    for change, words in (
        (unlike, ("experiments.then.training.network", "`first`", "squeezenet1_1")),
        (absent_folder, ("my own images", "Take them from the drawer")),
        (other_classes, ("then", "source_head_classes", "disc")),
    ):
        fresh.configure(change)
        assert_refused(fresh.snakemake("-n", THEN), *words)
    assert not (fresh.results / "datasets").exists()


def absent_folder(config: dict[str, Any]) -> None:
    """The images that are to be learned first are not there."""
    learn_first(config)
    config["experiments"]["first"] |= {"target": "own", "evaluation": {"scales": [32]}}


def other_classes(config: dict[str, Any]) -> None:
    """The classifier that is learned knows none of the source's classes."""
    learn_first(config, source_head="pretrained")
    config["experiments"]["first"] |= {"target": "images", "source": "store"}
