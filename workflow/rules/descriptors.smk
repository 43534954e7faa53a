# What the images' low-level statistics are, whatever they will be compared with.


rule extract_descriptors:
    input:
        images="results/datasets/{dataset}/images.csv",
        weights=weights_of_bank,
    output:
        descriptors="results/descriptors/{bank}/{dataset}/{part}/{shard}.h5",
        skipped="results/descriptors/{bank}/{dataset}/{part}/{shard}.skipped.csv",
    log:
        "results/logs/extract_descriptors/{bank}/{dataset}/{part}/{shard}.log",
    benchmark:
        "results/benchmarks/extract_descriptors/{bank}/{dataset}/{part}/{shard}.tsv"
    priority: BEFORE_TRAINING
    conda:
        "../../envs/sjft.yaml"
    threads: lambda wildcards: CONFIG.banks[wildcards.bank].threads
    resources:
        mem_mb=memory_beside(1500, "images"),
        runtime=240,
        gpu=lambda wildcards: int(CONFIG.banks[wildcards.bank].device != "cpu"),
    params:
        bank=lambda wildcards: stage_settings.of_descriptors(CONFIG, wildcards.bank),
        refused=left_out_and_refused,
        largest_picture=largest_that_is_taken,
        weights=state_of_bank,
        pictures=lambda wildcards: state_of_pictures(
            wildcards.dataset, wildcards.part, wildcards.shard
        ),
        place=lambda wildcards: place_of(wildcards.dataset),
        code=lambda wildcards: code_of(
            "extract_descriptors.py", BANKS[CONFIG.banks[wildcards.bank].type]
        ),
    message:
        "Descriptors of {wildcards.dataset} ({wildcards.part}), shard {wildcards.shard}, bank {wildcards.bank}"
    script:
        "../scripts/extract_descriptors.py"
