"""From two folders and a machine to a configuration that is checked, planned and written."""

import os
from dataclasses import dataclass
from pathlib import Path

from sjft.cli.init.draft import Sides
from sjft.cli.init.fitting import Fitted, fitted, tell
from sjft.cli.init.layout import check_apart, look_at
from sjft.cli.init.names import check_name, name_of, names_of_others, taken
from sjft.cli.init.sizing import LEAST_UPDATES, Machine
from sjft.cli.init.source_first import LEAST_EPOCHS, collection_of, experiment_that_learns
from sjft.cli.init.survey import survey_source, survey_target
from sjft.cli.init.text import as_yaml
from sjft.cli.init.weights import possible_starts
from sjft.errors import UserError
from sjft.networks.devices import choose_device
from sjft.pipeline.expected_time import keep_forecast
from sjft.pipeline.experiment_time import usable_cores
from sjft.pipeline.forecast import in_order, plan_text, read_plan_configuration
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
    learned = experiment_that_learns(name)
    starts = possible_starts(wishes.weights, wishes.network, machine.gpu, data_root, learned)
    tell(f"Looking at {layouts[0].folder} and {layouts[1].folder} ...")
    target, source = survey_target(layouts[0]), survey_source(layouts[1])
    others = names_of_others(output.parent, output, layouts[1].folder, data_root)
    source_name = name_of(layouts[1].folder, "source", {*taken(shipped), *others, name})
    sides = Sides(name, source_name, target, source)
    found = fitted(wishes.minutes, sides, machine, starts, output)
    proposal = found.proposal
    write_text(output, as_yaml(proposal))
    lines = [target.line("Target"), source.line("Source")]
    lines += [f"  - {note}" for note in (*target.notes, *source.notes)]
    lines += [f"Weights of {proposal.start.network}: {proposal.start.why}."]
    if not found.fits:
        lines.append(_too_short(found, wishes.minutes))
    if found.warns:
        lines.append(found.warns)
    return (
        "\n".join(lines)
        + f"\nWritten: {output}\n\n{_plan(sides, found)}\n\n"
        + f"Read {output}, and run it:\n\n  {proposal.command}"
    )


def _too_short(found: Fitted, minutes: float) -> str:
    told = (
        f"{LEAST_UPDATES} updates a round, the fewest that are of use, take longer than the "
        f"{minutes:g} minutes that were asked for"
    )
    if found.before:
        told += f", or there is no time to learn the source for {LEAST_EPOCHS} epochs first"
    return f"{told}. Give --minutes more."


def _plan(sides: Sides, found: Fitted) -> str:
    """The plan as text, with that of the source being learned; both are kept for the run."""
    proposal, learned = found.proposal, found.proposal.learned
    keep_forecast(sides.name, found.forecast.of_jobs())
    before = {}
    if found.before and learned:
        keep_forecast(learned.name, found.before.of_jobs())
        source = collection_of(learned, sides.source, proposal.choices.shards_of_source)
        before[learned.name] = plan_text([source], found.measured, found.before)
    own = plan_text(sides.collections(proposal), found.measured, found.forecast)
    return in_order(sides.name, before, own)


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
