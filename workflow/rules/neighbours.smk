# Each target image's nearest source images: shard by shard, then all together.


rule search_shard:
    input:
        targets=target_histograms,
        sources="results/retrieval/{retrieval}/{target}/{source}/histograms/{shard}.h5",
        images="results/datasets/{source}/images.csv",
        index=index_of_shard,
    output:
        neighbours="results/retrieval/{retrieval}/{target}/{source}/neighbours/{shard}.h5",
    log:
        "results/logs/search_shard/{retrieval}/{target}/{source}/{shard}.log",
    benchmark:
        "results/benchmarks/search_shard/{retrieval}/{target}/{source}/{shard}.tsv"
    conda:
        "../../envs/sjft.yaml"
    threads: 2
    resources:
        mem_mb=lambda wildcards, input: 1500 + int(25 * input.size_mb),
        runtime=240,
    params:
        retrieval=lambda wildcards: settings_of("retrievals", wildcards.retrieval),
        code=code_of("search_shard.py"),
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
        targets=target_histograms,
        sources=lambda wildcards: expand(
            "results/retrieval/{{retrieval}}/{{target}}/{{source}}/histograms/{shard}.h5",
            shard=shards_of(wildcards.source),
        ),
    output:
        neighbours="results/retrieval/{retrieval}/{target}/{source}/neighbours.h5",
    log:
        "results/logs/merge_neighbours/{retrieval}/{target}/{source}.log",
    benchmark:
        "results/benchmarks/merge_neighbours/{retrieval}/{target}/{source}.tsv"
    conda:
        "../../envs/sjft.yaml"
    threads: 2
    resources:
        mem_mb=lambda wildcards, input: 2000 + int(2 * input.size_mb),
        runtime=240,
    params:
        retrieval=lambda wildcards: settings_of("retrievals", wildcards.retrieval),
        code=code_of("merge_neighbours.py"),
    message:
        "Neighbours of {wildcards.target} in {wildcards.source}: all shards, and the recall"
    script:
        "../scripts/merge_neighbours.py"
