# Each target image's nearest source images: shard by shard, then all together.


rule search_shard:
    input:
        targets=reads(inputs.search_shard, "targets"),
        sources=layout.HISTOGRAMS.where(dataset="{source}", part="train"),
        index=reads(inputs.search_shard, "index"),
    output:
        neighbours=layout.NEIGHBOURS_IN_SHARD,
    log:
        layout.log("search_shard"),
    benchmark:
        layout.benchmark("search_shard")
    priority: BEFORE_TRAINING
    conda:
        "../../envs/sjft.yaml"
    threads: few_threads(2)
    resources:
        mem_mb=growing(sized(limits.mb_of_search)),
        gpu=given(limits.gpus_of_search),
        runtime=growing(sized(times.of_search)),
    params:
        retrieval=given(stage_settings.of_search),
        shards=lambda wildcards: CONFIG.datasets[wildcards.source].shards,
        code=code_with_backend("search_shard.py"),
    message:
        "Neighbours of {wildcards.target} in {wildcards.source}, shard {wildcards.shard}"
    script:
        "../scripts/search_shard.py"


rule merge_neighbours:
    input:
        shards=reads(inputs.merge_neighbours, "shards"),
        targets=reads(inputs.merge_neighbours, "targets"),
        sources=reads(inputs.merge_neighbours, "sources"),
        target_images=reads(inputs.merge_neighbours, "target_images"),
        source_images=reads(inputs.merge_neighbours, "source_images"),
    output:
        neighbours=layout.NEIGHBOURS,
    log:
        layout.log("merge_neighbours"),
    benchmark:
        layout.benchmark("merge_neighbours")
    priority: BEFORE_TRAINING
    conda:
        "../../envs/sjft.yaml"
    threads: few_threads(2)
    resources:
        mem_mb=growing(sized(limits.mb_of_merge)),
        runtime=growing(sized(times.of_merge)),
    params:
        retrieval=given(stage_settings.of_merged_neighbours),
        rows=lambda wildcards: [
            BEFORE.rows(wildcards.target, "train"),
            BEFORE.rows(wildcards.source, "train"),
        ],
        code=code_of("merge_neighbours.py"),
    message:
        "Neighbours of {wildcards.target} in {wildcards.source}: all shards, and the recall"
    script:
        "../scripts/merge_neighbours.py"


rule rank_sources:
    input:
        neighbours=reads(inputs.rank_sources, "neighbours"),
        leakage=reads(inputs.rank_sources, "leakage"),
        images=reads(inputs.rank_sources, "images"),
    output:
        ranking=layout.RANKING,
    log:
        layout.log("rank_sources"),
    benchmark:
        layout.benchmark("rank_sources")
    priority: BEFORE_TRAINING
    conda:
        "../../envs/sjft.yaml"
    threads: 1
    resources:
        mem_mb=growing(sized(limits.mb_of_ranking)),
        runtime=growing(sized(times.of_reading)),
    params:
        retrieval=given(stage_settings.of_ranking),
        sources=lambda wildcards: list(runs.sources_named(wildcards.sources)),
        rows=lambda wildcards: [
            BEFORE.rows(source, "train")
            for source in runs.sources_named(wildcards.sources)
        ],
        code=code_of("rank_sources.py"),
    message:
        "One ranking of {wildcards.sources} for {wildcards.target}"
    script:
        "../scripts/rank_sources.py"
