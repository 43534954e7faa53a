# What the images' low-level statistics are, whatever they will be compared with.


rule extract_descriptors:
    input:
        images=reads(inputs.extract_descriptors, "images"),
        weights=ancient(reads(inputs.extract_descriptors, "weights")),
    output:
        descriptors=layout.DESCRIPTORS,
        skipped=layout.SKIPPED,
    log:
        layout.log("extract_descriptors"),
    benchmark:
        layout.benchmark("extract_descriptors")
    priority: BEFORE_TRAINING
    conda:
        "../../envs/sjft.yaml"
    threads: given(limits.threads_of_extraction)
    resources:
        mem_mb=growing(sized(limits.mb_of_extraction)),
        runtime=growing(sized(times.of_extraction)),
        gpu=given(limits.gpus_of_extraction),
    params:
        bank=given(stage_settings.of_descriptors),
        refused=given(BEFORE.left_out_and_refused),
        largest_image=given(places.largest_that_is_taken),
        weights=given(BEFORE.weights_of_bank),
        content=given(BEFORE.content),
        code=lambda wildcards: code_of(
            "extract_descriptors.py", BANKS[CONFIG.banks[wildcards.bank].type]
        ),
    message:
        "Descriptors of {wildcards.dataset} ({wildcards.part}), shard {wildcards.shard}, bank {wildcards.bank}"
    script:
        "../scripts/extract_descriptors.py"
