# What is handed over: the summary of the arms, the model, and its card.


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
            f"{r}/round-{n}" for r in runs if "/selective-" in r for n in rounds[:-1]
        ],
        "evaluate": runs,
    }
    if CONFIG.retrievals[names["retrieval"]].backend == "exact":
        del jobs["fit_projection"], jobs["build_index"]
    return {
        stage: [f"results/benchmarks/{stage}/{job}.tsv" for job in of_stage]
        for stage, of_stage in jobs.items()
    }


rule summarise:
    input:
        evaluations=files_of_runs(
            "results/{experiment}/runs/{arm}-{seed}/evaluation.json"
        ),
        subsets=files_of_runs(
            "results/{experiment}/runs/{arm}-{seed}/round-{last}/subset.csv"
        ),
        targets=files_of_runs(
            "results/{experiment}/runs/{arm}-{seed}/round-{last}/targets.csv"
        ),
        sources=lambda wildcards: (
            f"results/datasets/{pairing_of(wildcards)['source']}/images.csv"
        ),
        neighbours=neighbours_of_experiment,
    output:
        summary="results/{experiment}/summary.json",
        table=report(
            "results/{experiment}/summary.md",
            caption="../report/summary.rst",
            category="Summary",
            labels={"experiment": "{experiment}"},
        ),
    log:
        "results/logs/summarise/{experiment}.log",
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        runs=compared_runs,
        backend=lambda wildcards: CONFIG.retrievals[
            CONFIG.experiments[wildcards.experiment].retrieval
        ].backend,
        benchmarks=benchmarks_of,
        code=code_of("summarise.py"),
    message:
        "Summary of {wildcards.experiment}"
    script:
        "../scripts/summarise.py"


rule publish:
    input:
        model=lambda wildcards: (
            "results/{experiment}/runs/{run.arm}-{run.seed}/round-{last}/model.pt".format(
                experiment=wildcards.experiment,
                run=CONFIG.experiments[wildcards.experiment].publish,
                last=last_round(wildcards),
            )
        ),
        summary="results/{experiment}/summary.json",
    output:
        model="results/{experiment}/model.pt",
        card=report(
            "results/{experiment}/model_card.md",
            caption="../report/model_card.rst",
            category="Model",
            labels={"experiment": "{experiment}"},
        ),
    log:
        "results/logs/publish/{experiment}.log",
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        experiment=lambda wildcards: settings_of("experiments", wildcards.experiment),
        code=code_of("publish.py"),
    message:
        "Publishing the model of {wildcards.experiment}"
    script:
        "../scripts/publish.py"
