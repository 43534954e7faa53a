"""From two folders and a machine to a configuration that is checked, planned and written."""

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
from sjft.cli.init.layout import absolute, check_apart, look_at
from sjft.cli.init.names import bank_name, check_name, name_of, taken
from sjft.cli.init.sizing import (
    LEAST_UPDATES,
    Machine,
    choose,
    most_updates,
    updates_within,
    with_updates,
)
from sjft.cli.init.survey import LARGE_SET, Survey, survey_source, survey_target
from sjft.cli.init.text import Proposal, as_yaml
from sjft.cli.init.weights import Start, possible_starts
from sjft.descriptors.banks import make_bank
from sjft.errors import UserError
from sjft.layout import MODEL
from sjft.networks.devices import choose_device
from sjft.pipeline.expected_time import keep_forecast
from sjft.pipeline.experiment_time import Forecast, usable_cores
from sjft.pipeline.forecast import (
    forecast_of,
    images_of,
    plan_text,
    read_plan_configuration,
    retrieval_speeds,
    training_speeds,
)
from sjft.pipeline.retrieval_cost import Collection
from sjft.pipeline.speeds import Speeds
from sjft.pipeline.training_cost import TrainingSpeeds
from sjft.settings.arm import METHOD
from sjft.settings.config import Configuration
from sjft.settings.merging import CONFIG_FILE, shipped_file
from sjft.storage.files import write_text

SAMPLE = 24  # images that are measured
ANSWERS = Path(".snakemake")  # where what is known of networks is kept


@dataclass(frozen=True)
class Wishes:
    """What the command line says; see `sjft.cli.init.command`."""

    target: Path
    source: Path
    name: str | None = None
    output: Path | None = None
    force: bool = False
    minutes: float = 30
    cores: int | None = None
    network: str | None = None
    weights: str = "auto"
    device: str = "auto"


def propose(wishes: Wishes) -> str:
    """Write a configuration for two folders; returns what the user is to read.

    Raises `UserError`, before anything is written, for folders that cannot be used and for wishes
    that contradict them or each other.
    """
    shipped = read_plan_configuration([], None)
    gpu = choose_device(wishes.device, "--device").type == "cuda"
    machine = Machine(wishes.cores or usable_cores(), gpu)
    check_apart(wishes.target, wishes.source)
    layouts = look_at(wishes.target, "target"), look_at(wishes.source, "source")
    if wishes.name is not None:
        check_name(wishes.name, shipped)
    name = wishes.name or name_of(layouts[0].folder, "target", taken(shipped))
    output = wishes.output or Path("config") / f"{name}.yaml"
    _check_output(output, wishes.force)
    data_root = Path(shipped.data_root)
    starts = possible_starts(wishes.weights, wishes.network, machine.gpu, data_root)
    _tell(f"Looking at {layouts[0].folder} and {layouts[1].folder} ...")
    target, source = survey_target(layouts[0]), survey_source(layouts[1])
    source_name = name_of(layouts[1].folder, "source", {*taken(shipped), name})
    sides = _Sides(name, source_name, target, source)
    proposal, fits, forecast, measured, warns = _fitted(wishes, sides, machine, starts, output)
    write_text(output, as_yaml(proposal))
    lines = [target.line("Target"), source.line("Source")]
    lines += [f"  - {note}" for note in (*target.notes, *source.notes)]
    lines += [f"Weights of {proposal.start.network}: {proposal.start.why}."]
    if not fits:
        lines.append(
            f"{LEAST_UPDATES} updates a round, the fewest that are of use, take longer than the "
            f"{wishes.minutes:g} minutes that were asked for."
        )
    if warns:
        lines.append(warns)
    collections = sides.collections(proposal)
    keep_forecast(sides.name, forecast.of_jobs())
    return (
        "\n".join(lines)
        + f"\nWritten: {output}\n\n{plan_text(collections, measured, forecast)}\n\n"
        + f"Read {output}, and run it:\n\n  {proposal.command}"
    )


@dataclass(frozen=True)
class _Sides:
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


def _fitted(
    wishes: Wishes, sides: _Sides, machine: Machine, starts: tuple[Start, ...], output: Path
) -> tuple[Proposal, bool, Forecast, str, str | None]:
    """The first of the starts that trains long enough in the time, or the last one.

    Returns the proposal, whether it fits, its forecast, what that was measured on, and what is to
    be known before the run.
    """
    retrieval: dict[str, Speeds] = {}
    for start in starts:
        draft, configuration = _draft(wishes, sides, machine, start, output)
        collections = {part.name: part for part in sides.collections(draft)}
        with images_of(list(collections.values()), SAMPLE) as images:
            if not retrieval:  # all starts of several are random, with one and the same bank
                _tell(f"Measuring on {images.words} ...")
                retrieval, _ = retrieval_speeds(configuration, sides.name, images)
            speeds = training_speeds(configuration, sides.name, collections, images)

        forecast = partial(
            _forecast, configuration, sides.name, collections, retrieval, speeds, machine.cores
        )
        most = most_updates(sides.target.train, start)
        updates, fits = updates_within(60 * wishes.minutes, forecast, most)
        if fits:
            break
    length = (
        f"As many as end within {wishes.minutes:g} minutes on this machine: an update takes "
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
    wishes: Wishes, sides: _Sides, machine: Machine, start: Start, output: Path
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
    return forecast_of(configuration, name, collections, retrieval, speeds, cores)


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


def _check_output(output: Path, force: bool) -> None:
    if output.is_dir():
        raise UserError(f"--output {output}: is a folder. Name a file in it.")
    if os.path.realpath(output) in map(os.path.realpath, (shipped_file(), CONFIG_FILE)):
        raise UserError(f"--output {output}: is the program's own configuration. Name another.")
    if output.exists() and not force:
        raise UserError(
            f"{output}: is there already. --force replaces it; --name NAME or --output FILE writes "
            "another one."
        )


def _tell(what: str) -> None:
    print(what, file=sys.stderr, flush=True)
