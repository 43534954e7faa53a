"""All experiments below results/ beside each other: the published arm, and whether it helped."""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from sjft import layout
from sjft.errors import UserError
from sjft.evaluation.probabilities import Probabilities, read_probabilities
from sjft.reports.duplicated import without
from sjft.reports.intervals import Interval, interval_of_accuracy
from sjft.reports.summary import read_summary
from sjft.reports.verdict import answers_of, mean_over_classes, points
from sjft.settings.arm import WITHOUT_SOURCE
from sjft.storage.files import stable_integer
from sjft.storage.markdown import aligned

HEAD = (
    *("experiment", "published arm", "mean class accuracy", "95 %", "seeds", "source images"),
    *("verdict", "against fine-tune", "95 %"),
)


@dataclass(frozen=True)
class Result:
    """What an experiment came to; all figures are shares, None where they are not known.

    ``state`` is `finished`, `unfinished` or `not readable`, and ``note`` says more of the last two,
    and of a summary that is older than its runs. ``accuracy`` is the published arm's mean class
    accuracy, a mean over its seeds, with its interval over test images, and over seeds too where
    there are several. ``verdict``, ``difference`` and its interval are of ``arm_of_verdict`` beside
    fine-tuning without a source.
    """

    experiment: str
    state: str
    note: str = ""
    published: str | None = None
    accuracy: float | None = None
    accuracy_low: float | None = None
    accuracy_high: float | None = None
    seeds: int | None = None
    test_images: int | None = None
    source_images: float | None = None
    arm_of_verdict: str | None = None
    verdict: str | None = None
    difference: float | None = None
    difference_low: float | None = None
    difference_high: float | None = None


def all_results(folder: Path) -> list[Result]:
    """The experiments below a folder results/, by name.

    Raises `UserError` where there is no such folder, and no experiment in it.
    """
    if not folder.is_dir():
        raise UserError(
            f"{folder}: there is no such folder. Call this where the workflow runs, or name its "
            "folder of results."
        )
    found = [_result(place) for place in _experiments(folder)]
    if not found:
        raise UserError(
            f"{folder}: there is no experiment yet. `snakemake --cores all {folder}/demo/model.pt` "
            "runs the demo."
        )
    return found


def _experiments(folder: Path) -> Iterator[Path]:
    for place in sorted(folder.iterdir()):
        try:
            is_one = (place / "runs").is_dir() or (place / "summary.json").is_file()
        except PermissionError:  # what is in it is said of it
            is_one = True
        if is_one and place.name not in layout.RESERVED:
            yield place


def _result(place: Path) -> Result:
    path = place / "summary.json"
    try:
        if not path.is_file():
            return Result(place.name, "unfinished", _how_far(place))
        return _finished(place, read_summary(path))
    except UserError as error:
        return Result(place.name, "not readable", str(error))
    except OSError as error:
        return Result(place.name, "not readable", f"{error.filename}: {error.strerror}.")
    except (KeyError, TypeError):
        again = f"snakemake --cores all --forcerun summarise {path}"
        return Result(place.name, "not readable", f"{path}: of another version. `{again}`")


def _how_far(place: Path) -> str:
    evaluated = sorted(path.parent.name for path in place.glob("runs/*/evaluation.json"))
    rounds = len(list(place.glob("runs/*/round-*/model.pt")))
    names = f" ({', '.join(evaluated)})" if evaluated else ""
    return f"Rounds trained: {rounds}; runs evaluated: {len(evaluated)}{names}."


def _finished(place: Path, summary: Mapping[str, Any]) -> Result:
    arm = summary["published"]["arm"]
    of_arm = summary["arms"][arm]
    seeds = [run["seed"] for run in of_arm["runs"]]
    duplicated = summary.get("duplicated") or {"left_out": False}
    left_out = duplicated["images"] if duplicated["left_out"] else []
    runs = _probabilities_of(place, arm, seeds, left_out)
    accuracy = of_arm["mean_class_accuracy"]
    is_older = bool(runs) and not _came_to(runs, accuracy)
    interval = None if is_older or not runs else _interval_of(runs, arm)
    again = f"snakemake --cores all --forcerun summarise {place / 'summary.json'}"
    older = f"summary.json is older than the runs, which have other figures. `{again}`"
    return Result(
        place.name,
        "finished",
        older if is_older else "",
        published=arm,
        accuracy=accuracy,
        accuracy_low=None if interval is None else interval.low,
        accuracy_high=None if interval is None else interval.high,
        seeds=len(of_arm["runs"]),
        test_images=of_arm["runs"][0]["test_images"],
        source_images=of_arm["source_images"],
        **_verdict(summary["verdict"]["comparisons"]),
    )


def _probabilities_of(
    place: Path, arm: str, seeds: Sequence[int], left_out: Sequence[str]
) -> list[Probabilities]:
    """Of an arm's runs, on the images that the summary's figure is of; none if one is missing."""
    names = {"experiment": place.name, "arm": arm}
    files = [layout.PROBABILITIES.of(**names, seed=seed) for seed in seeds]
    paths = [place.parent / Path(file).relative_to(layout.RESULTS) for file in files]
    if not all(path.is_file() for path in paths):
        return []
    return [without(read_probabilities(path), left_out) for path in paths]


def _came_to(runs: Sequence[Probabilities], accuracy: float) -> bool:
    """Whether the runs, of the same images, have this mean class accuracy."""
    if any(not np.array_equal(run.labels, runs[0].labels) for run in runs):
        return False
    of_runs = mean_over_classes(np.array([answers_of(run) for run in runs]), runs[0].labels)
    return bool(np.isclose(of_runs.mean(), accuracy, rtol=0, atol=1e-6))


def _interval_of(runs: Sequence[Probabilities], arm: str) -> Interval:
    """Of an arm's mean class accuracy."""
    answers = np.array([answers_of(run) for run in runs])
    return interval_of_accuracy(answers, runs[0].labels, stable_integer("accuracy", arm))


def _verdict(comparisons: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Of the first comparison with fine-tuning without a source; empty without one."""
    found = next((c for c in comparisons if c["against"] == WITHOUT_SOURCE), None)
    if found is None:
        return {}
    interval = found["over_both"] or found["over_images"] or {"low": None, "high": None}
    return {
        "arm_of_verdict": found["arm"],
        "verdict": found["outcome"],
        "difference": found["difference"],
        "difference_low": interval["low"],
        "difference_high": interval["high"],
    }


##### as text #####


def as_table(results: Sequence[Result]) -> str:
    """A table in Markdown of the finished ones, then a line for each of the others."""
    finished = [result for result in results if result.state == "finished"]
    lines = aligned([HEAD, *map(_row, finished)]) if finished else []
    others = [result for result in results if result.note]
    lines += [""] * bool(finished and others)
    lines += [f"{result.experiment}: {result.state}. {result.note}" for result in others]
    return "\n".join(lines)


def _row(result: Result) -> list[str]:
    verdict = result.verdict or "not compared"
    if result.arm_of_verdict not in {None, result.published}:
        verdict += f" (`{result.arm_of_verdict}`)"
    return [
        *(result.experiment, str(result.published), _points(result.accuracy)),
        _between(result.accuracy_low, result.accuracy_high),
        *(str(result.seeds), f"{result.source_images:.0f}", verdict),
        _points(result.difference, sign=True),
        _between(result.difference_low, result.difference_high, sign=True),
    ]


def _points(share: float | None, *, sign: bool = False) -> str:
    return "-" if share is None else points(share, sign=sign)


def _between(low: float | None, high: float | None, *, sign: bool = False) -> str:
    return "-" if low is None else f"{_points(low, sign=sign)} to {_points(high, sign=sign)}"


def as_json(results: Sequence[Result]) -> str:
    """A list of objects with the names of `Result`."""
    return json.dumps([asdict(result) for result in results], indent=1)


def as_csv(results: Sequence[Result]) -> str:
    """A table with the names of `Result` as its head; what is not known is empty."""
    text = io.StringIO()
    names = [field.name for field in fields(Result)]
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(result) for result in results)
    return text.getvalue().rstrip("\n")
