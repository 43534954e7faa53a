# What the stages behind a summary have cost: where Snakemake wrote it down.


def benchmarks_of(wildcards):
    """Snakemake's benchmark files of all jobs behind the summary, by stage."""
    jobs = {
        **jobs_of_data(wildcards),
        **jobs_of_retrieval(wildcards),
        **jobs_of_runs(wildcards),
    }
    return {
        stage: [f"results/benchmarks/{stage}/{job}.tsv" for job in of_stage]
        for stage, of_stage in jobs.items()
        if of_stage
    }


def shards_with_parts(wildcards):
    """(data set, part, shard) of all that is computed shard by shard."""
    names = pairing_of(wildcards)
    checked = leakage_settings(names["retrieval"])["check"]
    roles = [(names["target"], part) for part in (PARTS if checked else PARTS[:1])]
    roles += [(source, "train") for source in names["sources"]]
    return [(name, part, shard) for name, part in roles for shard in shards_of(name)]


def jobs_of_data(wildcards):
    names = pairing_of(wildcards)
    datasets = [names["target"], *names["sources"]]
    shards = [f"{d}/{part}/{shard}" for d, part, shard in shards_with_parts(wildcards)]
    checked = leakage_settings(names["retrieval"])["check"]
    return {
        "generate_images": [
            d for d in datasets if CONFIG.datasets[d].reader == "synthetic"
        ],
        "list_images": datasets,
        "hash_images": shards if checked else [],
        "extract_descriptors": [f"{names['bank']}/{shard}" for shard in shards],
    }


def jobs_of_retrieval(wildcards):
    names = pairing_of(wildcards)
    pairing = f"{names['retrieval']}/{names['target']}"
    leakage = leakage_settings(names["retrieval"])
    backend = CONFIG.retrievals[names["retrieval"]].backend
    ranked = arms_compared(wildcards).intersection({"selective", "random-source"})
    of_sources = [f"{pairing}/{source}" for source in names["sources"]]
    of_shards = [
        f"{pairing}/{source}/{shard}"
        for source in names["sources"]
        for shard in shards_of(source)
    ]
    return {
        "equalise_bins": [pairing],
        "build_histograms": [
            f"{pairing}/{d}/{part}/{shard}"
            for d, part, shard in shards_with_parts(wildcards)
        ],
        "fit_projection": [pairing] if backend != "exact" else [],
        "build_index": of_shards if backend == "annoy" else [],
        "find_leakage": of_shards if leakage["check"] else [],
        "merge_leakage": of_sources if leakage["check"] else [],
        "find_duplicates": [pairing] if leakage["check"] else [],
        "search_shard": of_shards if ranked else [],
        "merge_neighbours": of_sources if ranked else [],
        "rank_sources": (
            [f"{pairing}/{SEPARATOR.join(names['sources'])}"] if ranked else []
        ),
    }


def jobs_of_runs(wildcards):
    runs = [
        f"{wildcards.experiment}/{arm}-{seed}" for arm, seed in compared_runs(wildcards)
    ]
    rounds = range(last_round(wildcards) + 1)
    return {
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
