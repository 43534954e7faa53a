# What the rules of a run read, from its subset to its summary, stage by stage.


##### subset.smk #####


def pairing_of(wildcards):
    """Target, sources, retrieval and bank of the run's experiment."""
    experiment = CONFIG.experiments[wildcards.experiment]
    return {
        "target": experiment.target,
        "sources": experiment.sources,
        "retrieval": experiment.retrieval,
        "bank": bank_of(experiment.retrieval),
    }


def of_experiment(pattern, **more):
    """Paths with the names of the run's pairing, for each of its sources."""

    def paths(wildcards):
        pairing = pairing_of(wildcards)
        return expand(
            pattern,
            target=pairing["target"],
            source=pairing["sources"],
            retrieval=pairing["retrieval"],
            bank=pairing["bank"],
            **more,
        )

    return paths


def ranking_of(wildcards):
    """The ranking of all sources' neighbours: for the arm that selects by it."""
    if wildcards.arm != "selective":
        return []
    pairing = pairing_of(wildcards)
    sources = SEPARATOR.join(pairing["sources"])
    return "results/retrieval/{retrieval}/{target}/{sources}/ranking.h5".format(
        **{**pairing, "sources": sources}
    )


def leakage_of_run(wildcards):
    """Source images that must not be used, for the arms that use any."""
    leakage = leakage_settings(pairing_of(wildcards)["retrieval"])
    if wildcards.arm == "fine-tune" or not (leakage["check"] and leakage["exclude"]):
        return []
    return of_experiment("results/retrieval/{retrieval}/{target}/{source}/leakage.csv")(
        wildcards
    )


def skipped_targets(wildcards):
    """Lists of the target's images that extraction left out."""
    pairing = pairing_of(wildcards)
    return expand(
        "results/descriptors/{bank}/{target}/train/{shard}.skipped.csv",
        bank=pairing["bank"],
        target=pairing["target"],
        shard=shards_of(pairing["target"]),
    )


def skipped_sources(wildcards):
    """Lists of the sources' images that extraction left out, source by source."""
    if wildcards.arm == "fine-tune":
        return []
    pairing = pairing_of(wildcards)
    return [
        f"results/descriptors/{pairing['bank']}/{source}/train/{shard}.skipped.csv"
        for source in pairing["sources"]
        for shard in shards_of(source)
    ]


def rows_of_run(wildcards):
    """Changes with the images that the run can be trained on."""
    pairing = pairing_of(wildcards)
    sources = () if wildcards.arm == "fine-tune" else pairing["sources"]
    return [state_of_rows(name, "train") for name in (pairing["target"], *sources)]


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
    """Where the pictures lie: the target's, and each source's."""
    pairing = pairing_of(wildcards)
    return {
        "target": place_of(pairing["target"]),
        "sources": {source: place_of(source) for source in pairing["sources"]},
    }


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


def gpus_of_training(wildcards):
    """One for each of the processes that train together."""
    return gpus(wildcards) * training_of(wildcards)["processes"]


def memory_of_training(wildcards):
    """Beside the cache, a process takes 4 GB on a CPU or a GPU's host, and 2 GB are the job's."""
    processes = training_of(wildcards)["processes"]
    return 2000 + 4000 * processes + CONFIG.training_jobs.cache_mb


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


def arms_compared(wildcards):
    return {arm for arm, _ in compared_runs(wildcards)}


def neighbours_of_experiment(wildcards):
    """The sources' neighbour lists, where a compared arm uses them."""
    if not arms_compared(wildcards).intersection({"selective", "random-source"}):
        return []
    return of_experiment(
        "results/retrieval/{retrieval}/{target}/{source}/neighbours.h5"
    )(wildcards)


def leakage_of_experiment(wildcards):
    """What the leakage check found, source by source."""
    if not leakage_settings(pairing_of(wildcards)["retrieval"])["check"]:
        return []
    return of_experiment("results/retrieval/{retrieval}/{target}/{source}/leakage.csv")(
        wildcards
    )


def duplicates_of_experiment(wildcards):
    """Pictures that the target's own splits share."""
    pairing = pairing_of(wildcards)
    if not leakage_settings(pairing["retrieval"])["check"]:
        return []
    return "results/retrieval/{retrieval}/{target}/duplicates.csv".format(**pairing)
