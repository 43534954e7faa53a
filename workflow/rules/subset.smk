# Which source images a round uses, and how many each target image brings.


rule select_subset:
    input:
        targets=lambda wildcards: (
            f"results/datasets/{pairing_of(wildcards)['target']}/images.csv"
        ),
        sources=lambda wildcards: (
            f"results/datasets/{pairing_of(wildcards)['source']}/images.csv"
        ),
        skipped_targets=skipped_of("target"),
        skipped_sources=skipped_of("source"),
        neighbours=neighbours_of,
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
        code=code_of("select_subset.py"),
    message:
        "Subset of {wildcards.experiment}, {wildcards.arm}, seed {wildcards.seed}, round {wildcards.round}"
    script:
        "../scripts/select_subset.py"
