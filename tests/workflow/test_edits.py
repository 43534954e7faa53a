"""What an edit of the program or of the settings makes Snakemake run again."""

from typing import Any

from chain import Chain
from tiny_runs import RANKED, TARGETS, TRAINING


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
