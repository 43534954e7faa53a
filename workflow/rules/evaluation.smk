# How good a run is, on images that it has not seen.


rule evaluate:
    input:
        model=reads(run_inputs.evaluate, "model"),
        images=reads(run_inputs.evaluate, "images"),
    output:
        evaluation=layout.EVALUATION,
        predictions=layout.PREDICTIONS,
        classes=layout.CLASSES,
        confusion=layout.CONFUSION,
        probabilities=layout.PROBABILITIES,
    log:
        layout.log("evaluate"),
    benchmark:
        layout.benchmark("evaluate")
    conda:
        "../../envs/sjft.yaml"
    threads: given(limits.threads_of_scoring)
    resources:
        mem_mb=growing(limits.MB["evaluate"]),
        runtime=growing(240),
        gpu=given(limits.gpus_of_scoring),
    params:
        settings=given(stage_settings.of_evaluation),
        place=given(places.place_of_target),
        rows=given(BEFORE.rows_of_target, part="heldout"),
        code=code_of("evaluate.py"),
    message:
        "Evaluating {wildcards.experiment}, {wildcards.arm}, seed {wildcards.seed}"
    script:
        "../scripts/evaluate.py"
