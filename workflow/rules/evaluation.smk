# How good a run is, on images that it has not seen.


rule evaluate:
    input:
        model=lambda wildcards: model_of_round(wildcards, last_round(wildcards)),
        images=lambda wildcards: (
            f"results/datasets/{pairing_of(wildcards)['target']}/images.csv"
        ),
    output:
        evaluation="results/{experiment}/runs/{arm}-{seed}/evaluation.json",
        predictions="results/{experiment}/runs/{arm}-{seed}/predictions.csv",
        classes="results/{experiment}/runs/{arm}-{seed}/classes.csv",
        confusion="results/{experiment}/runs/{arm}-{seed}/confusion.csv",
        probabilities="results/{experiment}/runs/{arm}-{seed}/probabilities.h5",
    log:
        "results/logs/evaluate/{experiment}/{arm}-{seed}.log",
    benchmark:
        "results/benchmarks/evaluate/{experiment}/{arm}-{seed}.tsv"
    conda:
        "../../envs/sjft.yaml"
    threads: threads_of_scoring
    resources:
        mem_mb=4000,
        runtime=240,
        gpu=gpus,
    params:
        settings=lambda wildcards: stage_settings.of_evaluation(
            CONFIG, wildcards.experiment, wildcards.arm
        ),
        place=place_of_target,
        rows=lambda wildcards: state_of_rows(pairing_of(wildcards)["target"], "heldout"),
        code=code_of("evaluate.py"),
    message:
        "Evaluating {wildcards.experiment}, {wildcards.arm}, seed {wildcards.seed}"
    script:
        "../scripts/evaluate.py"
