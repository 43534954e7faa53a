"""Summary: shares, means over seeds, and the table."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from evaluated_runs import answering
from small import manifest
from summaries import IMAGES, RETRIEVAL, run_files, sources, summary_of

from sjft.errors import UserError
from sjft.reports.choice import Choice
from sjft.reports.summary import (
    chance,
    read_summary,
    render_table,
    style_share,
)
from sjft.storage.files import read_json, write_json


@pytest.mark.parametrize(
    ("targets", "selected", "share"),
    [
        (["dots"], ["dots", "lines", "lines", "dots"], 0.5),
        (["dots", "lines"], ["dots", "lines", "grain"], 2 / 3),
        (["dots", ""], ["", "dots"], 0.5),
        (["dots"], ["lines"], 0.0),
        (["dots"], [], None),
        (["dots"], ["", ""], None),
        (["", ""], ["dots"], None),
    ],
)
def test_the_style_share_is_that_of_the_selected_images(
    targets: list[str], selected: list[str], share: float | None
) -> None:
    assert style_share(manifest(targets, selected)) == (
        share if share is None else pytest.approx(share)
    )


def test_chance_is_the_share_of_all_source_images() -> None:
    of_targets = manifest(["dots"], ["dots"])
    assert chance(of_targets, sources(["dots", "lines", "lines", "grain"])) == 0.25
    assert chance(of_targets, sources(["", ""])) is None


def test_seeds_are_averaged_and_kept(tmp_path: Path) -> None:
    arms = summary_of(tmp_path)["arms"]
    assert list(arms) == ["selective", "fine-tune"]
    assert arms["selective"]["mean_class_accuracy"] == 0.625
    assert arms["selective"]["accuracy"] == 0.3125
    assert arms["selective"]["source_images"] == 2
    assert arms["selective"]["style_share"] == pytest.approx((2 / 3 + 1) / 2)
    assert [run["seed"] for run in arms["selective"]["runs"]] == [0, 1]
    assert arms["fine-tune"]["style_share"] is None


def test_accuracies_are_given_without_the_test_images_that_stand_in_training(
    tmp_path: Path,
) -> None:
    # `answering` tells the first images right: with 20 of these left out, of 80 images.
    paths = answering(np.ones(IMAGES, bool)).paths
    counts = {"target_images": 20, "source_images": 7}
    leaking = replace(
        RETRIEVAL, duplicates=counts, duplicated=frozenset({*paths[:20], "val/other.jpg"})
    )
    runs = [run_files(tmp_path, arm, 0, share, []) for arm, share in (("a", 0.5), ("b", 0.25))]
    found = summary_of(tmp_path, runs=runs, retrieval=leaking, published=Choice("a"))
    without = {arm: of["runs"][0]["without_duplicates"] for arm, of in found["arms"].items()}
    labels = answering(np.ones(IMAGES, bool)).labels
    right = np.arange(20, IMAGES) < 40  # of arm a, 40 of all
    expected = np.mean([right[labels[20:] == c].mean() for c in np.unique(labels[20:])])
    figures = {"mean_class_accuracy": pytest.approx(expected), "accuracy": 20 / 60}
    assert without["a"] == figures | {"test_images": 60}
    assert without["b"]["mean_class_accuracy"] == 0
    line = (
        "20 of the 80 test images stand among the target's own training images.\n"
        f"Mean class accuracy without these, on 60 test images: a {100 * expected:.1f} %, b 0.0 %."
    )
    assert found["duplicated"]["images"] == sorted(paths[:20]) and found["duplicated"]["of"] == 80
    assert found["table"].endswith(line)
    assert "20 held-out images stand among the target's own training images too." in found["table"]
    # The figures themselves are those of all test images; and of none there is nothing to say.
    assert found["arms"]["a"]["mean_class_accuracy"] == 0.5
    nothing = summary_of(tmp_path, runs=runs, retrieval=RETRIEVAL, published=Choice("a"))
    assert nothing["arms"]["a"]["runs"][0]["without_duplicates"] is None
    assert "without these" not in nothing["table"]
    # Left out: the figures and the verdict are of the others, and those of all stand behind.
    left = replace(leaking, leave_out=True)
    found = summary_of(tmp_path, runs=runs, retrieval=left, published=Choice("a"))
    (run,) = found["arms"]["a"]["runs"]
    assert run["mean_class_accuracy"] == pytest.approx(expected) and run["test_images"] == 60
    assert run["with_duplicates"]["mean_class_accuracy"] == 0.5
    assert found["table"].endswith("with them, on all 9 test images: a 50.0 %, b 25.0 %.")
    assert (
        "20 of the 80 test images stand among the target's own training images, and are left"
        in (found["table"])
    )
    named = [
        replace(run, arm=arm) for run, arm in zip(runs, ("selective", "fine-tune"), strict=True)
    ]
    found = summary_of(tmp_path, runs=named, retrieval=left, published=Choice("selective"))
    assert found["verdict"]["comparisons"][0]["images"] == 60
    every = replace(left, duplicated=frozenset(paths))
    with pytest.raises(UserError, match="All 80 test images stand among"):
        summary_of(tmp_path, runs=runs, retrieval=every, published=Choice("a"))
    # Who did not ask to leave them out keeps the run's figures, and is told.
    every = replace(every, leave_out=False)
    found = summary_of(tmp_path, runs=runs, retrieval=every, published=Choice("a"))
    assert found["arms"]["a"]["runs"][0]["without_duplicates"] is None
    assert found["table"].splitlines()[-1] == (
        "80 of the 80 test images stand among the target's own training images. There are no "
        "others of: class 0, class 1."
    )


def cells(table: str) -> list[list[str]]:
    lines = [line for line in table.splitlines() if line.startswith("|")]
    assert len({len(line) for line in lines}) == 1  # aligned
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_table_shows_shares_where_styles_are_known(tmp_path: Path) -> None:
    table = summary_of(tmp_path)["table"]
    rows = cells(table)
    assert rows[0][-1] == "share of the target's style"
    assert rows[2] == ["selective", "62.5 %", "31.2 %", "2", "83.3 %"]
    assert rows[3] == ["fine-tune", "25.0 %", "12.5 %", "0", "-"]
    assert "By chance: 25.0 %." in table
    assert "`annoy` search: 0.988 of the first 10, 1.000 of the first 100." in table


def test_the_table_does_without_styles(tmp_path: Path) -> None:
    found = summary_of(tmp_path, styles=False, retrieval=replace(RETRIEVAL, recall={}))
    rows = cells(found["table"])
    assert rows[0] == ["arm", "mean class accuracy", "top-1", "source images"]
    assert rows[2] == ["selective", "62.5 %", "31.2 %", "2"]
    assert found["style_share_by_chance"] is None
    assert "chance" not in found["table"]
    assert "Recall" not in found["table"]  # no arm has neighbours


def test_millions_of_source_images_are_written_out(tmp_path: Path) -> None:
    found = summary_of(tmp_path, styles=False)
    found["arms"]["selective"]["source_images"] = 1281167
    assert cells(render_table(found))[2][3] == "1281167"


def test_a_summary_can_be_read_back(tmp_path: Path) -> None:
    written = summary_of(tmp_path)
    write_json(tmp_path / "s.json", written)
    assert read_summary(tmp_path / "s.json") == written


def test_leakage_and_duplicates_are_reported(tmp_path: Path) -> None:
    assert "Leakage was not looked for." in summary_of(tmp_path)["table"]
    checked = replace(
        RETRIEVAL,
        leakage={"store": {"source_images": 4, "target_images": 3, "in_doubt": 2}},
        duplicates={"source_images": 2, "target_images": 1},
    )
    table = summary_of(tmp_path, retrieval=checked)["table"]
    told = "4 images of store show a held-out image of the target (3 such images)."
    assert f"{told} 2 of them by a perceptual hash of more than 40 bits alone, " in table
    assert "1 held-out image stands among the target's own training images too." in table
    assert table.count("look at the pairs") == 1
    one = {"store": {"source_images": 1, "target_images": 1}}
    table = summary_of(tmp_path, retrieval=replace(checked, leakage=one))["table"]
    assert "Leakage: 1 image of store shows a held-out image of the target (1 such image)." in table


def test_what_was_learned_first_is_said_to_have_seen_what_leaks(tmp_path: Path) -> None:
    leaking = {"store": {"source_images": 1, "target_images": 1}}
    none = {"store": {"source_images": 0, "target_images": 0}}
    counts = {"source_images": 0, "target_images": 0}
    checked = replace(RETRIEVAL, duplicates=counts, started_from=("first",))
    said = "But `first` learned from all of its own"
    assert said in summary_of(tmp_path, retrieval=replace(checked, leakage=leaking))["table"]
    assert said not in summary_of(tmp_path, retrieval=replace(checked, leakage=none))["table"]
    elsewhere = replace(checked, leakage=leaking, started_from=())
    assert "learned from" not in summary_of(tmp_path, retrieval=elsewhere)["table"]


@pytest.mark.parametrize(
    ("number", "images", "names"),
    [
        (1, "1 image", "and has no part in the figures: a0.jpg."),
        (
            6,
            "6 images",
            "and have no part in the figures: a0.jpg, a1.jpg, a2.jpg, a3.jpg, a4.jpg, ....",
        ),
    ],
)
def test_test_images_that_could_not_be_read_are_counted_and_named(
    tmp_path: Path, number: int, images: str, names: str
) -> None:
    runs = [run_files(tmp_path, arm, 0, 0.5, []) for arm in ("selective", "fine-tune")]
    assert "could not be read" not in summary_of(tmp_path, runs=runs)["table"]
    skipped = [{"path": f"a{place}.jpg", "reason": "is truncated"} for place in range(number)]
    for run in runs:
        write_json(run.evaluation, read_json(run.evaluation) | {"skipped": skipped})
    found = summary_of(tmp_path, runs=runs)
    assert found["skipped"] == [image["path"] for image in skipped]
    line = f"{images} of the split `test` could not be read, {names}"
    assert line in found["table"].splitlines()


def test_the_table_says_over_which_seeds_its_figures_are_means(tmp_path: Path) -> None:
    assert "Means over the seeds 0 and 1." in summary_of(tmp_path)["table"].splitlines()
    one = [run_files(tmp_path, arm, 4, 0.5, []) for arm in ("selective", "fine-tune")]
    assert "Means" not in summary_of(tmp_path, runs=one)["table"]


def test_the_share_of_each_source_is_reported_where_there_are_several(tmp_path: Path) -> None:
    found = summary_of(tmp_path)
    assert found["arms"]["selective"]["runs"][0]["source_shares"] == {"store": 1.0}
    assert "Shares of the sources" not in found["table"]
    for run in found["arms"]["selective"]["runs"]:
        run["source_shares"] = {"store": 0.25, "attic": 0.75}
    two = replace(RETRIEVAL, recall={"store": {"10": 1.0}, "attic": {"10": 0.5}})
    found["recall"] = two.recall
    table = render_table(found)
    assert "Shares of the sources: selective 25.0 % store, 75.0 % attic." in table
    assert "1.000 of the first 10 in store; 0.500 of the first 10 in attic." in table
    # As all figures of the table they are means over the seeds, one of which may lack a source.
    first, *others = found["arms"]["selective"]["runs"]
    assert len(others) == 1
    first["source_shares"] = {"store": 1.0}
    assert "sources: selective 62.5 % store, 37.5 % attic." in render_table(found)
