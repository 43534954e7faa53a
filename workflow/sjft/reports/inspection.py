"""Summaries of experiments, and ablations, looked into."""

from pathlib import Path
from statistics import fmean

import polars as pl

from sjft.reports.choice import best_arm, read_choice
from sjft.reports.conclusion import opening
from sjft.reports.summary import read_summary
from sjft.storage.files import read_json
from sjft.storage.inspection import Inspection, Plot, Values, plain_table
from sjft.storage.sanity import Check, numbers_are_finite, rows_of_table
from sjft.wording import counted

SHARES = ("mean_class_accuracy", "accuracy")


def inspect_summary(path: Path) -> Inspection:
    """What summary.json says of an experiment; raises `UserError` for any other file."""
    content = read_summary(path)
    arms: dict[str, Values] = content.get("arms", {})
    rows = [
        {"arm": arm, "accuracy": run["mean_class_accuracy"], "seed": str(run["seed"])}
        for arm, values in arms.items()
        for run in values["runs"]
    ]
    return Inspection(
        kind="summary",
        what="The arms of an experiment side by side: accuracies, what was selected, what leaks.",
        sizes={
            "experiment": content.get("experiment"),
            "arms": {arm: counted(len(values["runs"]), "seed") for arm, values in arms.items()},
            "search": content.get("backend"),
            "recall": content.get("recall", {}),
        },
        checks=[
            Check("accuracies lie between 0 and 1", "; ".join(_beyond(arms)) or None),
            Check("an arm's figures are the means of its runs", "; ".join(_wrong(arms)) or None),
        ],
        plot=lambda: Plot(
            "Mean class accuracy of each run",
            rows,
            ("arm", "arm"),
            ("accuracy", "mean class accuracy"),
            mark="point",
            colour="seed",
            discrete=True,
        ),
        text=f"{opening(content)}\n\n{content['table']}",
    )


def _beyond(arms: dict[str, Values]) -> list[str]:
    return [
        f"{arm}, seed {run['seed']}: {key} {run[key]}"
        for arm, values in arms.items()
        for run in values["runs"]
        for key in SHARES
        if not 0 <= run[key] <= 1
    ]


def _wrong(arms: dict[str, Values]) -> list[str]:
    """The figures of arms that are not the means of their runs, in words; NaN is none."""
    found = []
    for arm, values in arms.items():
        for key in SHARES:
            expected = fmean(run[key] for run in values["runs"])
            if not abs(values[key] - expected) <= 1e-9:
                found.append(f"{arm}: {key} is {values[key]:g}, not {expected:g}")
    return found


def inspect_choice(path: Path) -> Inspection:
    """Which arm is published and why; raises `UserError` for any other file."""
    choice, content = read_choice(path), read_json(path)
    measured: dict[str, Values] = content["mean_class_accuracy"]
    shares = [(arm, seed, share) for arm, of in measured.items() for seed, share in of.items()]
    wrong = [f"{arm}, seed {seed}: {share}" for arm, seed, share in shares if not 0 <= share <= 1]
    best = best_arm({arm: list(by_seed.values()) for arm, by_seed in measured.items()}).arm
    told = None if best == choice.arm else f"{best} is better than {choice.arm}"
    return Inspection(
        kind="choice of the published arm",
        what="Which of the compared arms is published, by the validation split, and why.",
        sizes={"arm": choice.arm, "split": content["split"], "mean class accuracy": measured},
        checks=[
            Check("accuracies lie between 0 and 1", "; ".join(wrong) or None),
            Check("the arm is the best", told),
        ],
        text=choice.reason,
    )


def inspect_ablation(path: Path) -> Inspection:
    """The arms, or the runs, of an ablation; raises `UserError` for no table."""
    table = plain_table(path)
    share = pl.col("mean_class_accuracy").is_between(0, 1)
    rows = table.select("arm", pl.col("mean_class_accuracy").alias("accuracy")).to_dicts()
    of_runs = "seed" in table.columns
    return Inspection(
        kind="runs of an ablation" if of_runs else "ablation",
        what=f"{'The runs' if of_runs else 'The arms'} of an ablation side by side: for reading.",
        sizes={"rows": len(table), "arms": table["arm"].unique(maintain_order=True).to_list()},
        checks=[
            rows_of_table("accuracies lie between 0 and 1", table, share),
            numbers_are_finite(table),
        ],
        plot=lambda: Plot(
            f"Mean class accuracy of each {'run' if of_runs else 'arm'}",
            rows,
            ("arm", "arm"),
            ("accuracy", "mean class accuracy"),
            mark="point",
            discrete=True,
        ),
    )
