# Whether pictures that the target is tested on stand in a source, or among its own training images.


rule hash_images:
    input:
        images="results/datasets/{dataset}/images.csv",
    output:
        hashes="results/datasets/{dataset}/hashes/{part}/{shard}.h5",
    log:
        "results/logs/hash_images/{dataset}/{part}/{shard}.log",
    benchmark:
        "results/benchmarks/hash_images/{dataset}/{part}/{shard}.tsv"
    priority: BEFORE_TRAINING
    conda:
        "../../envs/sjft.yaml"
    threads: 1
    resources:
        mem_mb=memory_beside(800, "images"),
        runtime=120,
    params:
        pictures=lambda wildcards: state_of_pictures(
            wildcards.dataset, wildcards.part, wildcards.shard
        ),
        largest_picture=largest_picture,
        place=lambda wildcards: place_of(wildcards.dataset),
        code=code_of("hash_images.py"),
    message:
        "Hashes of {wildcards.dataset} ({wildcards.part}), shard {wildcards.shard}"
    script:
        "../scripts/hash_images.py"


rule find_leakage:
    input:
        heldout_hashes=hashes_of_target("heldout"),
        source_hashes="results/datasets/{source}/hashes/train/{shard}.h5",
        heldout=target_histograms("heldout"),
        sources="results/retrieval/{retrieval}/{target}/{source}/histograms/train/{shard}.h5",
        index=index_of_shard,
        target_images="results/datasets/{target}/images.csv",
    output:
        copies="results/retrieval/{retrieval}/{target}/{source}/leakage/{shard}.csv",
        nearest="results/retrieval/{retrieval}/{target}/{source}/leakage/{shard}.h5",
    log:
        "results/logs/find_leakage/{retrieval}/{target}/{source}/{shard}.log",
    benchmark:
        "results/benchmarks/find_leakage/{retrieval}/{target}/{source}/{shard}.tsv"
    priority: BEFORE_TRAINING
    conda:
        "../../envs/sjft.yaml"
    threads: few_threads(2)
    resources:
        mem_mb=memory_of_search("heldout", USUAL_NEIGHBOUR),
        gpu=gpus_of_search,
        runtime=120,
    params:
        retrieval=settings_of_retrieval(stage_settings.of_leakage_in_shard),
        rows=lambda wildcards: state_of_rows(wildcards.target, "heldout"),
        code=code_with_backend("find_leakage.py"),
    message:
        "Held-out images of {wildcards.target} in {wildcards.source}, shard {wildcards.shard}"
    script:
        "../scripts/find_leakage.py"


rule merge_leakage:
    input:
        copies=leakage_of_shards("csv"),
        nearest=leakage_of_shards("h5"),
        heldout=target_histograms("heldout"),
        target_images="results/datasets/{target}/images.csv",
        source_images="results/datasets/{source}/images.csv",
    output:
        leakage=report(
            "results/retrieval/{retrieval}/{target}/{source}/leakage.csv",
            caption="../report/leakage.rst",
            category="Leakage",
            labels={"target": "{target}", "source": "{source}"},
        ),
    log:
        "results/logs/merge_leakage/{retrieval}/{target}/{source}.log",
    benchmark:
        "results/benchmarks/merge_leakage/{retrieval}/{target}/{source}.tsv"
    priority: BEFORE_TRAINING
    conda:
        "../../envs/sjft.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, input: 1000 + int(10 * input.size_mb),
        runtime=20,
    params:
        leakage=settings_of_retrieval(stage_settings.of_merged_leakage),
        rows=lambda wildcards: [
            state_of_rows(wildcards.target, "heldout"),
            state_of_rows(wildcards.source, "train"),
        ],
        code=code_of("merge_leakage.py"),
    message:
        "Held-out images of {wildcards.target} in {wildcards.source}: all shards"
    script:
        "../scripts/merge_leakage.py"


rule find_duplicates:
    input:
        train_hashes=hashes_of_target("train"),
        heldout_hashes=hashes_of_target("heldout"),
        train=target_histograms("train"),
        heldout=target_histograms("heldout"),
        images="results/datasets/{target}/images.csv",
    output:
        duplicates=report(
            "results/retrieval/{retrieval}/{target}/duplicates.csv",
            caption="../report/duplicates.rst",
            category="Leakage",
            labels={"target": "{target}", "source": "its own training images"},
        ),
    log:
        "results/logs/find_duplicates/{retrieval}/{target}.log",
    benchmark:
        "results/benchmarks/find_duplicates/{retrieval}/{target}.tsv"
    conda:
        "../../envs/sjft.yaml"
    threads: few_threads(2)
    resources:
        mem_mb=memory_of_duplicates,
        gpu=gpus_of_search,
        runtime=120,
    params:
        retrieval=settings_of_retrieval(stage_settings.of_duplicates),
        rows=lambda wildcards: [state_of_rows(wildcards.target, part) for part in PARTS],
        code=code_of("find_duplicates.py"),
    message:
        "Pictures that the splits of {wildcards.target} share"
    script:
        "../scripts/find_duplicates.py"
