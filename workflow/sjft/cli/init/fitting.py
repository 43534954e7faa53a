"""The experiment that fits two folders, a machine, and the time that it may take."""

import os
import shlex
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from sjft.checks.first_look import look_at_plan
from sjft.cli.init.layout import absolute
from sjft.cli.init.names import bank_name
from sjft.cli.init.sizing import (
    LEAST_UPDATES,
    Machine,
    choose,
    most_updates,
    updates_within,
    with_updates,
)
from sjft.cli.init.survey import LARGE_SET, Survey
from sjft.cli.init.text import Proposal, as_yaml
from sjft.cli.init.weights import Start
from sjft.descriptors.banks import make_bank
from sjft.errors import UserError
from sjft.layout import MODEL
from sjft.pipeline.experiment_time import Forecast
from sjft.pipeline.forecast import cost_of, forecast_of, read_plan_configuration
from sjft.pipeline.jobs import jobs_of_model
from sjft.pipeline.measured_speeds import images_of, retrieval_speeds, training_speeds
from sjft.pipeline.prices import Collection
from sjft.pipeline.speeds import Speeds
from sjft.pipeline.training_cost import TrainingSpeeds
from sjft.settings.arm import METHOD
from sjft.settings.config import Configuration
from sjft.settings.merging import shipped_file
from sjft.storage.files import write_text

SAMPLE = 24  # images that are measured
ANSWERS = Path(".snakemake")  # where what is known of networks is kept


@dataclass(frozen=True)
class Sides:
    """Both data sets, by name: the target's is the experiment's too."""

    name: str
    source_name: str
    target: Survey
    source: Survey

    def collections(self, proposal: Proposal) -> tuple[Collection, Collection]:
        """Both data sets as a plan has them."""
        return (
            _collection(self.name, self.target, proposal.choices.shards_of_target),
            _collection(self.source_name, self.source, proposal.choices.shards_of_source),
        )


def _collection(name: str, side: Survey, shards: int) -> Collection:
    root, numbers = side.layout.folder, side.by_split
    return Collection(
        name, side.train, side.heldout, shards, numbers, side.classes, root, side.paths
    )


def fitted(
    minutes: float, sides: Sides, machine: Machine, starts: tuple[Start, ...], output: Path
) -> tuple[Proposal, bool, Forecast, str, str | None]:
    """The first of the starts that trains long enough in the time, or the last one.

    Returns the proposal, whether it fits, its forecast, what that was measured on, and what is to
    be known before the run.
    """
    retrieval: dict[str, Speeds] = {}
    for start in starts:
        draft, configuration = _draft(sides, machine, start, output)
        collections = {part.name: part for part in sides.collections(draft)}
        jobs = list(jobs_of_model(configuration, sides.name))
        with images_of(list(collections.values()), SAMPLE) as images:
            if not retrieval:  # all starts of several are random, with one and the same bank
                tell(f"Measuring on {images.words} ...")
                retrieval, _ = retrieval_speeds(configuration, jobs, images)
            speeds = training_speeds(configuration, sides.name, jobs, collections, images)

        forecast = partial(
            _forecast, configuration, sides.name, collections, retrieval, speeds, machine.cores
        )
        most = most_updates(sides.target.train, start)
        updates, fits = updates_within(60 * minutes, forecast, most)
        if fits:
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
    uncounted = [sides.source_name] if sides.source.train >= LARGE_SET else []
    look = look_at_plan(_configuration_of(final), sides.name, uncounted, ANSWERS)
    if look.stops:
        raise UserError(f"What fits these folders would not run. {look.stops}")
    return final, fits, forecast(updates), f"Measured on {images.words}.", look.warns


def _draft(
    sides: Sides, machine: Machine, start: Start, output: Path
) -> tuple[Proposal, Configuration]:
    """All but the number of updates; with Gabor filters where a bank of the network is none."""
    choices = choose(sides.target, sides.source, machine, start)
    draft = Proposal(
        name=sides.name,
        source_name=sides.source_name,
        bank_name=bank_name(sides.name, choices.bank, start),
        target=sides.target,
        source=sides.source,
        roots=(_in_file(sides.target.layout.folder), _in_file(sides.source.layout.folder)),
        weights=_weights_in_file(start),
        start=start,
        choices=choices,
        training=with_updates(choices.training, LEAST_UPDATES),
        length="",
        command=_command(machine.cores, sides.name, output),
    )
    configuration = _configuration_of(draft)
    bank = configuration.banks[draft.bank_name]
    if bank.network_weights is not None:
        try:
            make_bank(bank.without_file(), None)
        except UserError:
            gabor = choose(sides.target, sides.source, machine, start, gabor=True)
            named = bank_name(sides.name, gabor.bank, start)
            draft = replace(draft, choices=gabor, bank_name=named)
            configuration = _configuration_of(draft)
    return draft, configuration


def _command(cores: int, name: str, output: Path) -> str:
    """Runs the experiment from this folder, whether the workflow lies in it or elsewhere."""
    place = shipped_file().parents[1]
    workflow = [] if place == Path() else ["-s", str(place / "Snakefile")]
    words = ["snakemake", *workflow, "--cores", str(cores), MODEL.of(experiment=name)]
    return shlex.join([*words, "--configfile", str(output)])


def _configuration_of(proposal: Proposal) -> Configuration:
    """The file as the program will read it, on top of the shipped one."""
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "proposed.yaml"
        write_text(file, as_yaml(proposal))
        return read_plan_configuration([file], None)


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


def _weights_in_file(start: Start) -> dict[str, Any]:
    values = start.weights.model_dump(mode="json")
    if values["source"] == "file":
        values["path"] = _in_file(Path(values["path"]))
    return values


def _in_file(path: Path) -> str:
    """Relative to the shipped `data_root` where it lies below it; absolute else.

    With SJFT_DATA_ROOT in the environment all are absolute: the next shell may not have it.
    """
    if "SJFT_DATA_ROOT" not in os.environ:
        root = absolute(Path(read_plan_configuration([], None).data_root))
        if path.is_relative_to(root) and path != root:
            return path.relative_to(root).as_posix()
    return path.as_posix()


def tell(what: str) -> None:
    """A line on the terminal, beside what the command returns."""
    print(what, file=sys.stderr, flush=True)
