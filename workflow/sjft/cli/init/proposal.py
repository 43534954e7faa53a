"""From two folders and a machine to a configuration that is checked, planned and written."""

import os
from dataclasses import dataclass
from pathlib import Path

from sjft.cli.init.fitting import Sides, fitted, tell
from sjft.cli.init.layout import check_apart, look_at
from sjft.cli.init.names import check_name, name_of, taken
from sjft.cli.init.sizing import LEAST_UPDATES, Machine
from sjft.cli.init.survey import survey_source, survey_target
from sjft.cli.init.text import as_yaml
from sjft.cli.init.weights import possible_starts
from sjft.errors import UserError
from sjft.networks.devices import choose_device
from sjft.pipeline.expected_time import keep_forecast
from sjft.pipeline.experiment_time import usable_cores
from sjft.pipeline.forecast import plan_text, read_plan_configuration
from sjft.settings.merging import CONFIG_FILE, shipped_file
from sjft.storage.files import write_text


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
    tell(f"Looking at {layouts[0].folder} and {layouts[1].folder} ...")
    target, source = survey_target(layouts[0]), survey_source(layouts[1])
    source_name = name_of(layouts[1].folder, "source", {*taken(shipped), name})
    sides = Sides(name, source_name, target, source)
    proposal, fits, forecast, measured, warns = fitted(
        wishes.minutes, sides, machine, starts, output
    )
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
