# What is handed over: the choice of an arm, the summary of the arms, the model, and its card.


rule choose:
    input:
        validations=reads(run_inputs.choose, "validations"),
    output:
        choice=layout.CHOICE,
    log:
        layout.log("choose"),
    conda:
        "../../envs/sjft.yaml"
    threads: 1
    resources:
        mem_mb=growing(limits.MB["choose"]),
        runtime=growing(sized(times.of_reading)),
    params:
        runs=given(comparisons.validated),
        code=code_of("choose.py"),
    message:
        "Choosing the arm of {wildcards.experiment} to publish"
    script:
        "../scripts/choose.py"


rule summarise:
    input:
        evaluations=reads(run_inputs.summarise, "evaluations"),
        probabilities=reads(run_inputs.summarise, "probabilities"),
        subsets=reads(run_inputs.summarise, "subsets"),
        targets=reads(run_inputs.summarise, "targets"),
        choice=reads(run_inputs.summarise, "choice"),
        sources=reads(run_inputs.summarise, "sources"),
        target_images=reads(run_inputs.summarise, "target_images"),
        hashes=reads(run_inputs.summarise, "hashes"),
        neighbours=reads(run_inputs.summarise, "neighbours"),
        leakage=reads(run_inputs.summarise, "leakage"),
        duplicates=reads(run_inputs.summarise, "duplicates"),
        skipped=reads(run_inputs.summarise, "skipped"),
    output:
        summary=layout.SUMMARY,
        table=layout.SUMMARY_TABLE,
    log:
        layout.log("summarise"),
    conda:
        "../../envs/sjft.yaml"
    threads: 1
    resources:
        mem_mb=growing(sized(limits.mb_of_summary)),
        runtime=growing(sized(times.of_reading)),
    params:
        runs=given(comparisons.compared),
        published=given(comparisons.published),
        sources=given(comparisons.sources),
        shards=given(comparisons.shards),
        backend=given(comparisons.backend),
        leave_out=given(comparisons.leaves_out_duplicates),
        started_from=given(runs.started_from),
        skipped_of=given(comparisons.skipped_of),
        rows=given(BEFORE.rows_of_experiment),
        code=code_of("summarise.py"),
    message:
        "Summary of {wildcards.experiment}"
    script:
        "../scripts/summarise.py"


rule publish:
    input:
        models=reads(run_inputs.publish, "models"),
        subsets=reads(run_inputs.publish, "subsets"),
        targets=reads(run_inputs.publish, "targets"),
        evaluations=reads(run_inputs.publish, "evaluations"),
        choice=reads(run_inputs.publish, "choice"),
        summary=layout.SUMMARY,
        target_images=reads(run_inputs.publish, "target_images"),
        source_images=reads(run_inputs.publish, "source_images"),
        weights=ancient(reads(run_inputs.publish, "weights")),
        learned=reads(run_inputs.publish, "learned"),
    output:
        model=layout.MODEL,
        card=layout.MODEL_CARD,
    log:
        layout.log("publish"),
    conda:
        "../../envs/sjft.yaml"
    threads: 1
    resources:
        mem_mb=growing(given(limits.mb_of_publishing)),
        runtime=growing(sized(times.of_reading)),
    params:
        settings=given(stage_settings.of_publication),
        candidates=given(comparisons.candidates),
        weights=given(BEFORE.weights_of_published),
        rows=given(BEFORE.rows_of_experiment),
        code={
            name: code_of(f"{name}.py") for name in ("finetune", "evaluate", "publish")
        },
    message:
        "Publishing the model of {wildcards.experiment}"
    script:
        "../scripts/publish.py"
