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
        mem_mb=growing(sized(limits.mb_of_evaluation)),
        runtime=growing(sized(times.of_evaluation)),
        gpu=given(limits.gpus_of_scoring),
    params:
        settings=given(stage_settings.of_evaluation),
        target=given(runs.target_of),
        rows=given(BEFORE.rows_of_target, part="heldout"),
        code=code_of("evaluate.py"),
    message:
        "Evaluating {wildcards.experiment}, {wildcards.arm}, seed {wildcards.seed}"
    script:
        "../scripts/evaluate.py"


rule validate:
    """By these the published arm is chosen: the test split is another rule's."""
    input:
        model=reads(run_inputs.validate, "model"),
        images=reads(run_inputs.validate, "images"),
    output:
        validation=layout.VALIDATION,
    log:
        layout.log("validate"),
    benchmark:
        layout.benchmark("validate")
    conda:
        "../../envs/sjft.yaml"
    threads: given(limits.threads_of_scoring)
    resources:
        mem_mb=growing(sized(limits.mb_of_validation)),
        runtime=growing(sized(times.of_evaluation)),
        gpu=given(limits.gpus_of_scoring),
    params:
        settings=given(stage_settings.of_validation),
        target=given(runs.target_of),
        rows=given(BEFORE.rows_of_target, part="heldout"),
        code=code_of("validate.py"),
    message:
        "Validating {wildcards.experiment}, {wildcards.arm}, seed {wildcards.seed}"
    script:
        "../scripts/validate.py"
