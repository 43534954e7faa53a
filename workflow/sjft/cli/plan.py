"""`sjft plan`: what an experiment will cost, before the run."""

import argparse
import sys
from typing import Any

from sjft.cli.arguments import add_experiment, count, take_experiment
from sjft.cli.one_thread import measure_with_one_thread
from sjft.errors import UserError
from sjft.loading import loading


def add_plan(plan: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    number: dict[str, Any] = {"type": count, "metavar": "N"}
    add_experiment(plan)
    plan.add_argument("--data-root", metavar="FOLDER", help="where the data sets lie")
    plan.add_argument("--target-images", **number, help="training images, of data not here")
    plan.add_argument("--heldout-images", **number, help="its val and test images (a quarter)")
    plan.add_argument("--source-images", nargs="+", default=[], metavar="N", help="of each source")
    plan.add_argument("--sample", **number, default=24, help="images that are measured")


def complete_plan(plan: argparse.ArgumentParser, chosen: argparse.Namespace) -> None:
    """Take the experiment from behind an option that takes all names that follow it.

    Ends the program, as the parser does, where there is none, or where a number is none.
    """
    numbers = chosen.source_images
    if chosen.experiment is None and len(numbers) > 1 and not numbers[-1].isdigit():
        chosen.experiment = numbers.pop()
    take_experiment(plan, chosen)
    try:
        chosen.source_images = [count(text) for text in chosen.source_images]
    except argparse.ArgumentTypeError as error:
        plan.error(f"argument --source-images: {error}")
    if chosen.heldout_images is not None and chosen.target_images is None:
        plan.error("argument --heldout-images: counts beside --target-images alone. Give both.")


def plan(chosen: argparse.Namespace) -> str:
    """The plan as text; raises `UserError` for what cannot be planned, or cannot work."""
    measure_with_one_thread()
    with loading():
        from sjft.checks.first_look import look_at_plan  # noqa: PLC0415
        from sjft.data.listing import ListedOnce  # noqa: PLC0415
        from sjft.pipeline.forecast import (  # noqa: PLC0415
            in_order,
            plan,
            read_plan_configuration,
        )
        from sjft.pipeline.runs import learned_before  # noqa: PLC0415

    configuration = read_plan_configuration(chosen.configfile, chosen.data_root)
    lists = ListedOnce()
    if experiment := configuration.experiments.get(chosen.experiment):
        given = [experiment.target] if chosen.target_images is not None else []
        given += experiment.sources if chosen.source_images else []
        look = look_at_plan(configuration, chosen.experiment, given, lists)
        if look.warns:
            print(f"sjft: {look.warns}", file=sys.stderr)
        if look.stops:
            raise UserError(look.stops)
    others = learned_before(configuration, [chosen.experiment]) if experiment else ()
    before = {
        other: plan(configuration, other, sample=chosen.sample, lists=lists) for other in others
    }
    own = plan(
        configuration,
        chosen.experiment,
        target_images=chosen.target_images,
        heldout_images=chosen.heldout_images,
        source_images=chosen.source_images,
        sample=chosen.sample,
        lists=lists,
    )
    return in_order(chosen.experiment, before, own)
