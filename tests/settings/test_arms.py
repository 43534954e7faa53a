"""Arms: what they start from, what they may change, and which first rounds are the same."""

from typing import Any

import pytest
import yaml
from configurations import changed, refusal

from sjft.settings.arm import PRESETS
from sjft.settings.config import read_configuration
from sjft.settings.experiment import ExperimentSettings

KEY = "experiments.main.arms"
FURTHER = {
    "banks.deep": {"type": "cnn", "layers": ["features.6"]},
    "retrievals.deep": {"bank": "deep"},
    "retrievals.linear": {"bank": "gabor"},
}


def with_arms(arms: dict[str, Any], **changes: Any) -> ExperimentSettings:
    """The experiment `main` with these arms, and other values of some of its keys."""
    own = {f"experiments.main.{key}": value for key, value in changes.items()}
    return read_configuration(changed({**FURTHER, **own, KEY: arms})).experiments["main"]


def test_an_arm_is_the_one_that_it_is_like_with_its_changes() -> None:
    experiment = with_arms(
        {
            "deep": {"retrieval": "deep"},
            "k30": {"like": "deep", "selection": {"initial_neighbours": 30}},
            "slow": {"like": "k30", "training": {"learning_rate": 0.001}, "iterate": False},
        },
        selection={"growth_uncertain": 3},
        training={"updates": 2500},
    )
    deep, k30, slow = (experiment.arm(name) for name in ("deep", "k30", "slow"))
    assert (deep.retrieval, deep.sources, deep.iterates) == ("deep", "neighbours", True)
    assert (deep.selection, deep.training) == (experiment.selection, experiment.training)
    assert k30.retrieval == slow.retrieval == "deep"
    assert k30.selection == experiment.selection.model_copy(update={"initial_neighbours": 30})
    assert slow.selection == k30.selection
    assert slow.training == experiment.training.model_copy(update={"learning_rate": 0.001})
    assert [arm.against for arm in (deep, k30, slow)] == ["selective", "deep", "k30"]
    assert not slow.iterates
    assert deep.title == "selective joint fine-tuning; retrieval deep"
    assert slow.title.endswith("; initial_neighbours 30; iterate false, learning_rate 0.001")


def test_the_users_own_arms_stand_behind_the_papers_and_are_run() -> None:
    arms = {"zebra": {"retrieval": "deep"}, "ape": {"retrieval": "linear"}}
    experiment = with_arms(arms)
    assert experiment.arm_names == (*PRESETS, "zebra", "ape")
    assert experiment.ablation_arms[-3:] == ("selective", "zebra", "ape")
    named = with_arms(arms, ablation={"arms": ["ape", "selective"]})
    assert named.ablation_arms == ("selective", "ape")


def test_random_images_are_as_many_as_those_of_the_arm_that_they_are_drawn_for() -> None:
    experiment = with_arms(
        {
            "k30": {"selection": {"initial_neighbours": 30}},
            "drawn": {"like": "k30", "sources": "random"},
            "other": {"like": "random-source", "as_many_as": "no-iteration"},
            "third": {"like": "fine-tune", "sources": "random"},
        }
    )
    found = {name: experiment.arm(name).as_many_as for name in ("drawn", "other", "third")}
    assert found == {"drawn": "k30", "other": "no-iteration", "third": "selective"}
    assert experiment.arm("random-source").as_many_as == "selective"
    assert experiment.arm("k30").as_many_as is None
    assert not experiment.arm("drawn").iterates


def owners(experiment: ExperimentSettings) -> dict[str, str]:
    names = filter(experiment.is_complete, experiment.arm_names)
    return {name: experiment.first_round_owner(name) for name in names}


def test_the_papers_arms_share_the_first_round_of_no_iteration_alone() -> None:
    found = owners(with_arms({"gabor": {"retrieval": "linear"}}))
    assert found == {name: "selective" if name == "no-iteration" else name for name in PRESETS}


def test_where_all_weights_are_random_arms_from_scratch_take_the_rounds_of_the_others() -> None:
    random = {"weights": {"source": "random"}, "source_head_learning_rate_factor": 1}
    found = owners(with_arms({}, training=random))
    assert found["fine-tune"] == found["scratch"] == "fine-tune"
    assert found["selective"] == found["selective-scratch"] == "selective"


@pytest.mark.parametrize(
    ("arms", "found"),
    [
        ({"own": {"selection": {"growth_uncertain": 9}}}, {"own": "selective"}),
        ({"own": {"like": "no-iteration", "title": "another"}}, {"own": "selective"}),
        ({"own": {"selection": {"draw_hard_images_more": True}}}, {"own": "selective"}),
        ({"own": {"selection": {"initial_neighbours": 30}}}, {"own": "own"}),
        ({"own": {"selection": {"least_images_per_class": 3}}}, {"own": "own"}),
        ({"own": {"retrieval": "deep"}}, {"own": "own"}),
        ({"own": {"training": {"updates": 2600}}}, {"own": "own"}),
        # It is said twice, and the same.
        ({"own": {"selection": {"initial_neighbours": 300}}}, {"own": "selective"}),
        ({"own": {"like": "fine-tune"}}, {"own": "fine-tune"}),
        # `selective` is equal to none of these: the first one owns it.
        (
            {
                "first": {"retrieval": "deep"},
                "second": {"like": "first", "iterate": False},
                "third": {"like": "no-iteration", "retrieval": "deep"},
            },
            {"first": "first", "second": "first", "third": "first"},
        ),
        # As many in the first round, whatever becomes of it.
        (
            {"own": {"like": "random-source", "as_many_as": "no-iteration"}},
            {"own": "random-source"},
        ),
        (
            {
                "k30": {"selection": {"initial_neighbours": 30}},
                "own": {"like": "random-source", "as_many_as": "k30"},
            },
            {"own": "own"},
        ),
        # How far the others have learnt decides nothing yet.
        (
            {
                "quick": {"training": {"updates": 2600}},
                "own": {"like": "random-source", "as_many_as": "quick"},
            },
            {"own": "random-source", "quick": "quick"},
        ),
    ],
)
def test_equal_first_rounds_are_found_by_their_settings(
    arms: dict[str, Any], found: dict[str, str]
) -> None:
    all_owners = owners(with_arms(arms))
    assert {name: all_owners[name] for name in found} == found


def test_what_an_arm_is_told_to_be_can_be_written_down_and_read_again() -> None:
    arms = {
        "gabor": {"retrieval": "linear"},
        "own": {"like": "gabor", "against": None, "training": {"weights": {"source": "random"}}},
    }
    experiment = with_arms(arms)
    dumped = experiment.model_dump(mode="json")
    assert dumped["arms"] == {
        **arms,
        "own": {**arms["own"], "training": {"weights": {"source": "random", "seed": 0}}},
    }
    again = ExperimentSettings.model_validate(dumped)
    assert [again.arm(name) for name in again.arm_names] == [
        experiment.arm(name) for name in experiment.arm_names
    ]


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "target": ({"own": {"target": "demo"}}, f"{KEY}.own.target: all arms are compared on the same"),
    "source": ({"own": {"source": "demo"}}, f"{KEY}.own.source: all arms choose from the same sou"),
    "rounds": ({"own": {"rounds": 3}}, f"{KEY}.own.rounds: all arms run the same rounds"),
    "seeds": ({"own": {"seeds": [1]}}, f"{KEY}.own.seeds: arms are compared seed by seed"),
    "evaluation": ({"own": {"evaluation": {}}}, f"{KEY}.own.evaluation: all arms are measured al"),
    "publish": (
        {"own": {"publish": {}}},
        f"{KEY}.own.publish: is the experiment's: write `publish: {{arm: own}}` there",
    ),
    "ablation": ({"own": {"ablation": {}}}, f"{KEY}.own.ablation: is the experiment's, and has a"),
    "arms": ({"own": {"arms": {}}}, f"{KEY}.own.arms: arms stand side by side"),
    "unknown key": (
        {"own": {"iterates": True}},
        f"{KEY}.own.iterates: unknown key; did you mean `",
    ),
    "unknown key below": (
        {"own": {"selection": {"initial_neighbour": 3}}},
        f"{KEY}.own.selection.initial_neighbour: unknown key; did you mean `initial_neighbours`?",
    ),
    "wrong value": (
        {"own": {"training": {"learning_rate": "fast"}}},
        f"{KEY}.own.training.learning_rate: Input should be a valid number",
    ),
    "unknown like": (
        {"own": {"like": "selektive"}},
        f"{KEY}.own.like: there is no arm `selektive`; did you mean `selective`? Allowed: scratch",
    ),
    "like itself": ({"own": {"like": "own"}}, f"{KEY}.own.like: `own` starts from `own`: one of"),
    "a circle": (
        {"a": {"like": "b"}, "b": {"like": "c"}, "c": {"like": "a"}},
        f"{KEY}.a.like: `a` starts from `b` starts from `c` starts from `a`: one of them must",
    ),
    "no folder": ({"a/b": {}}, f"{KEY}.a/b: String should match pattern"),
    "a long name": ({"k" * 101: {}}, f"{KEY}: the name `kkkkk"),
    "the row of fusion": ({"fusion": {}}, f"{KEY}.fusion: the ablation has a row `fusion` of its"),
    "names that some disks take for one": (
        {"Gabor": {"retrieval": "deep"}},
        f"{KEY}.Gabor: some disks take the folders of `Gabor` and `gabor` for one",
    ),
    "the method itself": (
        {"selective": {"retrieval": "deep"}},
        f"{KEY}.selective: `selective` is what the experiment's own `retrieval`, `selection`",
    ),
    "a preset like another": (
        {"scratch": {"like": "fine-tune"}},
        f"{KEY}.scratch.like: `scratch` is one of the paper's arms",
    ),
    "against itself": ({"own": {"against": "own"}}, f"{KEY}.own.against: an arm has no difference"),
    "against nobody": (
        {"own": {"against": "scrach"}},
        f"{KEY}.own.against: there is no arm `scrach`; did you mean `scratch`?",
    ),
    "as many as nobody": (
        {"own": {"sources": "random", "as_many_as": "selectiv"}},
        f"{KEY}.own.as_many_as: there is no arm `selectiv`; did you mean `selective`?",
    ),
    "as many as an arm that draws them": (
        {"own": {"sources": "random", "as_many_as": "all-source"}},
        f"{KEY}.own.as_many_as: `all-source` does not choose source images by neighbours. Allowed: "
        "selective-scratch, no-iteration, selective",
    ),
    "as many as itself": (
        {"own": {"sources": "random", "as_many_as": "own"}},
        f"{KEY}.own.as_many_as: `own` does not choose source images by neighbours",
    ),
    "as many of neighbours": (
        {"own": {"as_many_as": "selective"}},
        f"{KEY}.own.as_many_as: is for `sources: random` alone: these are `neighbours`",
    ),
    "growth of all": (
        {"own": {"sources": "all", "iterate": True}},
        f"{KEY}.own.iterate: K_i grows where source images are an image's own neighbours",
    ),
    "K_0 of random images": (
        {"own": {"like": "random-source", "selection": {"initial_neighbours": 3}}},
        f"{KEY}.own.selection.initial_neighbours: decides nothing here: source images are `random`",
    ),
    "a source's loss without a source": (
        {"own": {"like": "fine-tune", "training": {"source_loss_weight": 0.5}}},
        f"{KEY}.own.training.source_loss_weight: decides nothing here: the arm has no source",
    ),
    "a scale of divergences without neighbours": (
        {"own": {"like": "random-source", "training": {"source_loss_scale": 2}}},
        f"{KEY}.own.training.source_loss_scale: weights by the divergence of an image's own neigh",
    ),
    "a scale of divergences without a source": (
        {"own": {"like": "fine-tune", "training": {"source_loss_scale": 2}}},
        f"{KEY}.own.training.source_loss_scale: decides nothing here: the arm has no source",
    ),
    "retrieval without a source": (
        {"own": {"like": "fine-tune", "retrieval": "deep"}},
        f"{KEY}.own.retrieval: decides nothing here: the arm has no source images",
    ),
    "no retrieval of that name": (
        {"own": {"retrieval": "dep"}},
        f"{KEY}.own.retrieval: there is no `dep`; did you mean `deep`?",
    ),
    "no retrieval at all": (
        {"own": {"like": "gabor"}},
        f"{KEY}.own: the arm `own` has no retrieval yet. Write `arms: {{own: {{retrieval: NAME}}",
    ),
    "more neighbours than on file": (
        {"own": {"selection": {"initial_neighbours": 6000}}},
        f"{KEY}.own.selection.initial_neighbours: 6000 neighbours are wanted, but retrievals.paper",
    ),
    "how a job computes": (
        {"own": {"training": {"device": "cpu"}}},
        f"{KEY}.own.training.device: says how a job computes, which no arm is about",
    ),
    "images larger than those of the evaluation": (
        {"own": {"training": {"input_size": 300, "resize": [300, 320]}}},
        f"{KEY}.own.training.input_size: 300 is more than the smallest of the experiment's "
        "evaluation.scales (256)",
    ),
    "keys that do not go together": (
        {"own": {"training": {"warm_up_updates": 3000}}},
        f"{KEY}.own.training: need warm_up_updates < updates, got 3000, 3000",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_arm_that_cannot_be_is_explained(name: str) -> None:
    arms, message = REFUSED[name]
    found = refusal({**FURTHER, KEY: arms})
    assert f"\n  - {message}" in found
    assert found.count("\n  - ") == (3 if name == "a circle" else 1)


def test_an_arms_keys_are_held_against_its_experiments_and_not_against_defaults() -> None:
    experiment = with_arms(
        {"own": {"training": {"warm_up_updates": 4000}}}, training={"updates": 5000}
    )
    assert experiment.arm("own").training.warm_up_updates == 4000


def test_a_scale_of_divergences_for_all_is_refused_to_random_images_and_may_be_taken_back() -> None:
    scale = {"source_loss_scale": 2.0}
    all_of_them = {"experiments.main.training": scale}
    found = refusal({**FURTHER, **all_of_them})
    lines = [line for line in found.splitlines() if line.startswith("  - ")]
    assert [line.partition(":")[0] for line in lines] == [
        f"  - {KEY}.{name}.training.source_loss_scale" for name in ("all-source", "random-source")
    ]
    off = {"training": {"source_loss_scale": None}}
    taken = with_arms({"all-source": off, "random-source": off}, training=scale)
    assert taken.arm("random-source").training.source_loss_scale is None
    assert taken.arm("selective").training.source_loss_scale == 2.0
    # Without source images there is nothing to be weighted, and nothing else either.
    assert taken.first_round_owner("fine-tune") == "fine-tune"


def test_an_arm_with_a_scale_of_divergences_has_a_first_round_of_its_own() -> None:
    experiment = with_arms({"weighted": {"training": {"source_loss_scale": 2.0}}})
    assert experiment.first_round_owner("weighted") == "weighted"
    assert experiment.arm("weighted").against == "selective"
    assert experiment.arm("weighted").title.endswith("; source_loss_scale 2.0")


REPLACED: list[tuple[dict[str, Any], list[str]]] = [
    (
        {"gabor_retrieval": "linear"},
        ["gabor_retrieval: what an arm is run with stands in `arms` now. Remove the key, and write "
         "experiments: {main: {arms: {gabor: {retrieval: linear}}}}"],
    ),
    (
        {"scratch_learning_rate": 0.05},
        ["scratch_learning_rate: what an arm is run with stands in `arms` now. Remove the key, and "
         "write experiments: {main: {arms: {scratch: {training: {learning_rate: 0.05}}, "
         "selective-scratch: {training: {learning_rate: 0.05}}}}}"],
    ),
    (
        {"gabor_retrieval": None, "scratch_learning_rate": None},
        ["gabor_retrieval: is no longer a key, and null says nothing: remove it",
         "scratch_learning_rate: is no longer a key, and null says nothing: remove it"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("keys", "messages"), REPLACED)
def test_keys_that_are_arms_now_are_told_with_what_to_write(
    keys: dict[str, Any], messages: list[str]
) -> None:
    found = refusal({**FURTHER, "experiments.main.ablation": keys})
    assert [line for line in found.splitlines() if line.startswith("  - ")] == [
        f"  - experiments.main.ablation.{message}" for message in messages
    ]


def test_what_is_to_be_written_instead_is_taken() -> None:
    told = refusal({**FURTHER, "experiments.main.ablation": REPLACED[1][0]})
    written = yaml.safe_load(told.partition("and write ")[2].splitlines()[0])
    experiment = with_arms(written["experiments"]["main"]["arms"])
    assert experiment.arm("scratch").training.learning_rate == 0.05
    assert experiment.arm("selective-scratch").training.learning_rate == 0.05
