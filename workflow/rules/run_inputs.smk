# What the rules of a run read, from its subset to its summary, stage by stage.


##### subset.smk #####


def pairing_of(wildcards):
    """Target, sources, retrieval and bank of a run, or of an experiment as a whole."""
    return pairing_of_arm(wildcards.experiment, getattr(wildcards, "arm", "selective"))


def arm_of(wildcards):
    """The run's arm with all that it is run with."""
    return arm_in(wildcards.experiment, wildcards.arm)


def arm_in(experiment, name):
    try:
        return CONFIG.experiments[experiment].arm(name)
    except UserError as error:
        sys.exit(f"experiments.{experiment}: {error}")


def pairing_of_arm(experiment, arm):
    look_first(experiment)
    settings = CONFIG.experiments[experiment]
    retrieval = arm_in(experiment, arm).retrieval
    return {
        "target": settings.target,
        "sources": settings.sources,
        "retrieval": retrieval,
        "bank": bank_of(retrieval),
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
    """The ranking of all sources' neighbours: for the arms that select by it."""
    if not arm_of(wildcards).selects:
        return []
    pairing = pairing_of(wildcards)
    sources = SEPARATOR.join(pairing["sources"])
    return "results/retrieval/{retrieval}/{target}/{sources}/ranking.h5".format(
        **{**pairing, "sources": sources}
    )


def without_sources(wildcards):
    return not arm_of(wildcards).with_sources


def sources_of_run(wildcards):
    """The sources that the run's arm uses."""
    return () if without_sources(wildcards) else pairing_of(wildcards)["sources"]


def images_of_run_sources(wildcards):
    return [
        f"results/datasets/{source}/images.csv" for source in sources_of_run(wildcards)
    ]


def leakage_of_run(wildcards):
    """Source images that must not be used, for the arms that use any."""
    leakage = leakage_settings(pairing_of(wildcards)["retrieval"])
    if without_sources(wildcards) or not (leakage["check"] and leakage["exclude"]):
        return []
    return of_experiment("results/retrieval/{retrieval}/{target}/{source}/leakage.csv")(
        wildcards
    )


def may_be_skipped(dataset):
    """Whether bad pictures are left out: where they end the job, no arm has to wait for the bank."""
    return CONFIG.datasets[dataset].on_bad_image == "skip"


def skipped_targets(wildcards):
    """Lists of the target's images that extraction left out, where it may leave any out."""
    pairing = pairing_of(wildcards)
    if not may_be_skipped(pairing["target"]):
        return []
    return expand(
        "results/descriptors/{bank}/{target}/train/{shard}.skipped.csv",
        bank=pairing["bank"],
        target=pairing["target"],
        shard=shards_of(pairing["target"]),
    )


def skipped_sources(wildcards):
    """Lists of the sources' images that extraction left out, source by source."""
    bank = pairing_of(wildcards)["bank"]
    return [
        f"results/descriptors/{bank}/{source}/train/{shard}.skipped.csv"
        for source in filter(may_be_skipped, sources_of_run(wildcards))
        for shard in shards_of(source)
    ]


def skipped_of(wildcards):
    """Of each of these lists, the source that it is of."""
    return [
        source
        for source in filter(may_be_skipped, sources_of_run(wildcards))
        for _ in shards_of(source)
    ]


def rows_of_run(wildcards):
    """Changes with the images that the run can be trained on."""
    names = (pairing_of(wildcards)["target"], *sources_of_run(wildcards))
    return [state_of_rows(name, "train") for name in names]


def difficulty_of_last_round(wildcards):
    """What K_i grows by: the last round's K_i and how hard each image was."""
    last = int(wildcards.round) - 1
    if not arm_of(wildcards).iterates or last < 0:
        return []
    names = (wildcards.experiment, wildcards.arm, wildcards.seed)
    folder = round_folder(*names, last)
    return [f"{folder}/targets.csv", f"{folder}/difficulty.csv"]


def subset_of_as_many(wildcards):
    """Where they are random, as many are drawn as another arm has in the same round."""
    other = arm_of(wildcards).as_many_as
    if other is None:
        return []
    names = (wildcards.experiment, other, wildcards.seed)
    return f"{round_folder(*names, int(wildcards.round))}/subset.csv"


##### training.smk #####


def training_settings(wildcards):
    return arm_of(wildcards).training


def training_of(wildcards):
    return training_settings(wildcards).model_dump(mode="json")


def place_of_target(wildcards):
    return place_of(pairing_of(wildcards)["target"])


def folders_of(wildcards):
    """Where the pictures lie: the target's, and each source's that the arm uses."""
    return {
        "target": place_of_target(wildcards),
        "sources": {source: place_of(source) for source in sources_of_run(wildcards)},
    }


def round_folder(experiment, arm, seed, number):
    """Where a round lies: the first one of an arm may be another arm's."""
    settings = CONFIG.experiments[experiment]
    owner = settings.first_round_owner(arm) if number == 0 else arm
    return f"results/{experiment}/runs/{owner}-{seed}/round-{number}"


def model_of_round(wildcards, number):
    names = (wildcards.experiment, wildcards.arm, wildcards.seed)
    return f"{round_folder(*names, number)}/model.pt"


def model_of_last_round(wildcards):
    last = int(wildcards.round) - 1
    return model_of_round(wildcards, last) if last >= 0 else []


def images_of_pretrained_head(wildcards):
    """What classes there are, where the source's head takes its rows from the weights' own."""
    head = training_settings(wildcards).source_head
    if without_sources(wildcards) or head != "pretrained":
        return []
    return of_experiment("results/datasets/{source}/images.csv")(wildcards)


def state_of_head_classes(wildcards):
    """Changes with the list of the pre-trained classifier's classes, for the arms that use it."""
    path = training_settings(wildcards).source_head_classes
    used = None if without_sources(wildcards) else path
    return state_of_file(used, [wildcards.experiment])


def weights_of_training(wildcards):
    """The first round starts from them, and source classes of later rounds may; the rest goes on."""
    if int(wildcards.round) > 0 and not images_of_pretrained_head(wildcards):
        return []
    return published_weights(training_settings(wildcards))


def threads_of_scoring(wildcards):
    """As many as a training of the same network: else a free core beside one would stay idle."""
    return min(4, training_of(wildcards)["threads"])


def gpus(wildcards):
    return 0 if training_of(wildcards)["device"] == "cpu" else 1


def gpus_of_training(wildcards):
    """One for each of the processes that train together."""
    return gpus(wildcards) * training_of(wildcards)["processes"]


def memory_of_training(wildcards):
    processes = training_of(wildcards)["processes"]
    return mb_of_training(processes, CONFIG.training_jobs.cache_mb)


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


def files_of_runs(name, of_last_round=False, runs=compared_runs):
    """The same file of several runs, or of their last rounds."""

    def paths(wildcards):
        experiment, last = wildcards.experiment, last_round(wildcards)
        return [
            (
                f"{round_folder(experiment, arm, seed, last)}/{name}"
                if of_last_round
                else f"results/{experiment}/runs/{arm}-{seed}/{name}"
            )
            for arm, seed in runs(wildcards)
        ]

    return paths


def arms_compared(wildcards):
    return {arm for arm, _ in compared_runs(wildcards)}


def uses_neighbours(arm):
    """Itself, or for the number of images that another arm has."""
    return arm.selects or arm.as_many_as is not None


def of_published_round(name):
    """A file of the published run's last round."""

    def path(wildcards):
        run = CONFIG.experiments[wildcards.experiment].publish
        last = last_round(wildcards)
        return f"{round_folder(wildcards.experiment, run.arm, run.seed, last)}/{name}"

    return path


def published_training(wildcards):
    experiment = CONFIG.experiments[wildcards.experiment]
    return experiment.arm(experiment.publish.arm).training


def neighbours_of_experiment(wildcards):
    """The sources' neighbour lists, where a compared arm uses the experiment's own."""
    arms = [arm_in(wildcards.experiment, arm) for arm in arms_compared(wildcards)]
    own = CONFIG.experiments[wildcards.experiment].retrieval
    if not any(arm.retrieval == own and uses_neighbours(arm) for arm in arms):
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


##### ablation.smk #####


def ablation_runs(wildcards):
    """(arm, seed) of all rows of the ablation but the fused one."""
    experiment = CONFIG.experiments[wildcards.experiment]
    return [
        (arm, seed)
        for arm in experiment.ablation_arms
        for seed in experiment.ablation.seeds
    ]


def fused_files(wildcards):
    """What is averaged: all members of the first seed, then of the next."""
    experiment = CONFIG.experiments[wildcards.experiment]
    paths = []
    for seed in experiment.ablation.seeds:
        for member in experiment.fused:
            other, _, arm = member.rpartition("/")
            run = f"results/{other or wildcards.experiment}/runs/{arm}-{seed}"
            paths.append(f"{run}/probabilities.h5")
    return paths


def rows_of_ablation(wildcards):
    """Title and reference of each arm, and its updates of all rounds, in the table's order."""
    experiment = CONFIG.experiments[wildcards.experiment]
    arms = [arm_in(wildcards.experiment, name) for name in experiment.ablation_arms]
    return {
        arm.name: {
            "title": arm.title,
            "against": arm.against,
            "updates": experiment.rounds * arm.training.updates,
        }
        for arm in arms
    }


def figures_of_paper(wildcards):
    """The paper's, where the target is one of its own."""
    pairing = pairing_of(wildcards)
    return paper_figures(
        CONFIG.datasets[pairing["target"]],
        [CONFIG.datasets[source] for source in pairing["sources"]],
    )
