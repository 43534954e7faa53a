"""Probabilities and evaluations, looked into."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from sjft.evaluation.accuracy import accuracies
from sjft.evaluation.probabilities import KIND, VERSION, Probabilities
from sjft.storage.files import read_json
from sjft.storage.inspection import (
    Inspection,
    Names,
    Plot,
    Values,
    facts_of_hdf5,
    opened,
    plain_table,
    table_row,
)
from sjft.storage.sanity import (
    Check,
    close_to,
    content_is_as_digested,
    each_once,
    finite,
    none_of,
    numbers_are_finite,
    rows_of_table,
)

MOST_CLASSES = 40  # that a plot shows
TOP = 5
SHARES = ("mean_class_accuracy", "accuracy")


def inspect_probabilities(path: Path) -> Inspection:
    """What the class probabilities of a run hold; raises `UserError` for any other file."""
    with opened(path, KIND, VERSION) as file:
        settings, inputs = facts_of_hdf5(file)
        found = Probabilities(
            [name.decode() for name in file["path"][:]],
            file["label"][:],
            file["probability"][:],
            [name.decode() for name in file["class_name"][:]],
        )
        place = ("image", "class")
        values, images, classes = found.values, len(found.paths), len(found.class_names)
        whole = values.shape == (images, classes) and len(found.labels) == images
        shape = f"{images} images, {len(found.labels)} labels, {classes} classes, {values.shape}"
        outside = (found.labels < 0) | (found.labels >= classes)
        sums = values.sum(axis=1, dtype=np.float64)
        checks = [
            Check(
                "each image has a label and a probability of each class", None if whole else shape
            ),
            finite("probabilities", values, *place),
            none_of("they lie between 0 and 1", (values < 0) | (values > 1 + 1e-6), *place),
            none_of("an image's sum to 1", ~(np.abs(sums - 1) < 1e-3), "image"),
            none_of("labels are numbers of classes", outside, "image"),
            each_once("images", found.paths),
            each_once("classes", found.class_names),
            content_is_as_digested(file),
        ]
        return Inspection(
            kind="probabilities",
            what="The probabilities of all classes of each image that a run was evaluated on.",
            settings=settings,
            inputs=inputs,
            sizes={"images": images, "classes": classes, **_measured(found, whole, outside)},
            checks=checks,
            image=lambda wanted, _names: _row(found, wanted),
            plot=lambda: _plot_of_probabilities(found),
        )


def _measured(found: Probabilities, whole: bool, outside: Any) -> Values:
    if not whole or outside.any() or not len(found.paths) or not np.isfinite(found.values).all():
        return {}
    measured = accuracies(found.values, found.labels, found.class_names)
    return {key: measured[key] for key in SHARES}


def _row(found: Probabilities, wanted: str) -> Values:
    row = Names(images=found.paths).number(wanted)
    row = min(row, len(found.paths) - 1)
    names, values = found.class_names, found.values[row]
    best = np.argsort(-values, kind="stable")[:TOP]
    return {
        "path": found.paths[row],
        "row": row,
        "class": names[found.labels[row]],
        "right": bool(values.argmax() == found.labels[row]),
        "probability of its class": float(values[found.labels[row]]),
        "most probable": {names[place]: float(values[place]) for place in best.tolist()},
    }


def _plot_of_probabilities(found: Probabilities) -> Plot:
    right = found.values.argmax(axis=1) == found.labels
    edges = np.linspace(0, 1, 21)
    rows = []
    for answer, own in (("right", right), ("wrong", ~right)):
        counts, _ = np.histogram(found.values.max(axis=1)[own], edges)
        middle = (edges[1:] + edges[:-1]) / 2
        rows += [
            {"confidence": round(float(m), 3), "images": int(n), "answer": answer}
            for m, n in zip(middle, counts, strict=True)
        ]
    return Plot(
        "Images by the probability of the class that they are taken for",
        rows,
        ("confidence", "largest probability"),
        ("images", "images"),
        colour="answer",
    )


def inspect_evaluation(path: Path) -> Inspection:
    """What evaluation.json says of a run; raises `UserError` for any other file."""
    content = read_json(path)
    classes: list[Values] = content["classes"]
    known = [row for row in classes if row["accuracy"] is not None]
    of_classes = [row["accuracy"] for row in known]
    right = sum(row["accuracy"] * row["images"] for row in known)
    images = content["images"]
    shares = {key: content[key] for key in SHARES} | {r["class_name"]: r["accuracy"] for r in known}
    odd = [f"{name}: {share}" for name, share in shares.items() if not 0 <= share <= 1]
    mean = float(np.mean(of_classes)) if known else float("nan")
    return Inspection(
        kind="evaluation",
        what="How good a run is on images that it was not trained on.",
        sizes={
            "images": images,
            "split": content.get("split"),
            "classes": len(classes),
            **{key: content[key] for key in SHARES},
            "skipped": len(content.get("skipped", [])),
        },
        checks=[
            Check("accuracies lie between 0 and 1", "; ".join(odd) or None),
            close_to(
                "the classes' images are all images", sum(r["images"] for r in classes), images, 0
            ),
            close_to(
                "the mean class accuracy is that of the classes", content[SHARES[0]], mean, 1e-9
            ),
            close_to(
                "the accuracy is that of the classes", content[SHARES[1]], right / images, 1e-9
            ),
        ],
        plot=lambda: _plot_of_classes(known),
    )


def _plot_of_classes(known: list[Values]) -> Plot:
    first = f", the first {MOST_CLASSES} of {len(known)}" if len(known) > MOST_CLASSES else ""
    return Plot(
        f"Accuracy of each class{first}",
        [{"class": r["class_name"], "accuracy": r["accuracy"]} for r in known[:MOST_CLASSES]],
        ("class", "class"),
        ("accuracy", "share of its images that is found"),
        discrete=True,
    )


def inspect_predictions(path: Path) -> Inspection:
    """What each image was taken for; raises `UserError` for no table."""
    table = plain_table(path)
    right = pl.col("correct") == (pl.col("class_name") == pl.col("predicted_class"))
    return Inspection(
        kind="predictions",
        what="What each image was taken for, and with which probability: for reading.",
        sizes={"images": len(table), "right": int(table["correct"].sum())},
        checks=[
            each_once("images", table["path"].to_list()),
            rows_of_table("right is who is taken for its class", table, right),
            rows_of_table(
                "probabilities lie between 0 and 1",
                table,
                pl.col("probability").is_between(0, 1.00001),
            ),
        ],
        image=table_row(table),
    )


def inspect_classes(path: Path) -> Inspection:
    """How each class was found; raises `UserError` for no table."""
    table = plain_table(path)
    known = table.filter(pl.col("accuracy").is_not_null())
    return Inspection(
        kind="classes",
        what="How many images of each class are found, and how often it is predicted rightly: for "
        "reading.",
        sizes={"classes": len(table), "images": table["images"].sum()},
        checks=[
            each_once("classes", table["class_name"].to_list()),
            numbers_are_finite(table),
            rows_of_table(
                "accuracies lie between 0 and 1", known, pl.col("accuracy").is_between(0, 1)
            ),
        ],
        plot=lambda: _plot_of_classes(known.to_dicts()),
    )


def inspect_confusion(path: Path) -> Inspection:
    """Which classes are taken for which; raises `UserError` for no table."""
    table = plain_table(path)
    wrong = table.filter(pl.col("class_name") != pl.col("predicted_class"))
    worst = wrong.sort("images", descending=True).head(TOP)
    return Inspection(
        kind="confusion",
        what="Which classes are taken for which, and how often: for reading.",
        sizes={
            "images": table["images"].sum(),
            "wrong": wrong["images"].sum(),
            "most often taken for another": {
                f"{name} for {other}": images for name, other, images in worst.iter_rows()
            },
        },
        checks=[rows_of_table("each pair occurs", table, pl.col("images") > 0)],
    )
