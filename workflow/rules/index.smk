# An index a shard over projected histograms, for finding candidates.


rule fit_projection:
    input:
        histograms=target_histograms("train"),
    output:
        projection="results/retrieval/{retrieval}/{target}/projection.h5",
    log:
        "results/logs/fit_projection/{retrieval}/{target}.log",
    benchmark:
        "results/benchmarks/fit_projection/{retrieval}/{target}.tsv"
    priority: BEFORE_TRAINING
    conda:
        "../../envs/sjft.yaml"
    threads: few_threads(2)
    resources:
        mem_mb=memory_of_projection,
        runtime=60,
    params:
        retrieval=settings_of_retrieval(stage_settings.of_projection),
        code=code_of("fit_projection.py"),
    message:
        "Projection of {wildcards.target}, retrieval {wildcards.retrieval}"
    script:
        "../scripts/fit_projection.py"


rule build_index:
    input:
        histograms="results/retrieval/{retrieval}/{target}/{source}/histograms/train/{shard}.h5",
        projection="results/retrieval/{retrieval}/{target}/projection.h5",
    output:
        index="results/retrieval/{retrieval}/{target}/{source}/index/{shard}.ann",
        record="results/retrieval/{retrieval}/{target}/{source}/index/{shard}.json",
    log:
        "results/logs/build_index/{retrieval}/{target}/{source}/{shard}.log",
    benchmark:
        "results/benchmarks/build_index/{retrieval}/{target}/{source}/{shard}.tsv"
    priority: BEFORE_TRAINING
    conda:
        "../../envs/sjft.yaml"
    threads: 1
    resources:
        mem_mb=memory_of_index,
        runtime=60,
    params:
        retrieval=settings_of_retrieval(stage_settings.of_index),
        code=code_with_backend("build_index.py"),
    message:
        "Index of {wildcards.source}, shard {wildcards.shard}, for {wildcards.target}"
    script:
        "../scripts/build_index.py"
