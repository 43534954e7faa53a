# Which source images a round uses, and how many each target image brings.


rule select_subset:
    input:
        targets=lambda wildcards: (
            f"results/datasets/{pairing_of(wildcards)['target']}/images.csv"
        ),
        sources=images_of_run_sources,
        skipped_targets=skipped_targets,
        skipped_sources=skipped_sources,
        leakage=leakage_of_run,
        ranking=ranking_of,
        last_round=difficulty_of_last_round,
        as_many_as=subset_of_as_many,
    output:
        subset="results/{experiment}/runs/{arm}-{seed}/round-{round}/subset.csv",
        targets="results/{experiment}/runs/{arm}-{seed}/round-{round}/targets.csv",
    log:
        "results/logs/select_subset/{experiment}/{arm}-{seed}/round-{round}.log",
    benchmark:
        "results/benchmarks/select_subset/{experiment}/{arm}-{seed}/round-{round}.tsv"
    priority: BEFORE_TRAINING
    conda:
        "../../envs/sjft.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, input: 1000 + int(6 * input.size_mb),
        runtime=30,
    params:
        selection=lambda wildcards: stage_settings.of_selection(
            CONFIG, wildcards.experiment, wildcards.arm, int(wildcards.round)
        ),
        sources_of_arm=lambda wildcards: arm_of(wildcards).sources,
        sources=lambda wildcards: list(sources_of_run(wildcards)),
        skipped_of=skipped_of,
        rows=rows_of_run,
        code=code_of("select_subset.py"),
    message:
        "Subset of {wildcards.experiment}, {wildcards.arm}, seed {wildcards.seed}, round {wildcards.round}"
    script:
        "../scripts/select_subset.py"
