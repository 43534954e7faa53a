"""What a summary says first, its warnings, and the last words of a run."""

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from summaries import run_files, summary_of

from sjft.evaluation.probabilities import read_probabilities, write_probabilities
from sjft.reports.choice import Choice
from sjft.reports.conclusion import Command, closing, opening


def concluded(
    folder: Path, published: Choice, **accuracies: float
) -> tuple[dict[str, Any], list[str]]:
    """The summary of one seed of some arms, and its paragraphs."""
    runs = [
        run_files(folder, arm.replace("_", "-"), 0, share, ["dots"])
        for arm, share in accuracies.items()
    ]
    found = summary_of(folder, runs=runs, published=published)
    return found, found["conclusion"]


@pytest.mark.parametrize(
    ("selective", "fine_tune", "begins"),
    [
        (0.95, 0.5, "Borrowing helped in this one training: fine-tune 50.0, selective 95.0: +45.0"),
        (0.7, 0.95, "Borrowing hurt in this one training: fine-tune 95.0, selective 70.0: -25.0"),
        (0.7, 0.7, "Whether borrowing helped cannot be told in this one training: "),
        (0.7, 0.6875, "Whether borrowing helped cannot be told in this one training: "),
        (0.6875, 0.7, "Whether borrowing helped cannot be told in this one training: "),
    ],
)
def test_a_summary_begins_with_the_verdict(
    tmp_path: Path, selective: float, fine_tune: float, begins: str
) -> None:
    found, said = concluded(tmp_path, Choice("selective"), selective=selective, fine_tune=fine_tune)
    assert next(iter(found)) == "conclusion"
    assert said[0].startswith(begins)
    assert said[0] == found["verdict"]["comparisons"][0]["sentence"]
    assert opening(found).startswith(begins)
    worse = selective < fine_tune
    assert any(text.startswith("Warning: The published arm `selective`") for text in said) == worse
    assert (found["published"]["warning"] is not None) == worse
    told = found["verdict"]["comparisons"][0]["outcome"] == "hurt"
    assert ("which may be chance" in str(found["published"]["warning"])) == (worse and not told)


def test_of_a_published_arm_that_borrows_nothing_it_is_not_said_that_borrowing_helped(
    tmp_path: Path,
) -> None:
    runs = [
        run_files(tmp_path, "selective", 0, 0.5, ["dots"]),
        run_files(tmp_path, "random-source", 0, 0.5, ["dots"]),
        run_files(tmp_path, "fine-tune", 0, 0.5, []),
        run_files(tmp_path, "longer", 0, 0.95, []),
    ]
    found = summary_of(tmp_path, runs=runs, published=Choice("longer"))
    assert found["published"]["arm"] == "longer"
    compared = [(c["arm"], c["against"]) for c in found["verdict"]["comparisons"]]
    assert compared == [("selective", "fine-tune"), ("selective", "random-source")]
    assert "longer" not in " ".join(found["conclusion"])
    assert "[selective, fine-tune, random-source, longer]" in closing(found, Command())


def test_an_arm_that_was_chosen_is_not_warned_of_and_its_reason_is_said(tmp_path: Path) -> None:
    chosen = Choice("selective", "`selective` is published: it has the best.")
    found, said = concluded(tmp_path, chosen, selective=0.7, fine_tune=0.95)
    assert said[-1] == chosen.reason
    assert found["published"] == {"arm": "selective", "reason": chosen.reason, "warning": None}


def test_classes_without_a_test_image_are_told(tmp_path: Path) -> None:
    runs = [run_files(tmp_path, "selective", 0, 0.75, ["dots"])]
    assert summary_of(tmp_path, runs=runs)["untested"] == []
    found = read_probabilities(runs[0].probabilities)
    values = np.pad(found.values, ((0, 0), (0, 7)))
    names = [*found.class_names, *(f"tree {number}" for number in range(7))]
    more = replace(found, values=values, class_names=names)
    write_probabilities(runs[0].probabilities, more, {}, {"model": "digest"})
    summary = summary_of(tmp_path, runs=runs)
    assert summary["untested"] == names[2:]
    assert (
        "The split `test` has no image of 7 classes (tree 0, tree 1, tree 2, tree 3, tree 4, ...): "
        "how well they are told is not known, and means are over the other classes."
    ) in summary["table"].splitlines()


@pytest.mark.parametrize("chosen", [Choice("selective"), Choice("selective", "It is the best.")])
def test_a_published_arm_that_does_no_better_than_guessing_is_warned_of(
    tmp_path: Path, chosen: Choice
) -> None:
    found, said = concluded(tmp_path, chosen, selective=0.55, fine_tune=0.5)
    assert said[-1].startswith(
        "Warning: What `selective` learned cannot be told from guessing, which is right in 50.0 %: "
        "55.0 %, 95 % between 44.1 and 65.4. See whether `target_accuracy` rises"
    )
    assert found["published"]["warning"] in said[-1]


def test_two_seeds_that_differ_are_not_taken_for_guessing(tmp_path: Path) -> None:
    runs = [run_files(tmp_path, "selective", s, a, ["dots"]) for s, a in ((0, 0.7), (1, 0.95))]
    assert summary_of(tmp_path, runs=runs)["published"]["warning"] is None


def test_without_a_comparison_it_is_said_how_to_get_one(tmp_path: Path) -> None:
    found, (said,) = concluded(tmp_path, Choice("selective"), selective=0.7)
    assert said == (
        "Whether borrowing helped cannot be told: there is no run of `fine-tune` beside "
        "`selective`. Write `publish: {compare: [selective, fine-tune]}` into experiments.demo, "
        "and give the command again."
    )
    assert found["verdict"]["comparisons"] == []
    last = closing(found, Command())
    assert last.startswith(said)
    assert "ablation.csv" not in last
    _, (said,) = concluded(tmp_path, Choice("fine-tune"), fine_tune=0.7)
    assert said.startswith("Nothing is compared: `fine-tune`, which borrows nothing, was run alone")
    assert "write `compare: [fine-tune, selective]` into experiments.demo.publish" in said


def test_the_last_words_say_where_the_results_are_and_what_to_do_next(tmp_path: Path) -> None:
    found, said = concluded(tmp_path, Choice("selective"), selective=0.7, fine_tune=0.6)
    model, card = Path("results/demo/model.pt"), Path("results/demo/model_card.md")
    lines = closing(found, Command(["config/my own.yaml"])).splitlines()
    assert lines[0] == said[0]
    *_, results, following, predict, neighbours, pages, ablation = lines
    assert results.startswith(f"Results: the model {model}, its card {card}, all arms beside each ")
    assert following == "Next:"
    assert predict == "  sjft predict results/demo/model.pt photo.jpg"
    words = shlex.split(ablation)
    assert words[:4] == ["snakemake", "--cores", "all", "results/demo/ablation.csv"]
    assert words[4:6] == ["--configfile", "config/my own.yaml"]
    name, _, changed = words[-1].partition("=")
    assert words[-2] == "--config" and name == "experiments"
    arms, seeds = ["selective", "fine-tune"], [0, 1, 2, 3, 4]
    assert yaml.safe_load(changed) == {"demo": {"ablation": {"arms": arms, "seeds": seeds}}}
    assert neighbours == "  sjft neighbours demo IMAGE --configfile 'config/my own.yaml'"
    asked = [f"results/demo/{page}/index.html" for page in ("explorer", "report")]
    assert shlex.split(pages) == [*words[:3], *asked, *words[4:6]]


def test_more_seeds_are_not_advised_where_they_would_see_nothing(tmp_path: Path) -> None:
    found, _ = concluded(
        tmp_path, Choice("selective"), selective=0.7, fine_tune=0.6, random_source=0.6
    )
    first, second = found["verdict"]["comparisons"]
    first["with_more_seeds"] = 1.2
    assert "ablation.csv" in closing(found, Command())
    second["with_more_seeds"] = 1.0
    assert "ablation.csv" not in closing(found, Command())


def test_an_older_summary_says_that_it_has_no_verdict() -> None:
    assert opening({"table": "| a |"}).startswith("There is no verdict")


def test_where_no_arm_borrows_neighbours_none_are_offered(tmp_path: Path) -> None:
    found, _ = concluded(tmp_path, Choice("fine-tune"), fine_tune=0.5)
    last = closing({**found, "recall": {}}, Command())
    assert "sjft neighbours" not in last and "explorer" not in last
    assert "results/demo/report/index.html" in last
    assert "explorer" in closing(found, Command())
