# The configuration, validated, and how the rules look things up in it.

import os
import re
import sys
from functools import cache
from pathlib import Path

# The folder that this file's own folder lies in, whoever includes it: `workflow.basedir` is the
# outermost Snakefile's.
WORKFLOW = Path(
    workflow.current_basedir.get_path_or_uri(secret_free=True)
).parent.resolve()
if not WORKFLOW.is_dir():
    sys.exit(
        f"{WORKFLOW}: the library and its scripts must lie on this machine's disk. Clone the "
        "repository, and give the path of its Snakefile."
    )
# Jobs import the library from here, in whatever environment and on whatever node they run.
sys.path.insert(0, str(WORKFLOW))
os.environ.update(
    PYTHONPATH=os.pathsep.join(
        filter(None, [str(WORKFLOW), os.environ.get("PYTHONPATH")])
    )
)

from sjft.pipeline import memory
from sjft.checks.asked import asked_for
from sjft.checks.first_look import first_look
from sjft.checks.numbers import Counted
from sjft.data.state import NOT_FOR_THE_LIST, current_state, read_record, snapshot
from sjft.errors import UserError
from sjft.pipeline.fingerprint import fingerprint
from sjft.data.table import PARTS
from sjft.leakage.copies import USUAL_NEIGHBOUR
from sjft.reports.paper import paper_figures
from sjft.fetch.missing import file_state, missing_data
from sjft.pipeline.rerun_reasons import named_by_kind
from sjft.settings.config import read_configuration
from sjft.settings.merging import (
    CONFIG_FILE,
    merged,
    merged_values,
    read_values,
    without_defaults,
)
from sjft.settings.pictures import PictureLimits
from sjft.retrieval.budget import kept_per_shard
from sjft.retrieval.ranking import SEPARATOR
from sjft.pipeline.training_rounds import mb_of_training

SHIPPED = WORKFLOW.parent / CONFIG_FILE


# For the report: the values are read below.
configfile: str(SHIPPED)


COMMAND_LINE = workflow.config_settings
# Whether this workflow is run for itself, and not as a part of another one.
IS_MAIN = Path(workflow.main_snakefile).resolve() == WORKFLOW.parent / "Snakefile"


def given_values():
    """All values of the configuration; sjft.settings.merging says which of them win."""
    if workflow.modifier.skip_configfile:  # a module's `config:`
        return values_of_module()
    if COMMAND_LINE.replace_workflow_config:
        return dict(config)
    named = list(COMMAND_LINE.configfiles)
    # Snakemake appends to these what Snakefiles name, such as one that includes this one.
    is_module = not workflow.modifier.is_main_snakefile()
    outer = [] if is_module else map(Path, workflow.configfiles[len(named) :])
    return merged_values(
        [SHIPPED, CONFIG_FILE] if IS_MAIN else [SHIPPED],
        [*outer, *named],
        COMMAND_LINE.config,
    )


def values_of_module():
    """What the outer workflow hands over; where it has read the shipped file, that is no choice."""
    handed_over = config
    if any(Path(path).resolve() == SHIPPED.resolve() for path in workflow.configfiles):
        handed_over = without_defaults(config, read_values(SHIPPED))
    return merged(merged_values([SHIPPED]), handed_over)


try:
    config = given_values()
    CONFIG = read_configuration(config)
except UserError as error:
    sys.exit(str(error))
# These are in no rule's input or params: the same data from another place is the same data.
config["data_root"] = CONFIG.data_root
config["weights_url"] = CONFIG.weights_url
config["checkpoints"] = CONFIG.checkpoints.model_dump(mode="json")
config["training_jobs"] = CONFIG.training_jobs.model_dump(mode="json")
# No reason to list the images again, but needed by the job that does.
config["beside_the_list"] = {
    name: settings.model_dump(mode="json", include=set(NOT_FOR_THE_LIST))
    for name, settings in CONFIG.datasets.items()
}


def one_of(names):
    return "|".join(re.escape(name) for name in sorted(names))


wildcard_constraints:
    dataset=one_of(CONFIG.datasets),
    target=one_of(CONFIG.datasets),
    source=one_of(CONFIG.datasets),
    sources=one_of({SEPARATOR.join(e.sources) for e in CONFIG.experiments.values()}),
    part=one_of(PARTS),
    bank=one_of(CONFIG.banks),
    retrieval=one_of(CONFIG.retrievals),
    experiment=one_of(CONFIG.experiments),
    arm=one_of({arm for e in CONFIG.experiments.values() for arm in e.arm_names}),
    seed=r"\d+",
    round=r"\d+",
    shard=r"\d{4}",


def code_of(script, chosen=None):
    """A fingerprint of the library code that a script runs, as a parameter of its rule.

    ``chosen`` is the module of the filter bank, or the search backend, that its job uses.
    """
    return fingerprint(WORKFLOW / "scripts" / script, chosen)


def settings_of(section, name, *keys):
    """The validated settings of an entry, or of some of its keys, as plain values."""
    values = getattr(CONFIG, section)[name].model_dump(mode="json")
    return {key: values[key] for key in keys} if keys else values


def shards_of(dataset):
    return [f"{shard:04d}" for shard in range(CONFIG.datasets[dataset].shards)]


def bank_of(retrieval):
    return CONFIG.retrievals[retrieval].bank


def place_of(dataset):
    """Where the pictures lie, for a rule's params: the same wherever data and results are put."""
    settings = CONFIG.datasets[dataset]
    if settings.generated:
        return {"generated": f"results/datasets/{dataset}/generated"}
    return {"root": settings.root}


@cache
def state_of_data(dataset):
    """What is on disk now; where that has changed since images.csv was written, it is renewed.

    Jobs on other nodes go by the record of the run that sent them. Generated pictures change by
    their own rule.
    """
    settings = CONFIG.datasets[dataset]
    if settings.generated:
        return None
    folder = Path("results/datasets") / dataset
    if not workflow.is_main_process and (record := read_record(folder)):
        return record.state
    require_data(
        name
        for name, e in CONFIG.experiments.items()
        if dataset in (e.target, *e.sources)
    )
    try:
        state, changes = seen_data(dataset)
    except UserError as error:
        sys.exit(str(error))
    if changes:
        told = f"{changes} ({named_by_kind(changes.names)})"
        print(f"The pictures of {dataset} have changed: {told}.", file=sys.stderr)
    for line in state.left_out if workflow.is_main_process else ():
        print(f"Left out of {dataset}: {line}", file=sys.stderr)
    return state


@cache
def seen_data(dataset):
    """The state of a data set on disk, looked at once, and how it differs from the last list."""
    return current_state(
        CONFIG.datasets[dataset],
        Path(CONFIG.data_root),
        Path("results/datasets") / dataset,
        code_of("list_images.py"),
        refresh=workflow.is_main_process and not workflow.dryrun,
    )


def state_of_pictures(dataset, part, shard):
    """Changes with the pictures of one shard, and with nothing else."""
    state = state_of_data(dataset)
    return state.pictures[part][int(shard)] if state else "generated"


def state_of_rows(dataset, part):
    """Changes with the pictures of a part, their labels and their numbers."""
    state = state_of_data(dataset)
    return state.rows[part] if state else "generated"


def state_of_weights(weights, experiments):
    """Changes with a local file of weights that these experiments use."""
    is_local = weights is not None and weights.source == "file"
    return state_of_file(weights.path if is_local else None, experiments)


def state_of_file(path, experiments):
    """Changes with a file below the data root that these experiments use; nothing where none."""
    if path is None:
        return ""
    require_data(experiments)
    return file_state(Path(CONFIG.data_root) / path)


def require_data(experiments):
    """Stop with one message where data of what was asked for is not there."""
    using = list(experiments)
    if asked_experiments().intersection(using):
        look_first()
    elif missing := missing_data(CONFIG, using[:1]):
        sys.exit(missing)


def asked_experiments():
    """The experiments whose files stand on the command line."""
    parts = [Path(target).parts for target in workflow.dag_settings.targets]
    return {part[1] for part in parts if len(part) > 1}.intersection(CONFIG.experiments)


def look_first(*needed):
    """Stop with one message where what was asked for, or is ``needed`` for it, cannot work."""
    if workflow.is_main_process:  # else it was said before this job was sent
        names = {*needed, *asked_experiments()}
        looked_at(*(name for name in CONFIG.experiments if name in names))


@cache
def looked_at(*names):
    look = first_look(
        CONFIG,
        asked_for(CONFIG, names, workflow.dag_settings.targets),
        lambda dataset: Counted.of_state(seen_data(dataset)[0]),
        runs_here=workflow.local_exec and not workflow.dryrun,
        kept=Path(".snakemake"),
    )
    if look.warns:
        print(look.warns, file=sys.stderr)
    if look.stops:
        sys.exit(look.stops)
