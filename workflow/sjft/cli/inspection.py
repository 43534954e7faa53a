"""`sjft inspect`: what a file of the pipeline is, and whether it can be what it says."""

import argparse
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from sjft.cli.arguments import count, path
from sjft.errors import UserError
from sjft.wording import harmless

CHARTS = (".png", ".svg")
# Of a list, and of a list of lists, in the text.
MOST_SHOWN, MOST_ENTRIES = 16, 20


def add_inspect(inspect: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    inspect.add_argument("file", type=path, help="for example results/.../neighbours.h5, model.pt")
    inspect.add_argument(
        "--values",
        type=partial(count, least=0),
        default=6,
        metavar="N",
        help="first values shown of each data set of an HDF5 file (6)",
    )
    inspect.add_argument("--image", metavar="NAME", help="one row: a path, its end, or a number")
    inspect.add_argument(
        "--images",
        type=path,
        nargs="+",
        default=[],
        metavar="CSV",
        help="images.csv that tell the names, then those of the sources; found where not given",
    )
    inspect.add_argument("--json", action="store_true", help="an object of JSON instead of text")
    inspect.add_argument("--plot", type=path, metavar="FILE", help="draw it, as .png or .svg")


def inspect(chosen: argparse.Namespace) -> str:
    """The text, or JSON, of a file.

    Raises `UserError` for one that cannot be looked into, and, once all is printed, where a check
    does not hold.
    """
    # Each command loads its own needs; torch above all is loaded for its own files alone.
    from sjft.cli.inspection_kinds import inspected  # noqa: PLC0415
    from sjft.cli.inspection_names import names_for  # noqa: PLC0415
    from sjft.storage.inspection import plain  # noqa: PLC0415

    if chosen.plot is not None and chosen.plot.suffix.lower() not in CHARTS:
        raise UserError(f"--plot {chosen.plot}: is neither .png nor .svg.")
    found = inspected(chosen.file)
    row = None
    if chosen.image is not None:
        if found.image is None:
            raise UserError(f"--image {chosen.image}: {chosen.file} ({found.kind}) has no images.")
        row = plain(found.image(chosen.image, names_for(chosen.file, found.kind, chosen.images)))
    if chosen.plot is not None:
        _draw(found, chosen.plot, chosen.file)
    text = _json(chosen, found, row) if chosen.json else _text(chosen, found, row)
    bad = [check for check in found.checks if check.problem]
    if not bad:
        return text
    print(harmless(text), flush=True)
    raise UserError(
        f"{chosen.file}: {len(bad)} of {len(found.checks)} checks do not hold: "
        f"{bad[0].what}: {bad[0].problem}. Remove the file, and the rule that writes it runs again."
    )


def _draw(found: Any, output: Path, file: Path) -> None:
    from sjft.cli.inspection_plot import draw  # noqa: PLC0415

    plot = None if found.plot is None else found.plot()
    if plot is None or not plot.rows:
        raise UserError(f"--plot: there is nothing to draw of {file} ({found.kind}).")
    if output.resolve() == file.resolve():
        raise UserError(f"--plot {output}: is the file itself. Name another.")
    draw(plot, output)
    print(f"drawn: {output}", file=sys.stderr)


def _json(chosen: argparse.Namespace, found: Any, row: Any) -> str:
    from sjft.storage.inspection import as_json  # noqa: PLC0415

    checks = [
        {"what": check.what, "holds": check.problem is None, "problem": check.problem}
        for check in found.checks
    ]
    content = {
        "file": str(chosen.file),
        "kind": found.kind,
        "what": found.what,
        "bytes": chosen.file.stat().st_size,
        "settings": found.settings,
        "inputs": found.inputs,
        "sizes": found.sizes,
        "sane": all(check["holds"] for check in checks),
        "checks": checks,
    }
    return as_json(content if chosen.image is None else {**content, "image": row})


def _text(chosen: argparse.Namespace, found: Any, row: Any) -> str:
    lines = [str(chosen.file), f"  {found.kind}: {found.what}", *_body(chosen, found), ""]
    size = {"bytes of the file": chosen.file.stat().st_size}
    lines += ["sizes", *_listed({**found.sizes, **size}), ""]
    if row is not None:
        lines += [f"image {chosen.image}", *_listed(row), ""]
    lines.append("checks")
    for check in found.checks:
        told = "holds" if check.problem is None else "FAILS"
        lines.append(f"  {told}  {check.what}{f': {check.problem}' if check.problem else ''}")
    bad = sum(check.problem is not None for check in found.checks)
    number = len(found.checks)
    verdict = f"Not sane: {bad} of {number} checks fail." if bad else f"Sane: all of {number} hold."
    return "\n".join([*lines, verdict])


def _body(chosen: argparse.Namespace, found: Any) -> Iterator[str]:
    """What is told of its own: data sets of an HDF5 file, a model's facts, a summary's table."""
    from sjft.cli.inspection_kinds import is_hdf5  # noqa: PLC0415
    from sjft.storage.describe import describe_hdf5  # noqa: PLC0415

    if is_hdf5(chosen.file):
        yield from describe_hdf5(chosen.file, chosen.values).splitlines()[1:]
    elif found.text is not None:
        yield from ["", *found.text.splitlines()]
    else:
        for title, values in (("settings", found.settings), ("inputs", found.inputs)):
            if values:
                yield from ["", title, *_listed(values)]


def _listed(values: Any, depth: int = 1) -> Iterator[str]:
    """Values by name, a line each; lists of them as a table, long ones cut."""
    for name, value in values.items():
        margin = "  " * depth
        if isinstance(value, dict) and value:
            yield f"{margin}{name}:"
            yield from _listed(value, depth + 1)
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            yield f"{margin}{name}:"
            yield from (f"{margin}  {_line(entry)}" for entry in value[:MOST_ENTRIES])
            if len(value) > MOST_ENTRIES:
                yield f"{margin}  and {len(value) - MOST_ENTRIES} more (--json gives all)"
        else:
            yield f"{margin}{name}: {_shown(value)}"


def _line(entry: dict[str, Any]) -> str:
    return "  ".join(f"{name} {_shown(v)}" for name, v in entry.items() if v is not None)


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, list):
        shown = ", ".join(_shown(part) for part in value[:MOST_SHOWN])
        return f"[{shown}{', ...' if len(value) > MOST_SHOWN else ''}]"
    return str(value)
