# Which source images a round uses, and how many each target image brings.


rule select_subset:
    input:
        targets=reads(run_inputs.select_subset, "targets"),
        sources=reads(run_inputs.select_subset, "sources"),
        skipped_targets=reads(run_inputs.select_subset, "skipped_targets"),
        skipped_sources=reads(run_inputs.select_subset, "skipped_sources"),
        leakage=reads(run_inputs.select_subset, "leakage"),
        ranking=reads(run_inputs.select_subset, "ranking"),
        last_round=reads(run_inputs.select_subset, "last_round"),
        as_many_as=reads(run_inputs.select_subset, "as_many_as"),
    output:
        subset=layout.SUBSET,
        targets=layout.TARGETS,
    log:
        layout.log("select_subset"),
    benchmark:
        layout.benchmark("select_subset")
    priority: BEFORE_TRAINING
    conda:
        "../../envs/sjft.yaml"
    threads: 1
    resources:
        mem_mb=growing(sized(limits.mb_of_selection)),
        runtime=growing(sized(times.of_reading)),
    params:
        selection=given(stage_settings.of_selection),
        sources_of_arm=given(runs.kind_of_sources),
        sources=lambda wildcards: list(given(runs.sources_of)(wildcards)),
        skipped_of=given(run_inputs.skipped_of),
        rows=given(BEFORE.rows_of_run),
        code=code_of("select_subset.py"),
    message:
        "Subset of {wildcards.experiment}, {wildcards.arm}, seed {wildcards.seed}, round {wildcards.round}"
    script:
        "../scripts/select_subset.py"


rule list_pairs:
    input:
        subset=reads(run_inputs.list_pairs, "subset"),
        targets=reads(run_inputs.list_pairs, "targets"),
        ranking=reads(run_inputs.list_pairs, "ranking"),
    output:
        pairs=layout.PAIRS,
    log:
        layout.log("list_pairs"),
    benchmark:
        layout.benchmark("list_pairs")
    conda:
        "../../envs/sjft.yaml"
    threads: 1
    resources:
        mem_mb=growing(sized(limits.mb_of_pairs)),
        runtime=growing(sized(times.of_reading)),
    params:
        code=code_of("list_pairs.py"),
    message:
        "Who was borrowed for whom in {wildcards.experiment}, {wildcards.arm}, seed {wildcards.seed}, round {wildcards.round}"
    script:
        "../scripts/list_pairs.py"
