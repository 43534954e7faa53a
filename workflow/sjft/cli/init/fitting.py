"""The experiment that fits two folders, a machine, and the time that it may take."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from sjft.checks.first_look import look_at_plan
from sjft.cli.init.draft import Sides, configuration_of, draft_of
from sjft.cli.init.sizing import Machine, most_updates, updates_within, with_updates
from sjft.cli.init.source_first import (
    EPOCHS,
    LEAST_EPOCHS,
    SHARE_OF_TIME,
    collection_of,
    updates_of_epochs,
)
from sjft.cli.init.survey import LARGE_SET
from sjft.cli.init.text import Proposal
from sjft.cli.init.weights import Start
from sjft.data.listing import ListedOnce
from sjft.errors import UserError
from sjft.pipeline.experiment_time import Forecast
from sjft.pipeline.forecast import cost_of, forecast_of, jobs_of_plan
from sjft.pipeline.measured_speeds import (
    CountedImages,
    images_of,
    retrieval_speeds,
    training_speeds,
)
from sjft.pipeline.prices import Collection
from sjft.pipeline.speeds import Speeds
from sjft.pipeline.training_cost import TrainingSpeeds
from sjft.settings.arm import METHOD
from sjft.settings.config import Configuration

SAMPLE = 24  # images that are measured


@dataclass(frozen=True)
class Fitted:
    """A proposal and its ``forecast``, with that of the source being learned ``before``, if it is.

    ``fits`` says whether it is of use in the time; ``measured`` what all was measured on, and
    ``warns`` what is to be known before the run.
    """

    proposal: Proposal
    fits: bool
    forecast: Forecast
    before: Forecast | None
    measured: str
    warns: str | None


def fitted(
    minutes: float, sides: Sides, machine: Machine, starts: tuple[Start, ...], output: Path
) -> Fitted:
    """The first of the starts that trains long enough in the time, or the last one."""
    retrieval: dict[str, Speeds] = {}
    for start in starts:
        draft, configuration = draft_of(sides, machine, start, output)
        collections = {part.name: part for part in sides.collections(draft)}
        jobs = list(jobs_of_plan(configuration, sides.name))
        with images_of(list(collections.values()), SAMPLE) as images:
            if not retrieval:  # all starts of several are random, with one and the same bank
                tell(f"Measuring on {images.words} ...")
                retrieval, _ = retrieval_speeds(configuration, jobs, images)
            speeds = training_speeds(configuration, sides.name, jobs, collections, images)
            draft, before, learns = _with_source_learned(
                60 * SHARE_OF_TIME * minutes,
                *(sides, draft, configuration, images, retrieval, machine.cores),
            )
        forecast = partial(
            _forecast, configuration, sides.name, collections, retrieval, speeds, machine.cores
        )
        most = most_updates(sides.target.train, start)
        left = 60 * minutes - (before.seconds if before else 0)
        updates, in_time = updates_within(left, forecast, most)
        if fits := learns and in_time:
            break
    length = (
        f"As many as end within {minutes:g} minutes on this machine: an update takes "
        f"{speeds[METHOD].with_source:.2g} s of a {'GPU' if machine.gpu else 'core'}."
    )
    if updates >= most // 10 * 10:
        length = "More would show these few images too often to teach anything."
    training = with_updates(dict(draft.training), updates)
    final = replace(draft, training=training, length=length)
    # A large source is not listed twice: no list of neighbours is half of it.
    listed = [sides.source_name, *([draft.learned.name] if draft.learned else [])]
    uncounted = listed if sides.source.train >= LARGE_SET else []
    look = look_at_plan(configuration_of(final), sides.name, uncounted, ListedOnce())
    if look.stops:
        raise UserError(f"What fits these folders would not run. {look.stops}")
    measured = f"Measured on {images.words}."
    return Fitted(final, fits, forecast(updates), before, measured, look.warns)


def _with_source_learned(
    seconds: float,
    sides: Sides,
    draft: Proposal,
    configuration: Configuration,
    images: CountedImages,
    retrieval: Mapping[str, Speeds],
    cores: int,
) -> tuple[Proposal, Forecast | None, bool]:
    """The draft with the length of the training that learns the source first, if there is one.

    Returns that training's forecast too, and whether it is long enough to teach something.
    """
    learned = draft.learned
    if learned is None:
        return draft, None, True
    source = collection_of(learned, sides.source, draft.choices.shards_of_source)
    collections = {part.name: part for part in (source, sides.collections(draft)[0])}
    jobs = jobs_of_plan(configuration, learned.name)
    speeds = training_speeds(configuration, learned.name, jobs, collections, images)
    forecast = partial(
        _forecast, configuration, learned.name, collections, retrieval, speeds, cores
    )
    most = updates_of_epochs(sides.source, EPOCHS)
    updates, in_time = updates_within(seconds, forecast, most)
    epochs = updates * learned.training["target_batch"] / source.train
    length = f"{epochs:.2g} epochs of {source.train:,} images: {EPOCHS}, where there is time."
    training = {**learned.training, "updates": updates}
    longer = replace(draft, learned=replace(learned, training=training, length=length))
    enough = in_time and updates >= min(most, updates_of_epochs(sides.source, LEAST_EPOCHS))
    return longer, forecast(updates), enough


def _forecast(
    configuration: Configuration,
    name: str,
    collections: Mapping[str, Collection],
    retrieval: Mapping[str, Speeds],
    speeds: Mapping[str, TrainingSpeeds],
    cores: int,
    updates: int,
) -> Forecast:
    """Of the drafted experiment with so many updates a round."""
    experiment = configuration.experiments[name]
    training = experiment.training.model_copy(update={"updates": updates})
    longer = experiment.model_copy(update={"training": training})
    experiments = {**configuration.experiments, name: longer}
    configuration = configuration.model_copy(update={"experiments": experiments})
    return forecast_of(cost_of(configuration, name, collections, retrieval, speeds), cores)


def tell(what: str) -> None:
    """A line on the terminal, beside what the command returns."""
    print(what, file=sys.stderr, flush=True)
