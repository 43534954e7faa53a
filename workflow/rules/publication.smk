# What is handed over: the summary of the arms, the model, and its card.


rule summarise:
    input:
        evaluations=files_of_runs("evaluation.json"),
        subsets=files_of_runs("subset.csv", of_last_round=True),
        targets=files_of_runs("targets.csv", of_last_round=True),
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
        model=of_published_round("model.pt"),
        subset=of_published_round("subset.csv"),
        targets=of_published_round("targets.csv"),
        evaluation=lambda wildcards: (
            "results/{experiment}/runs/{run.arm}-{run.seed}/evaluation.json".format(
                experiment=wildcards.experiment,
                run=CONFIG.experiments[wildcards.experiment].publish,
            )
        ),
        summary="results/{experiment}/summary.json",
        target_images=lambda wildcards: (
            f"results/datasets/{pairing_of(wildcards)['target']}/images.csv"
        ),
        source_images=of_experiment("results/datasets/{source}/images.csv"),
        weights=lambda wildcards: published_weights(published_training(wildcards)),
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
        settings=lambda wildcards: stage_settings.of_publication(
            CONFIG, wildcards.experiment
        ),
        weights=lambda wildcards: state_of_weights(
            published_training(wildcards).weights, [wildcards.experiment]
        ),
        code={
            name: code_of(f"{name}.py") for name in ("finetune", "evaluate", "publish")
        },
    message:
        "Publishing the model of {wildcards.experiment}"
    script:
        "../scripts/publish.py"
