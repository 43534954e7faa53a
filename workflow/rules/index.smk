# An index a shard over projected histograms, for finding candidates.


rule fit_projection:
    input:
        histograms=reads(inputs.fit_projection, "histograms"),
    output:
        projection=layout.PROJECTION,
    log:
        layout.log("fit_projection"),
    benchmark:
        layout.benchmark("fit_projection")
    priority: BEFORE_TRAINING
    conda:
        "../../envs/sjft.yaml"
    threads: few_threads(2)
    resources:
        mem_mb=growing(sized(limits.mb_of_projection)),
        runtime=growing(sized(times.of_projection)),
    params:
        retrieval=given(stage_settings.of_projection),
        code=code_of("fit_projection.py"),
    message:
        "Projection of {wildcards.target}, retrieval {wildcards.retrieval}"
    script:
        "../scripts/fit_projection.py"


rule build_index:
    input:
        histograms=layout.HISTOGRAMS.where(dataset="{source}", part="train"),
        projection=layout.PROJECTION,
    output:
        index=layout.INDEX,
        record=layout.INDEX_RECORD,
    log:
        layout.log("build_index"),
    benchmark:
        layout.benchmark("build_index")
    priority: BEFORE_TRAINING
    conda:
        "../../envs/sjft.yaml"
    threads: 1
    resources:
        mem_mb=growing(sized(limits.mb_of_index)),
        runtime=growing(sized(times.of_index)),
    params:
        retrieval=given(stage_settings.of_index),
        code=code_with_backend("build_index.py"),
    message:
        "Index of {wildcards.source}, shard {wildcards.shard}, for {wildcards.target}"
    script:
        "../scripts/build_index.py"
