# The paper's table: all arms with all seeds, side by side.


rule ablate:
    input:
        probabilities=reads(run_inputs.ablate, "probabilities"),
        subsets=reads(run_inputs.ablate, "subsets"),
        fused=reads(run_inputs.ablate, "fused"),
        duplicates=reads(run_inputs.ablate, "duplicates"),
    output:
        table=layout.ABLATION,
        runs=layout.ABLATION_RUNS,
        text=layout.ABLATION_TEXT,
        plot=report(
            layout.ABLATION_PLOT,
            caption="../report/ablation_plot.rst",
            category="Ablation",
            labels={"experiment": "{experiment}", "what": "plot"},
        ),
    log:
        layout.log("ablate"),
    conda:
        "../../envs/sjft.yaml"
    threads: 1
    resources:
        mem_mb=growing(limits.MB["ablate"]),
        runtime=growing(sized(times.of_reading)),
    params:
        runs=given(comparisons.of_ablation),
        seeds=given(comparisons.seeds),
        fused=given(comparisons.fused),
        arms=given(comparisons.rows_of_ablation),
        split=given(comparisons.split),
        paper=given(comparisons.figures_of_paper),
        code=code_of("ablate.py"),
    message:
        "Ablation of {wildcards.experiment}"
    script:
        "../scripts/ablate.py"
