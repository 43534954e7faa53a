# What the rules read, where a path with wildcards cannot say it: stage by stage, in their order.

from sjft.pipeline import stage_settings
from sjft.descriptors.banks import BANKS
from sjft.retrieval.index import BACKENDS, search_backend
from sjft.retrieval.index.backend import IndexBackend
from sjft.selection.subset import read_skipped

# In no rule's params: what is done stays done when these change.
config["told"] = stage_settings.only_told(CONFIG)


def settings_of_retrieval(of_stage):
    """What a stage of retrieval goes by, for its rule's params."""
    return lambda wildcards: of_stage(CONFIG, wildcards.retrieval)


##### fetch.smk #####

FETCHABLE = [
    name
    for name, settings in CONFIG.datasets.items()
    if not settings.generated and (settings.downloads or settings.how_to_get)
]
# (network, name) of all weights that torchvision publishes and a bank or an experiment names.
PUBLISHED_WEIGHTS = sorted(
    {
        (user.network, user.weights.name)
        for user in [
            *(bank.network_weights for bank in CONFIG.banks.values()),
            *(
                experiment.arm(arm).training
                for experiment in CONFIG.experiments.values()
                for arm in filter(experiment.is_complete, experiment.arm_names)
            ),
        ]
        if user is not None and user.weights.source == "torchvision"
    }
)


def published_weights(user):
    """The file of a network's published weights; others, and a bank without, need no rule."""
    if user is None or user.weights.source != "torchvision":
        return []
    # Fetched again, it has the same bytes: its time does not matter.
    return ancient(f"results/weights/{user.network}-{user.weights.name}.pth")


##### images.smk #####


def generated_folder(wildcards):
    """The pictures that must be made before they can be listed: the demo's."""
    if not CONFIG.datasets[wildcards.dataset].generated:
        return []
    return f"results/datasets/{wildcards.dataset}/generated"


def state_of_originals(wildcards):
    """Changes with the photographs that pictures are made from; nothing where from a seed alone."""
    settings = CONFIG.datasets[wildcards.dataset]
    if settings.reader != "cameras":
        return ""
    require_data(
        name
        for name, e in CONFIG.experiments.items()
        if wildcards.dataset in (e.target, *e.sources)
    )
    return snapshot(settings.originals(), Path(CONFIG.data_root))


def listing_settings(wildcards):
    """What decides the list: not what to do with bad images, nor where the data come from."""
    settings = settings_of("datasets", wildcards.dataset)
    return {
        key: value for key, value in settings.items() if key not in NOT_FOR_THE_LIST
    }


def noticed(wildcards):
    """Nothing to go by: renews images.csv where the pictures have changed (see `state_of_data`)."""
    state_of_data(wildcards.dataset)
    return ""


##### descriptors.smk #####


def largest_picture(wildcards):
    """The limit that a listed picture may be over; generated ones have none."""
    return getattr(CONFIG.datasets[wildcards.dataset], "largest_picture", "")


def largest_that_is_taken(wildcards):
    """Likewise, where larger pictures are left out; else they end the job.

    Nothing for the usual limit, so that `on_bad_image: skip` alone is no reason.
    """
    limit = largest_picture(wildcards)
    left_out = CONFIG.datasets[wildcards.dataset].on_bad_image == "skip"
    return limit if left_out and limit != PictureLimits().largest_picture else ""


def state_of_bank(wildcards):
    using = [
        name
        for name, e in CONFIG.experiments.items()
        if wildcards.bank
        in {bank_of(e.arm(arm).retrieval) for arm in filter(e.is_complete, e.arm_names)}
    ]
    return state_of_weights(CONFIG.banks[wildcards.bank].weights_or_none, using)


def weights_of_bank(wildcards):
    return published_weights(CONFIG.banks[wildcards.bank].network_weights)


def left_out_and_refused(wildcards):
    """Changes where a shard's bad pictures were left out, and by now are to end its job.

    A shard without any is the same with `on_bad_image: fail` and `skip`.
    """
    name = "results/descriptors/{bank}/{dataset}/{part}/{shard}.skipped.csv"
    path = Path(name.format(**dict(wildcards.items())))
    if CONFIG.datasets[wildcards.dataset].on_bad_image == "skip" or not path.is_file():
        return ""
    try:
        return "bad pictures were left out" if len(read_skipped(path)) else ""
    except UserError:
        return "damaged, or an older version's"  # the shard is made anew


##### histograms.smk #####


def target_descriptors(wildcards):
    bank = bank_of(wildcards.retrieval)
    return expand(
        f"results/descriptors/{bank}/{{{{target}}}}/train/{{shard}}.h5",
        shard=shards_of(wildcards.target),
    )


##### index.smk #####


def target_histograms(part):
    """The histograms of the target's training images, or of those held out."""

    def paths(wildcards):
        return expand(
            "results/retrieval/{{retrieval}}/{{target}}/{{target}}/histograms/{part}/{shard}.h5",
            part=part,
            shard=shards_of(wildcards.target),
        )

    return paths


##### leakage.smk #####


def hashes_of_target(part):
    """Hashes of the target's training images, or of those held out."""

    def paths(wildcards):
        return expand(
            "results/datasets/{{target}}/hashes/{part}/{shard}.h5",
            part=part,
            shard=shards_of(wildcards.target),
        )

    return paths


def leakage_of_shards(suffix):
    """What was found in each of a source's shards."""
    return lambda wildcards: expand(
        "results/retrieval/{retrieval}/{target}/{source}/leakage/{shard}.{suffix}",
        retrieval=wildcards.retrieval,
        target=wildcards.target,
        source=wildcards.source,
        shard=shards_of(wildcards.source),
        suffix=suffix,
    )


##### neighbours.smk #####


def leakage_settings(retrieval):
    return settings_of("retrievals", retrieval, "leakage")["leakage"]


def index_of_shard(wildcards):
    """What the backend searches besides the histograms: see `search_shard` of the library."""
    backend = search_backend(CONFIG.retrievals[wildcards.retrieval].backend)
    pairing = "results/retrieval/{retrieval}/{target}"
    index = f"{pairing}/{{source}}/index/{{shard}}"
    return [
        *([f"{pairing}/projection.h5"] if backend.needs_projection else []),
        *(
            [f"{index}.ann", f"{index}.json"]
            if isinstance(backend, IndexBackend)
            else []
        ),
    ]


def code_with_backend(script):
    """The library code that a script runs, with the backend of its retrieval and no other."""
    return lambda wildcards: code_of(
        script, BACKENDS[CONFIG.retrievals[wildcards.retrieval].backend]
    )


def neighbours_of_sources(wildcards):
    """Each source's neighbours, in the order of the configuration."""
    return expand(
        "results/retrieval/{retrieval}/{target}/{source}/neighbours.h5",
        retrieval=wildcards.retrieval,
        target=wildcards.target,
        source=wildcards.sources.split(SEPARATOR),
    )


def images_of_sources(wildcards):
    return expand(
        "results/datasets/{source}/images.csv",
        source=wildcards.sources.split(SEPARATOR),
    )


def leakage_of_sources(wildcards):
    """Which source images show a picture that is held out, where these are left out."""
    leakage = leakage_settings(wildcards.retrieval)
    if not (leakage["check"] and leakage["exclude"]):
        return []
    return expand(
        "results/retrieval/{retrieval}/{target}/{source}/leakage.csv",
        retrieval=wildcards.retrieval,
        target=wildcards.target,
        source=wildcards.sources.split(SEPARATOR),
    )
