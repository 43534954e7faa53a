"""A configuration for two folders, all but how long is trained."""

import os
import shlex
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sjft.cli.init.layout import absolute
from sjft.cli.init.names import bank_name
from sjft.cli.init.sizing import LEAST_UPDATES, Choices, Machine, choose, with_updates
from sjft.cli.init.source_first import SourceFirst, training_of_source
from sjft.cli.init.survey import Survey
from sjft.cli.init.text import Proposal, as_yaml
from sjft.cli.init.weights import Start
from sjft.descriptors.banks import make_bank
from sjft.errors import UserError
from sjft.layout import MODEL
from sjft.pipeline.forecast import read_plan_configuration
from sjft.pipeline.prices import Collection
from sjft.settings.config import Configuration
from sjft.settings.merging import shipped_file
from sjft.settings.weights import ExperimentWeights
from sjft.storage.files import write_text


@dataclass(frozen=True)
class Sides:
    """Both data sets, by name: the target's is the experiment's too."""

    name: str
    source_name: str
    target: Survey
    source: Survey

    def collections(self, proposal: Proposal) -> tuple[Collection, Collection]:
        """Both data sets as a plan of the experiment has them."""
        return (
            _collection(self.name, self.target, proposal.choices.shards_of_target),
            _collection(self.source_name, self.source, proposal.choices.shards_of_source),
        )


def _collection(name: str, side: Survey, shards: int) -> Collection:
    root, numbers = side.layout.folder, side.by_split
    return Collection(
        name, side.train, side.heldout, shards, numbers, side.classes, root, side.paths
    )


def draft_of(
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
        learned=_source_first(sides, machine, start, choices),
    )
    configuration = configuration_of(draft)
    bank = configuration.banks[draft.bank_name]
    if bank.network_weights is not None:
        try:
            make_bank(bank.without_file(), None)
        except UserError:
            gabor = choose(sides.target, sides.source, machine, start, gabor=True)
            named = bank_name(sides.name, gabor.bank, start)
            draft = replace(draft, choices=gabor, bank_name=named)
            configuration = configuration_of(draft)
    return draft, configuration


def _source_first(
    sides: Sides, machine: Machine, start: Start, choices: Choices
) -> SourceFirst | None:
    """The experiment that learns the source, where training starts from its model."""
    if not isinstance(start.weights, ExperimentWeights):
        return None
    folder = sides.source.layout.folder / sides.source.values["splits"]["train"]
    return SourceFirst(
        name=start.weights.experiment,
        root=_in_file(folder),
        target_name=sides.name,
        bank_name=bank_name(sides.name, choices.bank, start),
        training=training_of_source(sides.source, machine, choices),
        scale=choices.scale,
    )


def _command(cores: int, name: str, output: Path) -> str:
    """Runs the experiment from this folder, whether the workflow lies in it or elsewhere."""
    place = shipped_file().parents[1]
    workflow = [] if place == Path() else ["-s", str(place / "Snakefile")]
    words = ["snakemake", *workflow, "--cores", str(cores), MODEL.of(experiment=name)]
    return shlex.join([*words, "--configfile", str(output)])


def configuration_of(proposal: Proposal) -> Configuration:
    """The file as the program will read it, on top of the shipped one."""
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "proposed.yaml"
        write_text(file, as_yaml(proposal))
        return read_plan_configuration([file], None)


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
