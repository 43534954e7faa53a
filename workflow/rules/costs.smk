# What the stages behind a summary have cost: where Snakemake wrote it down.


def benchmarks_of(wildcards):
    """Snakemake's benchmark files of all jobs behind the summary, by stage."""
    jobs = {}
    for names, ranked in pairings_compared(wildcards):
        for of_pairing in (jobs_of_data(names), jobs_of_retrieval(names, ranked)):
            for stage, of_stage in of_pairing.items():
                jobs[stage] = [*jobs.get(stage, []), *of_stage]
    jobs.update(jobs_of_runs(wildcards))
    return {
        stage: [
            f"results/benchmarks/{stage}/{job}.tsv" for job in dict.fromkeys(of_stage)
        ]
        for stage, of_stage in jobs.items()
        if of_stage
    }


def pairings_compared(wildcards):
    """The pairings of the compared arms, and whether one of these uses the neighbours."""
    arms = [arm_in(wildcards.experiment, a) for a in sorted(arms_compared(wildcards))]
    own = CONFIG.experiments[wildcards.experiment].retrieval
    for name in sorted(
        {arm.retrieval for arm in arms}, key=lambda name: (name != own, name)
    ):
        using = [arm for arm in arms if arm.retrieval == name]
        names = pairing_of_arm(wildcards.experiment, using[0].name)
        yield names, any(map(uses_neighbours, using))


def shards_with_parts(names):
    """(data set, part, shard) of all that is computed shard by shard."""
    checked = leakage_settings(names["retrieval"])["check"]
    roles = [(names["target"], part) for part in (PARTS if checked else PARTS[:1])]
    roles += [(source, "train") for source in names["sources"]]
    return [(name, part, shard) for name, part in roles for shard in shards_of(name)]


def jobs_of_data(names):
    datasets = [names["target"], *names["sources"]]
    shards = [f"{d}/{part}/{shard}" for d, part, shard in shards_with_parts(names)]
    checked = leakage_settings(names["retrieval"])["check"]
    return {
        "generate_images": [d for d in datasets if CONFIG.datasets[d].generated],
        "list_images": datasets,
        "hash_images": shards if checked else [],
        "extract_descriptors": [f"{names['bank']}/{shard}" for shard in shards],
    }


def jobs_of_retrieval(names, ranked):
    pairing = f"{names['retrieval']}/{names['target']}"
    leakage = leakage_settings(names["retrieval"])
    backend = search_backend(CONFIG.retrievals[names["retrieval"]].backend)
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
            for d, part, shard in shards_with_parts(names)
        ],
        "fit_projection": [pairing] if backend.needs_projection else [],
        "build_index": of_shards if isinstance(backend, IndexBackend) else [],
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
    experiment, last = wildcards.experiment, last_round(wildcards)
    rounds = [
        (
            arm_in(experiment, arm).iterates and number < last,
            round_job(experiment, arm, seed, number),
        )
        for arm, seed in compared_runs(wildcards)
        for number in range(last + 1)
    ]
    return {
        "select_subset": [job for _, job in rounds],
        "finetune": [job for _, job in rounds],
        "score_difficulty": [job for scored, job in rounds if scored],
        "evaluate": [
            f"{experiment}/{arm}-{seed}" for arm, seed in compared_runs(wildcards)
        ],
    }


def round_job(experiment, arm, seed, number):
    folder = Path(round_folder(experiment, arm, seed, number))
    return f"{experiment}/{folder.parent.name}/{folder.name}"
