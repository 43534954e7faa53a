"""The finished run of the tiny experiments: what was asked for, and what there is."""

from chain import Outcome

PAIRING = "results/retrieval/approximate/images"
EXHAUSTIVE = "results/retrieval/exhaustive/images/store/neighbours.h5"
ABLATION = "results/twice/ablation.csv"
OWN_ARMS = "results/tiny/ablation.csv"
TARGETS = ("results/tiny/model.pt", "results/twice/model.pt", EXHAUSTIVE, ABLATION, OWN_ARMS)
RANKED = {"merge_neighbours", "rank_sources", "select_subset"}
TRAINING = {"finetune", "evaluate", "summarise", "publish"}
LISTING = ("images.csv", "state.json")
EVALUATED = (
    *("evaluation.json", "predictions.csv", "classes.csv", "confusion.csv"),
    "probabilities.h5",
)
ARMS = ("selective", "fine-tune", "random-source", "all-source")


def assert_refused(outcome: Outcome, *words: str) -> None:
    assert outcome.code != 0, outcome.output
    assert "Traceback" not in outcome.output
    for word in words:
        assert word in outcome.output, f"{word!r} is not in:\n{outcome.output}"
