# Rounds of joint fine-tuning, and how hard each target image is after one.


rule finetune:
    input:
        subset="results/{experiment}/runs/{arm}-{seed}/round-{round}/subset.csv",
        targets="results/{experiment}/runs/{arm}-{seed}/round-{round}/targets.csv",
        images=lambda wildcards: (
            f"results/datasets/{pairing_of(wildcards)['target']}/images.csv"
        ),
        source_images=images_of_pretrained_head,
        ranking=ranking_of,
        last_model=model_of_last_round,
        weights=weights_of_training,
    output:
        model="results/{experiment}/runs/{arm}-{seed}/round-{round}/model.pt",
        history="results/{experiment}/runs/{arm}-{seed}/round-{round}/history.csv",
    log:
        "results/logs/finetune/{experiment}/{arm}-{seed}/round-{round}.log",
    benchmark:
        "results/benchmarks/finetune/{experiment}/{arm}-{seed}/round-{round}.tsv"
    conda:
        "../../envs/sjft.yaml"
    threads: lambda wildcards: training_of(wildcards)["threads"]
    resources:
        mem_mb=memory_of_training,
        runtime=1440,
        gpu=gpus_of_training,
    params:
        training=lambda wildcards: stage_settings.of_training(
            CONFIG, wildcards.experiment, wildcards.arm
        ),
        sources_of_arm=lambda wildcards: arm_of(wildcards).sources,
        weights=lambda wildcards: state_of_weights(
            training_settings(wildcards).weights,
            [wildcards.experiment],
        ),
        source_head_classes=state_of_head_classes,
        folders=folders_of,
        code=code_of("finetune.py"),
    message:
        "Fine-tuning {wildcards.experiment}, {wildcards.arm}, seed {wildcards.seed}, round {wildcards.round}"
    script:
        "../scripts/finetune.py"


rule score_difficulty:
    input:
        model="results/{experiment}/runs/{arm}-{seed}/round-{round}/model.pt",
        targets="results/{experiment}/runs/{arm}-{seed}/round-{round}/targets.csv",
    output:
        difficulty="results/{experiment}/runs/{arm}-{seed}/round-{round}/difficulty.csv",
    log:
        "results/logs/score_difficulty/{experiment}/{arm}-{seed}/round-{round}.log",
    benchmark:
        "results/benchmarks/score_difficulty/{experiment}/{arm}-{seed}/round-{round}.tsv"
    priority: BEFORE_TRAINING
    conda:
        "../../envs/sjft.yaml"
    threads: threads_of_scoring
    resources:
        mem_mb=4000,
        runtime=120,
        gpu=gpus,
    params:
        settings=lambda wildcards: stage_settings.of_difficulty(
            CONFIG, wildcards.experiment, wildcards.arm
        ),
        place=place_of_target,
        code=code_of("score_difficulty.py"),
    message:
        "Difficulty of {wildcards.experiment}'s images after round {wildcards.round}"
    script:
        "../scripts/score_difficulty.py"
