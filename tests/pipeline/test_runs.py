"""Pairings, runs and rounds of an experiment, and all jobs behind what it makes."""

from collections import Counter
from typing import Any

import pytest
from chain import CONFIG

from sjft import layout
from sjft.errors import UserError
from sjft.layout import Job
from sjft.pipeline import runs
from sjft.pipeline.jobs import Jobs, among, files_read_by, jobs_behind, jobs_of_model
from sjft.pipeline.run_inputs import ablate, skipped_of, summarise
from sjft.pipeline.runs import Pairing, Run
from sjft.settings.config import Configuration, read_configuration

TRAINING = ("finetune", "score_difficulty", "evaluate")
FROM_FILE = {"source": "file", "path": "weights/store.pth"}


def configuration(rounds: int = 2, **changes: Any) -> Configuration:
    """The experiment `tiny` with other keys; from weights, so that no two arms are the same."""
    base = CONFIG["experiments"]["tiny"]
    training = {**base["training"], "weights": FROM_FILE}
    values = {**base, "rounds": rounds, "publish": {}, "training": training, **changes}
    return read_configuration({**CONFIG, "experiments": {"tiny": values}})


def trainings(c: Configuration) -> Jobs:
    return among(jobs_of_model(c, "tiny"), TRAINING)


def names(jobs: Jobs, rule: str) -> list[str]:
    found = [job.names for job in jobs if job.rule == rule]
    return sorted(f"{n['arm']}-{n['seed']}/{n.get('round', 'last')}" for n in found)


def job(rule: str, arm: str, number: int, seed: int = 0) -> Job:
    of = {"arm": arm, "experiment": "tiny", "round": str(number), "seed": str(seed)}
    return Job(rule, tuple(of.items()))


##### rounds #####


def test_the_published_run_alone_is_trained_round_by_round() -> None:
    jobs = trainings(configuration(rounds=3))
    assert names(jobs, "finetune") == [f"selective-0/{number}" for number in range(3)]
    assert names(jobs, "score_difficulty") == ["selective-0/0", "selective-0/1"]
    assert names(jobs, "evaluate") == ["selective-0/last"]
    assert jobs[job("finetune", "selective", 0)] == ()
    assert job("score_difficulty", "selective", 0) in jobs[job("finetune", "selective", 1)]


def test_where_the_arm_is_chosen_all_that_it_may_be_are_trained_and_validated() -> None:
    publish = {"arm": "best", "compare": ["selective", "fine-tune"], "seed": 4}
    c = configuration(rounds=1, publish=publish, seeds=[0, 4])
    jobs = jobs_of_model(c, "tiny")
    runs_of_both = [f"{arm}-{seed}/last" for arm in ("fine-tune", "selective") for seed in (0, 4)]
    assert names(jobs, "validate") == names(jobs, "evaluate") == runs_of_both
    (choose,) = (one for one in jobs if one.rule == "choose")
    assert {one.rule for one in jobs[choose]} == {"validate"} and len(jobs[choose]) == 4
    (publish_job,) = (one for one in jobs if one.rule == "publish")
    models = {f.job.names["arm"] for f in files_read_by(c, publish_job) if f.endswith("model.pt")}
    assert models == {"selective", "fine-tune"} and choose in jobs[publish_job]
    # Nobody else is asked for the validation split: nothing is chosen where an arm is named.
    named = jobs_of_model(configuration(publish={"compare": ["fine-tune"]}), "tiny")
    assert not {"validate", "choose"} & {one.rule for one in named}


def test_random_source_needs_what_the_size_of_the_selection_follows_from() -> None:
    c = configuration(publish={"arm": "random-source"})
    jobs = trainings(c)
    # The last round of `selective` is selected for, but neither trained nor evaluated.
    assert names(jobs, "finetune") == ["random-source-0/0", "random-source-0/1", "selective-0/0"]
    assert names(jobs, "score_difficulty") == ["selective-0/0"]
    assert names(jobs, "evaluate") == ["random-source-0/last"]
    waits = jobs[job("finetune", "random-source", 1)]
    assert job("score_difficulty", "selective", 0) in waits
    assert job("select_subset", "selective", 1) in jobs_of_model(c, "tiny")


def test_a_first_round_that_arms_share_is_trained_once() -> None:
    jobs = trainings(configuration(publish={"compare": ["selective", "no-iteration"]}))
    assert names(jobs, "finetune") == ["no-iteration-0/1", "selective-0/0", "selective-0/1"]
    assert names(jobs, "score_difficulty") == ["selective-0/0"]


def test_every_seed_of_the_compared_arms_is_a_run() -> None:
    c = configuration(publish={"compare": ["fine-tune"]}, seeds=[0, 3])
    compared = [
        Run("tiny", "fine-tune", 0),
        Run("tiny", "fine-tune", 3),
        Run("tiny", "selective", 0),
    ]
    assert runs.compared_runs(c, "tiny") == compared
    assert len(trainings(c)) == 3 * 3 + 1


##### pairings #####


def test_an_arm_with_another_retrieval_has_its_own_pairing_and_its_own_jobs() -> None:
    arms = CONFIG["experiments"]["tiny"]["arms"] | {"gabor": {"retrieval": "exhaustive"}}
    c = configuration(arms=arms, publish={"compare": ["gabor"]})
    assert runs.pairing(c, "tiny") == Pairing("images", ("store",), "approximate", "small")
    assert runs.pairing(c, "tiny", "gabor").retrieval == "exhaustive"
    jobs = jobs_of_model(c, "tiny")
    searched = {job.names["retrieval"] for job in jobs if job.rule == "search_shard"}
    assert searched == {"approximate", "exhaustive"}
    alone = Counter(job.rule for job in jobs_of_model(configuration(), "tiny"))
    both = Counter(job.rule for job in jobs)
    for rule in ("equalise_bins", "build_histograms", "search_shard", "merge_neighbours"):
        assert both[rule] == 2 * alone[rule], rule
    # The bank is the same, and the leaking images are the same images.
    assert both["extract_descriptors"] == alone["extract_descriptors"]
    assert both["hash_images"] == alone["hash_images"]
    assert both["build_index"] == alone["build_index"]  # `exhaustive` needs none


def test_without_source_images_nothing_is_searched() -> None:
    c = configuration(publish={"arm": "fine-tune"})
    rules = Counter(job.rule for job in jobs_of_model(c, "tiny"))
    assert not {"search_shard", "merge_neighbours", "rank_sources"} & rules.keys()
    assert rules["find_leakage"] == 2  # the summary says what stands in the source all the same


def test_an_arm_without_a_retrieval_says_what_to_write() -> None:
    with pytest.raises(UserError, match=r"experiments\.tiny: .*gabor"):
        runs.pairing(configuration(), "tiny", "gabor")


def test_a_ranking_of_several_sources_is_named_by_all_of_them() -> None:
    both = {"source": ["store", "attic"]}
    datasets = {**CONFIG["datasets"], "attic": CONFIG["datasets"]["store"]}
    base = {**CONFIG["experiments"]["tiny"], **both}
    c = read_configuration({**CONFIG, "datasets": datasets, "experiments": {"tiny": base}})
    assert runs.joined(("store", "attic")) == "store+attic"
    assert runs.sources_named("store+attic") == ("store", "attic")
    jobs = jobs_of_model(c, "tiny")
    (ranking,) = [job for job in jobs if job.rule == "rank_sources"]
    assert ranking.names["sources"] == "store+attic"
    assert {job.names["source"] for job in jobs[ranking] if job.rule == "merge_neighbours"} == {
        "store",
        "attic",
    }


def test_lists_of_left_out_images_are_told_apart_by_names_beside_them() -> None:
    store = {**CONFIG["datasets"]["store"], "on_bad_image": "skip"}
    datasets = {**CONFIG["datasets"], "store": store, "attic": {**store, "shards": 3}}
    base = {**CONFIG["experiments"]["tiny"], "source": ["attic", "store"]}
    c = read_configuration({**CONFIG, "datasets": datasets, "experiments": {"tiny": base}})
    names_beside = skipped_of(c, "tiny", "selective")
    assert names_beside == ["attic"] * 3 + ["store"] * 2
    subset = job("select_subset", "selective", 0)
    files = [file for file in files_read_by(c, subset) if file.job.rule == "extract_descriptors"]
    assert [file.job.names["dataset"] for file in files] == names_beside
    assert skipped_of(c, "tiny", "fine-tune") == []


##### the ablation #####


def test_a_fused_row_pulls_in_the_runs_of_other_experiments() -> None:
    base = CONFIG["experiments"]["tiny"]
    other = {**base, "training": {**base["training"], "updates": 3}}
    ablation = {
        "arms": ["fine-tune", "selective"],
        "seeds": [0, 1],
        "fusion": ["selective", "other/selective"],
    }
    experiments = {"tiny": {**base, "ablation": ablation}, "other": other}
    c = read_configuration({**CONFIG, "experiments": experiments})
    assert list(runs.fused_runs(c, "tiny")) == [
        Run(experiment, "selective", seed) for seed in (0, 1) for experiment in ("tiny", "other")
    ]
    jobs = jobs_behind(c, [layout.ABLATION.of(experiment="tiny")])
    evaluated = {(j.names["experiment"], j.names["arm"]) for j in jobs if j.rule == "evaluate"}
    assert evaluated == {("tiny", "fine-tune"), ("tiny", "selective"), ("other", "selective")}


def test_jobs_stand_behind_those_that_they_wait_for() -> None:
    jobs = jobs_of_model(configuration(publish={"compare": ["random-source"]}), "tiny")
    done: set[Job] = set()
    for each, before in jobs.items():
        assert done.issuperset(before)
        done.add(each)
    assert list(jobs)[-1] == layout.MODEL.of(experiment="tiny").job


def test_duplicates_are_left_out_by_their_list_alone_and_where_there_is_none_it_is_refused() -> (
    None
):
    """A summary counts them in any case; an ablation reads them to leave them out."""
    retrievals = {"approximate": CONFIG["retrievals"]["approximate"]}
    wanted = {"publish": {"leave_out_duplicates": True}, "retrieval": "approximate"}
    listed = layout.DUPLICATES.of(retrieval="approximate", target="images")
    c = configuration(**wanted)
    assert ablate(c, experiment="tiny")["duplicates"] == listed
    assert summarise(c, experiment="tiny")["duplicates"] == listed
    kept = configuration(retrieval="approximate")
    assert ablate(kept, experiment="tiny")["duplicates"] == []
    assert summarise(kept, experiment="tiny")["duplicates"] == listed
    # No training, and no evaluation, is another for it.
    assert trainings(c) == trainings(kept)
    unchecked = retrievals["approximate"] | {"leakage": {"check": False}}
    base = CONFIG["experiments"]["tiny"] | wanted
    changed = CONFIG["retrievals"] | {"approximate": unchecked}
    c = read_configuration(CONFIG | {"retrievals": changed, "experiments": {"tiny": base}})
    for read in (ablate, summarise):
        with pytest.raises(
            UserError,
            match=r"^experiments\.tiny\.publish\.leave_out_duplicates: nothing looks for "
            r"duplicates where retrievals\.approximate\.leakage\.check is false\. Set it to",
        ):
            read(c, experiment="tiny")
