# Each target image's nearest source images: shard by shard, then all together.


rule search_shard:
    input:
        targets=target_histograms("train"),
        sources="results/retrieval/{retrieval}/{target}/{source}/histograms/train/{shard}.h5",
        index=index_of_shard,
    output:
        neighbours="results/retrieval/{retrieval}/{target}/{source}/neighbours/{shard}.h5",
    log:
        "results/logs/search_shard/{retrieval}/{target}/{source}/{shard}.log",
    benchmark:
        "results/benchmarks/search_shard/{retrieval}/{target}/{source}/{shard}.tsv"
    priority: BEFORE_TRAINING
    conda:
        "../../envs/sjft.yaml"
    threads: few_threads(2)
    resources:
        mem_mb=memory_of_search("targets"),
        gpu=gpus_of_search,
        runtime=240,
    params:
        retrieval=settings_of_retrieval(stage_settings.of_search),
        shards=lambda wildcards: len(shards_of(wildcards.source)),
        code=code_with_backend("search_shard.py"),
    message:
        "Neighbours of {wildcards.target} in {wildcards.source}, shard {wildcards.shard}"
    script:
        "../scripts/search_shard.py"


rule merge_neighbours:
    input:
        shards=lambda wildcards: expand(
            "results/retrieval/{{retrieval}}/{{target}}/{{source}}/neighbours/{shard}.h5",
            shard=shards_of(wildcards.source),
        ),
        targets=target_histograms("train"),
        sources=lambda wildcards: expand(
            "results/retrieval/{{retrieval}}/{{target}}/{{source}}/histograms/train/{shard}.h5",
            shard=shards_of(wildcards.source),
        ),
        target_images="results/datasets/{target}/images.csv",
        source_images="results/datasets/{source}/images.csv",
    output:
        neighbours="results/retrieval/{retrieval}/{target}/{source}/neighbours.h5",
    log:
        "results/logs/merge_neighbours/{retrieval}/{target}/{source}.log",
    benchmark:
        "results/benchmarks/merge_neighbours/{retrieval}/{target}/{source}.tsv"
    priority: BEFORE_TRAINING
    conda:
        "../../envs/sjft.yaml"
    threads: few_threads(2)
    resources:
        mem_mb=memory_of_merge,
        runtime=240,
    params:
        retrieval=settings_of_retrieval(stage_settings.of_merged_neighbours),
        rows=lambda wildcards: [
            state_of_rows(wildcards.target, "train"),
            state_of_rows(wildcards.source, "train"),
        ],
        code=code_of("merge_neighbours.py"),
    message:
        "Neighbours of {wildcards.target} in {wildcards.source}: all shards, and the recall"
    script:
        "../scripts/merge_neighbours.py"


rule rank_sources:
    input:
        neighbours=neighbours_of_sources,
        leakage=leakage_of_sources,
        images=images_of_sources,
    output:
        ranking="results/retrieval/{retrieval}/{target}/{sources}/ranking.h5",
    log:
        "results/logs/rank_sources/{retrieval}/{target}/{sources}.log",
    benchmark:
        "results/benchmarks/rank_sources/{retrieval}/{target}/{sources}.tsv"
    priority: BEFORE_TRAINING
    conda:
        "../../envs/sjft.yaml"
    threads: 1
    resources:
        mem_mb=memory_of_ranking,
        runtime=60,
    params:
        retrieval=settings_of_retrieval(stage_settings.of_ranking),
        sources=lambda wildcards: wildcards.sources.split(SEPARATOR),
        rows=lambda wildcards: [
            state_of_rows(source, "train")
            for source in wildcards.sources.split(SEPARATOR)
        ],
        code=code_of("rank_sources.py"),
    message:
        "One ranking of {wildcards.sources} for {wildcards.target}"
    script:
        "../scripts/rank_sources.py"
