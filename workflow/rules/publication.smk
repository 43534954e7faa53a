# What is handed over: the summary of the arms, the model, and its card.


rule summarise:
    input:
        evaluations=reads(run_inputs.summarise, "evaluations"),
        subsets=reads(run_inputs.summarise, "subsets"),
        targets=reads(run_inputs.summarise, "targets"),
        sources=reads(run_inputs.summarise, "sources"),
        neighbours=reads(run_inputs.summarise, "neighbours"),
        leakage=reads(run_inputs.summarise, "leakage"),
        duplicates=reads(run_inputs.summarise, "duplicates"),
    output:
        summary=layout.SUMMARY,
        table=layout.SUMMARY_TABLE,
    log:
        layout.log("summarise"),
    conda:
        "../../envs/sjft.yaml"
    threads: 1
    resources:
        mem_mb=sized(limits.mb_of_summary),
        runtime=10,
    params:
        runs=given(comparisons.compared),
        sources=given(comparisons.sources),
        backend=given(comparisons.backend),
        code=code_of("summarise.py"),
    message:
        "Summary of {wildcards.experiment}"
    script:
        "../scripts/summarise.py"


rule publish:
    input:
        model=reads(run_inputs.publish, "model"),
        subset=reads(run_inputs.publish, "subset"),
        targets=reads(run_inputs.publish, "targets"),
        evaluation=reads(run_inputs.publish, "evaluation"),
        summary=layout.SUMMARY,
        target_images=reads(run_inputs.publish, "target_images"),
        source_images=reads(run_inputs.publish, "source_images"),
        weights=ancient(reads(run_inputs.publish, "weights")),
    output:
        model=layout.MODEL,
        card=layout.MODEL_CARD,
    log:
        layout.log("publish"),
    conda:
        "../../envs/sjft.yaml"
    threads: 1
    resources:
        mem_mb=limits.MB["publish"],
        runtime=10,
    params:
        settings=given(stage_settings.of_publication),
        weights=given(BEFORE.weights_of_published),
        code={
            name: code_of(f"{name}.py") for name in ("finetune", "evaluate", "publish")
        },
    message:
        "Publishing the model of {wildcards.experiment}"
    script:
        "../scripts/publish.py"
