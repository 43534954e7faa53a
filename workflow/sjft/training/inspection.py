"""Checkpoints and histories, looked into."""

import json
import math
from collections.abc import Sequence
from pathlib import Path

from sjft.errors import UserError
from sjft.networks.inspection import sizes_of, weights_are_finite
from sjft.storage.files import digest_of_text, read_json
from sjft.storage.inspection import Inspection, Plot, Values, plain_table
from sjft.storage.sanity import Check, ascending, numbers_are_finite
from sjft.training.checkpoints import DECIDED_BY, KIND, VERSION
from sjft.training.history import HISTORY_COLUMNS


def inspect_checkpoint(path: Path, content: Values) -> Inspection:
    """What a checkpoint holds; ``content`` is what torch reads of it."""
    version, update = content["format_version"], content["update"]
    decided: Values = content["decided_by"]
    rows: Sequence[Sequence[float]] = content["history"]["rows"]
    state = content["network"]
    return Inspection(
        kind="checkpoint",
        what=f"A round of training after update {update}, to go on from where it was interrupted.",
        settings={name: value for name, value in decided.items() if name != "inputs"},
        inputs=decided.get("inputs", {}),
        sizes={"updates done": update, "rows of the history": len(rows), **sizes_of(state)},
        checks=[
            Check(
                f"it is of version {VERSION} of {KIND}",
                None if version == VERSION else f"it is of version {version}",
            ),
            *_checks_of_place(path, update, decided),
            weights_are_finite(state),
            _rows(rows, update),
        ],
        plot=lambda: _plot(rows),
    )


def _checks_of_place(path: Path, update: int, decided: Values) -> Sequence[Check]:
    """What the place of a checkpoint says: nothing, where it was moved away from its record."""
    if not (path.parent / DECIDED_BY).is_file():
        return [Check(f"it lies where its content says ({DECIDED_BY} is not there: not compared)")]
    return (
        _named_by_update(path, update),
        _in_its_folder(path, decided),
        _of_its_record(path, decided),
    )


def _named_by_update(path: Path, update: int) -> Check:
    what, expected = "its name says the update", f"update-{update:08d}.pt"
    return Check(what, None if path.name == expected else f"its name should be {expected}")


def _in_its_folder(path: Path, decided: Values) -> Check:
    """Checkpoints lie in a folder that is named by all that decides the round."""
    expected = digest_of_text(json.dumps(decided, sort_keys=True))
    found = path.resolve().parent.name
    what = "its folder is named by what decided the round"
    return Check(what, None if found == expected else f"the folder should be {expected}")


def _of_its_record(path: Path, decided: Values) -> Check:
    what, record = f"{DECIDED_BY} beside it says what decided the round", path.parent / DECIDED_BY
    try:
        return Check(what, None if read_json(record) == decided else "it says something else")
    except UserError as error:
        return Check(what, str(error))


def _rows(rows: Sequence[Sequence[float]], update: int) -> Check:
    what = "the history's rows are finite, one after the other, up to this update"
    for place, row in enumerate(rows):
        if not all(math.isfinite(value) for value in row):
            return Check(what, f"row {place} is not finite")
    updates = [row[0] for row in rows]
    if updates != sorted(set(updates)) or any(done > update for done in updates):
        return Check(what, f"they are of the updates {updates[:5]}, ...")
    return Check(what)


def _plot(rows: Sequence[Sequence[float]]) -> Plot:
    columns = [name for name in HISTORY_COLUMNS if name.endswith("_loss")]
    points = [
        {"update": row[0], "loss": row[HISTORY_COLUMNS.index(name)], "of": name}
        for row in rows
        for name in columns
    ]
    return Plot(
        "Losses of the round so far",
        points,
        ("update", "update"),
        ("loss", "loss"),
        mark="line",
        colour="of",
    )


def inspect_history(path: Path) -> Inspection:
    """How a round of training went, row by row; raises `UserError` for no table."""
    table = plain_table(path)
    last = table.row(-1, named=True) if len(table) else {}
    return Inspection(
        kind="history",
        what="How a round of training went: losses, accuracies and speed, row by row.",
        sizes={"rows": len(table), "last row": last},
        checks=[
            ascending("updates", table["update"].to_numpy()),
            numbers_are_finite(table),
        ],
        plot=lambda: _plot(table.select(HISTORY_COLUMNS).rows()),
    )
