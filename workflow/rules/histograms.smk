# Bins that fit the target, and histograms over them.


rule equalise_bins:
    input:
        descriptors=reads(inputs.equalise_bins, "descriptors"),
    output:
        bins=layout.BINS,
    log:
        layout.log("equalise_bins"),
    benchmark:
        layout.benchmark("equalise_bins")
    priority: BEFORE_TRAINING
    conda:
        "../../envs/sjft.yaml"
    threads: 1
    resources:
        mem_mb=growing(limits.MB["equalise_bins"]),
        runtime=growing(sized(times.of_counting)),
    params:
        retrieval=given(stage_settings.of_bins),
        code=code_of("equalise_bins.py"),
    message:
        "Equal-mass bins of {wildcards.target}, retrieval {wildcards.retrieval}"
    script:
        "../scripts/equalise_bins.py"


rule build_histograms:
    input:
        descriptors=reads(inputs.build_histograms, "descriptors"),
        bins=layout.BINS,
    output:
        histograms=layout.HISTOGRAMS,
    log:
        layout.log("build_histograms"),
    benchmark:
        layout.benchmark("build_histograms")
    priority: BEFORE_TRAINING
    conda:
        "../../envs/sjft.yaml"
    threads: 1
    resources:
        mem_mb=growing(limits.MB["build_histograms"]),
        runtime=growing(sized(times.of_counting)),
    params:
        code=code_of("build_histograms.py"),
    message:
        "Histograms of {wildcards.dataset} ({wildcards.part}), shard {wildcards.shard}, over the bins of {wildcards.target}"
    script:
        "../scripts/build_histograms.py"
