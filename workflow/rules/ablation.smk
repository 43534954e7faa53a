# The paper's table: all arms with all seeds, side by side.


rule ablate:
    input:
        probabilities=files_of_runs("probabilities.h5", runs=ablation_runs),
        subsets=files_of_runs("subset.csv", of_last_round=True, runs=ablation_runs),
        fused=fused_files,
    output:
        table="results/{experiment}/ablation.csv",
        runs="results/{experiment}/ablation_runs.csv",
        text=report(
            "results/{experiment}/ablation.md",
            caption="../report/ablation.rst",
            category="Ablation",
            labels={"experiment": "{experiment}", "what": "table"},
        ),
        plot=report(
            "results/{experiment}/ablation.svg",
            caption="../report/ablation_plot.rst",
            category="Ablation",
            labels={"experiment": "{experiment}", "what": "plot"},
        ),
    log:
        "results/logs/ablate/{experiment}.log",
    conda:
        "../../envs/sjft.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        runs=ablation_runs,
        seeds=lambda wildcards: list(
            CONFIG.experiments[wildcards.experiment].ablation.seeds
        ),
        fused=lambda wildcards: list(CONFIG.experiments[wildcards.experiment].fused),
        arms=rows_of_ablation,
        split=lambda wildcards: CONFIG.experiments[
            wildcards.experiment
        ].evaluation.split,
        paper=figures_of_paper,
        code=code_of("ablate.py"),
    message:
        "Ablation of {wildcards.experiment}"
    script:
        "../scripts/ablate.py"
