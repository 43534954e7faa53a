# What the rules read, where a path with wildcards cannot say it: stage by stage, in their order.


##### fetch.smk #####

FETCHABLE = [
    name
    for name, settings in CONFIG.datasets.items()
    if settings.reader != "synthetic" and (settings.downloads or settings.how_to_get)
]
# (network, name) of all weights that torchvision publishes and a bank or an experiment names.
PUBLISHED_WEIGHTS = sorted(
    {
        (user.network, user.weights.name)
        for user in [
            *(bank for bank in CONFIG.banks.values() if bank.type == "cnn"),
            *(experiment.training for experiment in CONFIG.experiments.values()),
        ]
        if user.weights.source == "torchvision"
    }
)


def published_weights(user):
    """The file of a bank's, or a training's, published weights; others need no rule."""
    weights = getattr(user, "weights", None)
    if weights is None or weights.source != "torchvision":
        return []
    # Fetched again, it has the same bytes: its time does not matter.
    return ancient(f"results/weights/{user.network}-{weights.name}.pth")


##### images.smk #####


def generated_folder(wildcards):
    """The pictures that must be made before they can be listed: the demo's."""
    if CONFIG.datasets[wildcards.dataset].reader != "synthetic":
        return []
    return f"results/datasets/{wildcards.dataset}/generated"


def listing_settings(wildcards):
    """What decides the list: not what to do with bad images, nor where the data come from."""
    settings = settings_of("datasets", wildcards.dataset)
    return {
        key: value
        for key, value in settings.items()
        if key not in ("on_bad_image", "how_to_get", "downloads")
    }


##### descriptors.smk #####


def state_of_bank(wildcards):
    using = [
        name
        for name, e in CONFIG.experiments.items()
        if bank_of(e.retrieval) == wildcards.bank
    ]
    bank = CONFIG.banks[wildcards.bank]
    return state_of_weights(getattr(bank, "weights", None), using)


def weights_of_bank(wildcards):
    return published_weights(CONFIG.banks[wildcards.bank])


##### histograms.smk #####


def target_descriptors(wildcards):
    bank = bank_of(wildcards.retrieval)
    return expand(
        f"results/descriptors/{bank}/{{{{target}}}}/{{shard}}.h5",
        shard=shards_of(wildcards.target),
    )


##### index.smk #####


def target_histograms(wildcards):
    return expand(
        "results/retrieval/{{retrieval}}/{{target}}/{{target}}/histograms/{shard}.h5",
        shard=shards_of(wildcards.target),
    )


##### neighbours.smk #####


def index_of_shard(wildcards):
    """What the backend searches besides the histograms."""
    if CONFIG.retrievals[wildcards.retrieval].backend == "exact":
        return []
    pairing = "results/retrieval/{retrieval}/{target}"
    return [
        f"{pairing}/projection.h5",
        f"{pairing}/{{source}}/index/{{shard}}.ann",
        f"{pairing}/{{source}}/index/{{shard}}.json",
    ]


##### subset.smk #####


def pairing_of(wildcards):
    """Target, source, retrieval and bank of the run's experiment."""
    experiment = CONFIG.experiments[wildcards.experiment]
    return {
        "target": experiment.target,
        "source": experiment.source,
        "retrieval": experiment.retrieval,
        "bank": bank_of(experiment.retrieval),
    }


def neighbours_of(wildcards):
    """The neighbour lists: for the arm that selects by them."""
    if wildcards.arm != "selective":
        return []
    path = "results/retrieval/{retrieval}/{target}/{source}/neighbours.h5"
    return path.format(**pairing_of(wildcards))


def skipped_of(role):
    """Lists of the images that extraction left out."""

    def paths(wildcards):
        if role == "source" and wildcards.arm == "fine-tune":
            return []
        pairing = pairing_of(wildcards)
        return expand(
            "results/descriptors/{bank}/{dataset}/{shard}.skipped.csv",
            bank=pairing["bank"],
            dataset=pairing[role],
            shard=shards_of(pairing[role]),
        )

    return paths


def difficulty_of_last_round(wildcards):
    """What K_i grows by: the last round's K_i and how hard each image was."""
    last = int(wildcards.round) - 1
    if wildcards.arm != "selective" or last < 0:
        return []
    run = "results/{experiment}/runs/{arm}-{seed}"
    return [f"{run}/round-{last}/targets.csv", f"{run}/round-{last}/difficulty.csv"]


def selective_subset(wildcards):
    """`random-source` draws as many images as `selective` has in the same round."""
    if wildcards.arm != "random-source":
        return []
    return "results/{experiment}/runs/selective-{seed}/round-{round}/subset.csv"


##### training.smk #####


def training_of(wildcards):
    return settings_of("experiments", wildcards.experiment, "training")["training"]


def evaluation_of(wildcards):
    return settings_of("experiments", wildcards.experiment, "evaluation")["evaluation"]


def folders_of(wildcards):
    """Where the pictures lie, target and source."""
    pairing = pairing_of(wildcards)
    return {role: place_of(pairing[role]) for role in ("target", "source")}


def model_of_last_round(wildcards):
    last = int(wildcards.round) - 1
    return (
        f"results/{{experiment}}/runs/{{arm}}-{{seed}}/round-{last}/model.pt"
        if last >= 0
        else []
    )


def weights_of_training(wildcards):
    """The first round starts from them, later ones from the last round's model."""
    if int(wildcards.round) > 0:
        return []
    return published_weights(CONFIG.experiments[wildcards.experiment].training)


def gpus(wildcards):
    return 0 if training_of(wildcards)["device"] == "cpu" else 1


##### evaluation.smk #####


def last_round(wildcards):
    return CONFIG.experiments[wildcards.experiment].rounds - 1


##### publication.smk #####


def compared_runs(wildcards):
    """(arm, seed) of the published run and of those that it is compared with, in a stable order."""
    experiment = CONFIG.experiments[wildcards.experiment]
    published = (experiment.publish.arm, experiment.publish.seed)
    compared = [
        (arm, seed) for arm in experiment.publish.compare for seed in experiment.seeds
    ]
    return list(dict.fromkeys([*compared, published]))


def files_of_runs(pattern):
    """The same file of all compared runs."""

    def paths(wildcards):
        return [
            pattern.format(
                experiment=wildcards.experiment,
                arm=arm,
                seed=seed,
                last=last_round(wildcards),
            )
            for arm, seed in compared_runs(wildcards)
        ]

    return paths


def neighbours_of_experiment(wildcards):
    """The neighbour lists, where a compared arm uses them."""
    if not {"selective", "random-source"}.intersection(
        arm for arm, _ in compared_runs(wildcards)
    ):
        return []
    path = "results/retrieval/{retrieval}/{target}/{source}/neighbours.h5"
    return path.format(**pairing_of(wildcards))


def benchmarks_of(wildcards):
    """Snakemake's benchmark files of all jobs behind the summary, by stage."""
    names = pairing_of(wildcards)
    both = [
        (dataset, shard)
        for dataset in (names["target"], names["source"])
        for shard in shards_of(dataset)
    ]
    runs = [
        f"{wildcards.experiment}/{arm}-{seed}" for arm, seed in compared_runs(wildcards)
    ]
    rounds = range(last_round(wildcards) + 1)
    pairing = "{retrieval}/{target}".format(**names)
    sources = [
        f"{pairing}/{names['source']}/{shard}" for shard in shards_of(names["source"])
    ]
    jobs = {
        "generate_images": [
            d
            for d in dict.fromkeys(d for d, _ in both)
            if CONFIG.datasets[d].reader == "synthetic"
        ],
        "list_images": list(dict.fromkeys(dataset for dataset, _ in both)),
        "extract_descriptors": [f"{names['bank']}/{d}/{shard}" for d, shard in both],
        "equalise_bins": [pairing],
        "build_histograms": [f"{pairing}/{d}/{shard}" for d, shard in both],
        "fit_projection": [pairing],
        "build_index": sources,
        "search_shard": sources,
        "merge_neighbours": [f"{pairing}/{names['source']}"],
        "select_subset": [f"{run}/round-{r}" for run in runs for r in rounds],
        "finetune": [f"{run}/round-{r}" for run in runs for r in rounds],
        "score_difficulty": [
            f"{wildcards.experiment}/{arm}-{seed}/round-{r}"
            for arm, seed in compared_runs(wildcards)
            if arm == "selective"
            for r in rounds[:-1]
        ],
        "evaluate": runs,
    }
    if CONFIG.retrievals[names["retrieval"]].backend == "exact":
        del jobs["fit_projection"], jobs["build_index"]
    return {
        stage: [f"results/benchmarks/{stage}/{job}.tsv" for job in of_stage]
        for stage, of_stage in jobs.items()
        if of_stage
    }
