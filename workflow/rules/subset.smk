# Which source images a round uses, and how many each target image brings.


rule select_subset:
    input:
        targets=lambda wildcards: (
            f"results/datasets/{pairing_of(wildcards)['target']}/images.csv"
        ),
        sources=of_experiment("results/datasets/{source}/images.csv"),
        skipped_targets=skipped_targets,
        skipped_sources=skipped_sources,
        leakage=leakage_of_run,
        ranking=ranking_of,
        last_round=difficulty_of_last_round,
        selective=selective_subset,
    output:
        subset="results/{experiment}/runs/{arm}-{seed}/round-{round}/subset.csv",
        targets="results/{experiment}/runs/{arm}-{seed}/round-{round}/targets.csv",
    log:
        "results/logs/select_subset/{experiment}/{arm}-{seed}/round-{round}.log",
    benchmark:
        "results/benchmarks/select_subset/{experiment}/{arm}-{seed}/round-{round}.tsv"
    conda:
        "../../envs/sjft.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, input: 1000 + int(6 * input.size_mb),
        runtime=30,
    params:
        selection=lambda wildcards: settings_of(
            "experiments", wildcards.experiment, "selection"
        )["selection"],
        sources=lambda wildcards: list(pairing_of(wildcards)["sources"]),
        rows=rows_of_run,
        code=code_of("select_subset.py"),
    message:
        "Subset of {wildcards.experiment}, {wildcards.arm}, seed {wildcards.seed}, round {wildcards.round}"
    script:
        "../scripts/select_subset.py"
