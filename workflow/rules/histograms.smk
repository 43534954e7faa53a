# Bins that fit the target, and histograms over them.


rule equalise_bins:
    input:
        descriptors=target_descriptors,
    output:
        bins="results/retrieval/{retrieval}/{target}/bins.h5",
    log:
        "results/logs/equalise_bins/{retrieval}/{target}.log",
    benchmark:
        "results/benchmarks/equalise_bins/{retrieval}/{target}.tsv"
    priority: BEFORE_TRAINING
    conda:
        "../../envs/sjft.yaml"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=60,
    params:
        retrieval=settings_of_retrieval(stage_settings.of_bins),
        code=code_of("equalise_bins.py"),
    message:
        "Equal-mass bins of {wildcards.target}, retrieval {wildcards.retrieval}"
    script:
        "../scripts/equalise_bins.py"


rule build_histograms:
    input:
        descriptors=lambda wildcards: (
            f"results/descriptors/{bank_of(wildcards.retrieval)}/{{dataset}}/{{part}}/{{shard}}.h5"
        ),
        bins="results/retrieval/{retrieval}/{target}/bins.h5",
    output:
        histograms="results/retrieval/{retrieval}/{target}/{dataset}/histograms/{part}/{shard}.h5",
    log:
        "results/logs/build_histograms/{retrieval}/{target}/{dataset}/{part}/{shard}.log",
    benchmark:
        "results/benchmarks/build_histograms/{retrieval}/{target}/{dataset}/{part}/{shard}.tsv"
    priority: BEFORE_TRAINING
    conda:
        "../../envs/sjft.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=60,
    params:
        code=code_of("build_histograms.py"),
    message:
        "Histograms of {wildcards.dataset} ({wildcards.part}), shard {wildcards.shard}, over the bins of {wildcards.target}"
    script:
        "../scripts/build_histograms.py"
