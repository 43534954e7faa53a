"""What the record answers beyond one experiment: what each setting changes, and "never worse"."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from command_line import Row
from evidence_difference import OfSeeds, difference
from evidence_record import Run

from sjft.reports.choice import best_arm
from sjft.settings.arm import WITHOUT_SOURCE

TRIAL = "_val_"
BASELINE = f"{TRIAL}baseline"
# Settings are tried for these: what is handed over, and what it is held against.
TRIED = ("selective", WITHOUT_SOURCE)


def by_arm(runs: Sequence[Run], experiment: str) -> dict[str, dict[int, Run]]:
    """An experiment's runs, by arm and seed."""
    found: dict[str, dict[int, Run]] = {}
    for run in runs:
        if run.experiment == experiment:
            found.setdefault(run.arm, {})[run.seed] = run
    return found


def headline(
    runs: Sequence[Run],
    names: Sequence[str],
    labels: Mapping[str, Sequence[int]],
    comparisons: Sequence[tuple[str, str]],
    networks: Mapping[str, str],
) -> Iterator[Row]:
    """Each experiment on the test split in one row: its network, in words, and the differences.

    Differences are in points, with the interval of other trainings on other images; those that
    are clear of 0 are bold. Where the right source images are known, how many of them were chosen
    and drawn.
    """
    for name in names:
        of_arms = {} if TRIAL in name else by_arm(runs, name)
        plain = of_arms.get(WITHOUT_SOURCE, {})
        if not plain:
            continue
        classes = np.array(labels[next(iter(plain.values())).settings])
        mean = np.mean([run.mean_class_accuracy for run in plain.values()])
        yield {
            "experiment": f"`{name}`",
            "network": networks[name],
            "seeds": len(plain),
            "right look, %": _of_right_look(of_arms),
            WITHOUT_SOURCE: f"{100 * mean:.1f}",
            **{
                f"{arm} - {other}": found.in_short() if found else "-"
                for arm, other in comparisons
                for found in [
                    difference(of_arms.get(arm, {}), of_arms.get(other, {}), classes, arm, other)
                ]
            },
        }


def _of_right_look(of_arms: Mapping[str, OfSeeds]) -> str:
    """Of the borrowed images, by choice and by chance; a dash where it is not known."""
    means = []
    for arm in ("selective", "random-source"):
        known = [r.own_style for r in of_arms.get(arm, {}).values() if r.own_style is not None]
        means.append(f"{100 * np.mean(known):.0f}" if known else "-")
    return " / ".join(means) if means != ["-", "-"] else "-"


# What is a baseline itself, and another way to begin than the one beside it.
BASELINES = {
    "flowers_own_weights_val_baseline": "flowers_scratch_val_baseline",
    "flowers_own_weights": "flowers_scratch",
}


def levers(
    runs: Sequence[Run], names: Sequence[str], labels: Mapping[str, Sequence[int]]
) -> Iterator[Row]:
    """What each setting that was tried changes for an arm, against its baseline's same arm.

    An arm that gives the very same answers with it as without is left out.

    ``names`` are the queue's experiments in its order, ``labels`` the classes of the images that
    runs of some settings were judged by.
    """
    for name in names:
        family, tried, _ = name.partition(TRIAL)
        if name not in BASELINES and (not tried or name == family + BASELINE):
            continue
        changed = by_arm(runs, name)
        baseline = by_arm(runs, BASELINES.get(name, family + BASELINE))
        for arm in TRIED:
            ours, theirs = changed.get(arm, {}), baseline.get(arm, {})
            # Another target's images are no baseline.
            of_both = {tuple(labels[run.settings]) for run in (*ours.values(), *theirs.values())}
            if len(of_both) != 1:
                continue
            # A weight of the source, say, changes nothing where nothing is borrowed.
            if all(theirs[s].answers == run.answers for s, run in ours.items() if s in theirs):
                continue
            found = difference(ours, theirs, np.array(of_both.pop()), name, arm)
            if found:
                yield {"setting": f"`{name}`", "arm": arm, **found.row()}


def never_worse(
    runs: Sequence[Run], names: Sequence[str], labels: Mapping[str, Sequence[int]]
) -> Iterator[Row]:
    """What `publish: {arm: best}` would have handed over, against fine-tuning, on the test split.

    Settings that are only tried are none to be handed over.
    """
    for name in names:
        if TRIAL in name:
            continue
        of_arms = by_arm(runs, name)
        chosen = published(of_arms)
        if not chosen:
            continue
        classes = np.array(labels[next(iter(chosen.values())).settings])
        found = difference(chosen, of_arms[WITHOUT_SOURCE], classes, name, "best")
        assert found is not None, "what is chosen is chosen for seeds of `fine-tune`"
        times = {arm: sum(run.arm == arm for run in chosen.values()) for arm in of_arms}
        yield {
            "experiment": f"`{name}`",
            "published": ", ".join(f"{arm} {n}" for arm, n in times.items() if n),
            **found.row(),
        }


def published(of_arms: Mapping[str, OfSeeds]) -> dict[int, Run]:
    """What `publish: {arm: best}` hands over, by seed: the arm that is best on validation images.

    Among all arms that the experiment has: a seed that lacks one, because its runs are still to be
    made, would be handed over from fewer, and is left out, as is all where nothing is to be chosen.
    """
    chosen: dict[int, Run] = {}
    for seed in of_arms.get(WITHOUT_SOURCE, {}):
        judged = {
            arm: [own[seed].validated]
            for arm, own in of_arms.items()
            if seed in own and own[seed].validated is not None
        }
        if len(judged) == len(of_arms) > 1:
            arm = best_arm({a: [v for v in vs if v is not None] for a, vs in judged.items()}).arm
            chosen[seed] = of_arms[arm][seed]
    return chosen
