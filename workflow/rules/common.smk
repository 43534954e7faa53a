# The configuration, validated, and how the rules look things up in it.

import os
import sys
from pathlib import Path

WORKFLOW = Path(workflow.basedir) / "workflow"
# Jobs import the library from here, in whatever environment and on whatever node they run.
sys.path.insert(0, str(WORKFLOW))
os.environ.update(
    PYTHONPATH=os.pathsep.join(
        filter(None, [str(WORKFLOW), os.environ.get("PYTHONPATH")])
    )
)

from sjft.errors import UserError
from sjft.fingerprint import fingerprint
from sjft.requirements import dataset_state, file_state, missing_data
from sjft.settings.config import read_configuration

# --config and --configfile win over the environment, and that over the default file.
DATA_ROOT = workflow.config_settings.overwrite_config.get(
    "data_root"
) or os.environ.get("SJFT_DATA_ROOT")
try:
    CONFIG = read_configuration(config, data_root=DATA_ROOT)
except UserError as error:
    sys.exit(str(error))
# These are in no rule's input or params: the same data from another place is the same data.
config["data_root"] = CONFIG.data_root
config["weights_url"] = CONFIG.weights_url


def one_of(names):
    return "|".join(sorted(names))


wildcard_constraints:
    dataset=one_of(CONFIG.datasets),
    target=one_of(CONFIG.datasets),
    source=one_of(CONFIG.datasets),
    bank=one_of(CONFIG.banks),
    retrieval=one_of(CONFIG.retrievals),
    experiment=one_of(CONFIG.experiments),
    arm="selective|fine-tune|random-source|all-source",
    seed=r"\d+",
    round=r"\d+",
    shard=r"\d{4}",


def code_of(script):
    """A fingerprint of the library code that a script runs, as a parameter of its rule."""
    return fingerprint(WORKFLOW / "scripts" / script)


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
    if settings.reader == "synthetic":
        return {"generated": f"results/datasets/{dataset}/generated"}
    return {"root": settings.root}


def state_of_dataset(dataset):
    """Changes when pictures are added or removed. Generated pictures change by their own rule."""
    settings = CONFIG.datasets[dataset]
    if settings.reader == "synthetic":
        return ""
    require_data(
        name
        for name, e in CONFIG.experiments.items()
        if dataset in (e.target, e.source)
    )
    return dataset_state(settings, Path(CONFIG.data_root))


def state_of_weights(weights, experiments):
    """Changes with a local file of weights that these experiments use."""
    if weights is None or weights.source != "file":
        return ""
    require_data(experiments)
    return file_state(Path(CONFIG.data_root) / weights.path)


def require_data(experiments):
    """Stop with one message where data of what was asked for is not there."""
    using = list(experiments)
    asked = {
        Path(target).parts[1]
        for target in workflow.dag_settings.targets
        if "/" in target
    }
    if missing := missing_data(CONFIG, asked.intersection(using) or using[:1]):
        sys.exit(missing)
