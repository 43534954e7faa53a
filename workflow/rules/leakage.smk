# Whether images that the target is tested on stand in a source, or among its own training images.


rule hash_images:
    input:
        images=reads(inputs.hash_images, "images"),
    output:
        hashes=layout.HASHES,
    log:
        layout.log("hash_images"),
    benchmark:
        layout.benchmark("hash_images")
    priority: BEFORE_TRAINING
    conda:
        "../../envs/sjft.yaml"
    threads: 1
    resources:
        mem_mb=growing(sized(limits.mb_of_hashing)),
        runtime=growing(sized(times.of_hashing)),
    params:
        content=given(BEFORE.content),
        largest_image=given(places.largest_image),
        code=code_of("hash_images.py"),
    message:
        "Hashes of {wildcards.dataset} ({wildcards.part}), shard {wildcards.shard}"
    script:
        "../scripts/hash_images.py"


rule find_leakage:
    input:
        heldout_hashes=reads(inputs.find_leakage, "heldout_hashes"),
        source_hashes=layout.HASHES.where(dataset="{source}", part="train"),
        heldout=reads(inputs.find_leakage, "heldout"),
        sources=layout.HISTOGRAMS.where(dataset="{source}", part="train"),
        index=reads(inputs.find_leakage, "index"),
        target_images=reads(inputs.find_leakage, "target_images"),
    output:
        copies=layout.COPIES_IN_SHARD,
        nearest=layout.NEAREST_IN_SHARD,
    log:
        layout.log("find_leakage"),
    benchmark:
        layout.benchmark("find_leakage")
    priority: BEFORE_TRAINING
    conda:
        "../../envs/sjft.yaml"
    threads: few_threads(2)
    resources:
        mem_mb=growing(sized(limits.mb_of_leakage)),
        gpu=given(limits.gpus_of_search),
        runtime=growing(sized(times.of_leakage)),
    params:
        retrieval=given(stage_settings.of_leakage_in_shard),
        rows=lambda wildcards: BEFORE.rows(wildcards.target, "heldout"),
        code=code_with_backend("find_leakage.py"),
    message:
        "Held-out images of {wildcards.target} in {wildcards.source}, shard {wildcards.shard}"
    script:
        "../scripts/find_leakage.py"


rule merge_leakage:
    input:
        copies=reads(inputs.merge_leakage, "copies"),
        nearest=reads(inputs.merge_leakage, "nearest"),
        heldout=reads(inputs.merge_leakage, "heldout"),
        target_images=reads(inputs.merge_leakage, "target_images"),
        source_images=reads(inputs.merge_leakage, "source_images"),
    output:
        leakage=layout.LEAKAGE,
    log:
        layout.log("merge_leakage"),
    benchmark:
        layout.benchmark("merge_leakage")
    priority: BEFORE_TRAINING
    conda:
        "../../envs/sjft.yaml"
    threads: 1
    resources:
        mem_mb=growing(sized(limits.mb_of_merged_leakage)),
        runtime=growing(sized(times.of_reading)),
    params:
        leakage=given(stage_settings.of_merged_leakage),
        rows=lambda wildcards: [
            BEFORE.rows(wildcards.target, "heldout"),
            BEFORE.rows(wildcards.source, "train"),
        ],
        code=code_of("merge_leakage.py"),
    message:
        "Held-out images of {wildcards.target} in {wildcards.source}: all shards"
    script:
        "../scripts/merge_leakage.py"


rule find_duplicates:
    input:
        train_hashes=reads(inputs.find_duplicates, "train_hashes"),
        heldout_hashes=reads(inputs.find_duplicates, "heldout_hashes"),
        train=reads(inputs.find_duplicates, "train"),
        heldout=reads(inputs.find_duplicates, "heldout"),
        images=reads(inputs.find_duplicates, "images"),
    output:
        duplicates=layout.DUPLICATES,
    log:
        layout.log("find_duplicates"),
    benchmark:
        layout.benchmark("find_duplicates")
    conda:
        "../../envs/sjft.yaml"
    threads: few_threads(2)
    resources:
        mem_mb=growing(sized(limits.mb_of_duplicates)),
        gpu=given(limits.gpus_of_search),
        runtime=growing(sized(times.of_duplicates)),
    params:
        retrieval=given(stage_settings.of_duplicates),
        rows=lambda wildcards: [BEFORE.rows(wildcards.target, part) for part in PARTS],
        code=code_of("find_duplicates.py"),
    message:
        "Images that the splits of {wildcards.target} share"
    script:
        "../scripts/find_duplicates.py"
