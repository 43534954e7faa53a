# What is handed over: the summary of the arms, the model, and its card.


rule summarise:
    input:
        evaluations=files_of_runs(
            "results/{experiment}/runs/{arm}-{seed}/evaluation.json"
        ),
        subsets=files_of_runs(
            "results/{experiment}/runs/{arm}-{seed}/round-{last}/subset.csv"
        ),
        targets=files_of_runs(
            "results/{experiment}/runs/{arm}-{seed}/round-{last}/targets.csv"
        ),
        sources=of_experiment("results/datasets/{source}/images.csv"),
        neighbours=neighbours_of_experiment,
        leakage=leakage_of_experiment,
        duplicates=duplicates_of_experiment,
    output:
        summary="results/{experiment}/summary.json",
        table=report(
            "results/{experiment}/summary.md",
            caption="../report/summary.rst",
            category="Summary",
            labels={"experiment": "{experiment}"},
        ),
    log:
        "results/logs/summarise/{experiment}.log",
    conda:
        "../../envs/sjft.yaml"
    threads: 1
    resources:
        mem_mb=memory_beside(1000, "sources"),
        runtime=10,
    params:
        runs=compared_runs,
        sources=lambda wildcards: list(pairing_of(wildcards)["sources"]),
        backend=lambda wildcards: CONFIG.retrievals[
            CONFIG.experiments[wildcards.experiment].retrieval
        ].backend,
        benchmarks=benchmarks_of,
        code=code_of("summarise.py"),
    message:
        "Summary of {wildcards.experiment}"
    script:
        "../scripts/summarise.py"


rule publish:
    input:
        model=lambda wildcards: (
            "results/{experiment}/runs/{run.arm}-{run.seed}/round-{last}/model.pt".format(
                experiment=wildcards.experiment,
                run=CONFIG.experiments[wildcards.experiment].publish,
                last=last_round(wildcards),
            )
        ),
        summary="results/{experiment}/summary.json",
    output:
        model="results/{experiment}/model.pt",
        card=report(
            "results/{experiment}/model_card.md",
            caption="../report/model_card.rst",
            category="Model",
            labels={"experiment": "{experiment}"},
        ),
    log:
        "results/logs/publish/{experiment}.log",
    conda:
        "../../envs/sjft.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        experiment=lambda wildcards: settings_of("experiments", wildcards.experiment),
        code=code_of("publish.py"),
    message:
        "Publishing the model of {wildcards.experiment}"
    script:
        "../scripts/publish.py"
