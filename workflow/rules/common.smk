# The configuration, validated, and how rules look things up in it and in the library.

import os
import re
import sys
from inspect import signature
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
if set("{}") & set(str(WORKFLOW)):
    sys.exit(
        f"{WORKFLOW}: Snakemake takes braces in the path of a workflow for wildcards. Rename the "
        "folder, or move the repository."
    )
# Jobs import the library from here, in whatever environment and on whatever node they run.
sys.path.insert(0, str(WORKFLOW))
os.environ.update(
    PYTHONPATH=os.pathsep.join(
        filter(None, [str(WORKFLOW), os.environ.get("PYTHONPATH")])
    )
)

from sjft.loading import look_for_garbage, put_off_garbage

# Each job that is started elsewhere reads these rules; the Snakefile's last line ends this.
put_off_garbage()

from sjft import layout
from sjft.checks.before_jobs import BeforeJobs, Call
from sjft.data.table import PARTS
from sjft.descriptors.banks import BANKS
from sjft.errors import UserError
from sjft.pipeline import (
    comparisons,
    inputs,
    places,
    resources as limits,
    run_inputs,
    runs,
    runtimes as times,
    stage_settings,
)
from sjft.pipeline.fingerprint import Fingerprints
from sjft.retrieval.index import BACKENDS
from sjft.settings.config import read_configuration
from sjft.settings.merging import (
    CONFIG_FILE,
    merged_values,
    values_of_module,
)

SHIPPED = WORKFLOW.parent / CONFIG_FILE


# For the report: the values are read below.
configfile: str(SHIPPED)


COMMAND_LINE = workflow.config_settings
# Whether this workflow is run for itself, and not as a part of another one.
IS_MAIN = Path(workflow.main_snakefile).resolve() == WORKFLOW.parent / "Snakefile"


def given_values():
    """All values of the configuration; sjft.settings.merging says which of them win."""
    if workflow.modifier.skip_configfile:  # a module's `config:`
        return values_of_module(config, SHIPPED, workflow.configfiles)
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


try:
    config = given_values()
    CONFIG = read_configuration(config)
except UserError as error:
    sys.exit(str(error))
# These are in no rule's input or params: the same data from another place is the same data, and
# what is done stays done when they change.
config["data_root"] = CONFIG.data_root
config["image_folders"] = places.image_folders(CONFIG)
config["weights_url"] = CONFIG.weights_url
config["rounds"] = places.means_of_rounds(CONFIG)
config["beside_the_list"] = places.beside_the_list(CONFIG)
config["told"] = stage_settings.only_told(CONFIG)


def one_of(names):
    return "|".join(re.escape(name) for name in sorted(names)) or "none"


wildcard_constraints:
    **layout.NUMBERS,
    dataset=one_of(CONFIG.datasets),
    target=one_of(CONFIG.datasets),
    source=one_of(CONFIG.datasets),
    sources=one_of({runs.joined(e.sources) for e in CONFIG.experiments.values()}),
    part=one_of(PARTS),
    bank=one_of(CONFIG.banks),
    retrieval=one_of(CONFIG.retrievals),
    experiment=one_of(CONFIG.experiments),
    arm=one_of({arm for e in CONFIG.experiments.values() for arm in e.arm_names}),


FINGERPRINTS = Fingerprints()


def code_of(script, chosen=None):
    """A fingerprint of the library code that a script runs, as a parameter of its rule.

    ``chosen`` is the module of the filter bank, or the search backend, that its job uses.
    """
    return FINGERPRINTS.of(WORKFLOW / "scripts" / script, chosen)


def code_with_backend(script):
    """The library code that a script runs, with the backend of its retrieval and no other."""
    return lambda wildcards: code_of(
        script, BACKENDS[CONFIG.retrievals[wildcards.retrieval].backend]
    )


# What is looked at before the first job: the state of images and weights goes into params.
BEFORE = BeforeJobs(
    CONFIG,
    lambda: Call(  # not known before all rules are read
        targets=tuple(map(str, workflow.dag_settings.targets)),
        leads=workflow.is_main_process,
        dry=workflow.dryrun,
        runs_here=workflow.local_exec,
    ),
    readers=code_of("list_images.py"),
    stop=sys.exit,
    tell=lambda words: print(words, file=sys.stderr),
)


##### how rules call the library #####


def given(function, **more):
    """A function of the configuration and a job's names, as one of the job's wildcards.

    It gets those of them that it asks for by name, and ``more``.
    """
    wanted = signature(function).parameters.keys()

    def of_wildcards(wildcards):
        names = {
            "c": CONFIG,
            "configuration": CONFIG,
            **dict(wildcards.items()),
            **more,
        }
        if "experiment" in names:
            BEFORE.look_first(names["experiment"])
        try:
            return function(**{name: names[name] for name in wanted if name in names})
        except UserError as error:
            sys.exit(str(error))

    return of_wildcards


def reads(of_rule, name):
    """The files of one of a rule's inputs, from what the library says of all of them."""
    files = given(of_rule)
    return lambda wildcards: inputs.flagged(CONFIG, files(wildcards)[name], ancient)


def sized(function):
    """Memory or time by the sizes of what a job reads, which are unknown before that is there."""

    def of_files(wildcards, input):
        named = {
            name: [files] if isinstance(files, str) else list(files)
            for name, files in input.items()
        }
        return given(function, read=named)(wildcards)

    return of_files


def growing(value):
    """Memory or time of a job: twice as much in its second attempt, three times in its third.

    ``value`` is a number, or a function of the job's wildcards, or of these and its input.
    """

    def of_attempt(wildcards, input, attempt):
        if not callable(value):
            return attempt * value
        known = {"wildcards": wildcards, "input": input}
        return attempt * value(*(known[name] for name in signature(value).parameters))

    return of_attempt


def few_threads(most):
    """At most so many threads, and no more than a quarter of this machine's cores.

    A job that wants two of two cores waits for every training to end, beside an idle core. On a
    cluster each job has its own cores.
    """
    cores = workflow.resource_settings.cores
    if cores is None or workflow.remote_exec:
        return most
    return max(1, min(most, cores // 4))


# Snakemake starts what is ready by priority: a long training only where nothing waits that others,
# and the rounds after them, wait for.
BEFORE_TRAINING = 1
