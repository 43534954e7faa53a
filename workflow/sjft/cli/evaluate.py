"""The command `sjft evaluate`: a published model on labelled images elsewhere."""

import argparse
import json
import sys

from sjft.cli.scoring_arguments import limits_of
from sjft.data.omissions import shown
from sjft.errors import UserError
from sjft.model.evaluation_elsewhere import as_text, evaluate_elsewhere, output_paths
from sjft.model.file import load_published
from sjft.model.labelled_folder import labelled_images

NAMED = 5


def evaluate_folder(chosen: argparse.Namespace) -> None:
    """Print the figures, and write the tables where asked for; notes go to stderr.

    Raises `UserError` where images cannot be read, when all else is said and written.
    """
    limits = limits_of(chosen)
    model = load_published(chosen.model)
    images = labelled_images(chosen.folder, model.classes)
    for line in images.notes():
        print(f"sjft: {chosen.folder}: {line}", file=sys.stderr)
    if chosen.output is not None:
        output_paths(chosen.output)
    found = evaluate_elsewhere(
        model,
        images,
        device=chosen.device,
        batch=chosen.batch,
        single_view=chosen.single_view,
        limits=limits,
    )
    values = found.values()
    print(json.dumps(values, indent=2) if chosen.json else as_text(values), flush=True)
    if chosen.output is not None:
        found.write(chosen.output)
        print(f"sjft: written into {chosen.output}", file=sys.stderr)
    if found.bad:
        names = ", ".join(shown(error.path) for error in found.bad[:NAMED])
        raise UserError(
            f"{len(found.bad)} of {len(images.paths)} images could not be read, and have no "
            f"part in the figures: {names}{', ...' * (len(found.bad) > NAMED)}"
        )
