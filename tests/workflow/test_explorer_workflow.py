"""The explorer and the pairs, from a finished run on."""

from pathlib import Path

from chain import Chain, copy_all
from tiny_runs import assert_refused

from sjft.retrieval.neighbours import read_neighbours
from sjft.selection.pairs import PAIRS_SCHEMA, pairs_of
from sjft.selection.subset import read_manifest
from sjft.storage.files import read_table

PAGE = "results/twice/explorer/index.html"


def test_the_page_and_the_pairs_are_made_without_training_again(
    chain: Chain, tmp_path: Path
) -> None:
    copy = copy_all(chain, tmp_path / "copy")
    made = copy.make(PAGE)
    # How hard images are after the last round is nothing that a run needs.
    assert made.planned == {"score_difficulty": 1, "list_pairs": 2, "explore": 1}
    ranking = read_neighbours(copy.root / "results/retrieval/approximate/images/store/ranking.h5")
    for number in range(2):
        folder = copy.root / f"results/twice/runs/selective-0/round-{number}"
        pairs = read_table(folder / "pairs.csv", dict(PAIRS_SCHEMA))
        manifest = read_manifest(folder / "subset.csv", folder / "targets.csv")
        assert len(pairs) and pairs.equals(pairs_of(manifest, ranking))
    page = copy.root / PAGE
    held_out = (copy.root / "results/datasets/images/generated/test").exists()
    assert held_out and all(
        "test/" not in script.read_text() for script in (page.parent / "data").glob("*.js")
    )
    assert len(list((page.parent / "images").glob("*.jpg"))) >= 2
    assert not copy.plan(PAGE)
    with copy.edited("workflow/sjft/reports/explorer/page/views.js", lambda text: text + "\n//"):
        assert copy.plan(PAGE) == {"explore": 1}
    random = "results/tiny/runs/random-source-0/round-0/pairs.csv"
    assert_refused(
        copy.snakemake("-n", random),
        "tiny: the arm `random-source` has no pairs.csv: its source images are drawn at random",
    )
