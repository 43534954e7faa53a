# Rounds of joint fine-tuning, and how hard each target image is after one.


rule finetune:
    input:
        # Not opened, so without a name: weights that are only published anew train nothing.
        reads(run_inputs.finetune, "learned_in"),
        subset=layout.SUBSET,
        targets=layout.TARGETS,
        images=reads(run_inputs.finetune, "images"),
        source_images=reads(run_inputs.finetune, "source_images"),
        ranking=reads(run_inputs.finetune, "ranking"),
        last_model=reads(run_inputs.finetune, "last_model"),
        weights=ancient(reads(run_inputs.finetune, "weights")),
        learned=ancient(reads(run_inputs.finetune, "learned")),
        classifier=reads(run_inputs.finetune, "classifier"),
    output:
        model=layout.MODEL_OF_ROUND,
        history=layout.HISTORY,
    log:
        layout.log("finetune"),
    benchmark:
        layout.benchmark("finetune")
    conda:
        "../../envs/sjft.yaml"
    threads: given(limits.threads_of_training)
    resources:
        mem_mb=growing(sized(limits.mb_of_arm)),
        runtime=growing(given(times.of_training)),
        gpu=given(limits.gpus_of_training),
        # The processes of a training find each other on one machine alone.
        nodes=1,
        # Not in the profile, where --set-resources would drop it. A job that runs out of time is
        # sent SIGTERM two minutes before, instead of half a minute (KillWait) before SIGKILL:
        # training finishes its update, writes a checkpoint and ends; the retry goes on from there.
        slurm_extra="--signal=TERM@120",
    params:
        training=given(stage_settings.of_training),
        best_weights=given(stage_settings.of_best_weights),
        opened=given(BEFORE.images_of_training),
        sources_of_arm=given(runs.kind_of_sources),
        weights=given(BEFORE.weights_of_arm),
        source_head_classes=given(BEFORE.head_classes),
        datasets=given(places.datasets_of_run),
        code=code_of("finetune.py"),
    message:
        "Fine-tuning {wildcards.experiment}, {wildcards.arm}, seed {wildcards.seed}, round {wildcards.round}"
    script:
        "../scripts/finetune.py"


rule score_difficulty:
    input:
        model=layout.MODEL_OF_ROUND,
        targets=layout.TARGETS,
    output:
        difficulty=layout.DIFFICULTY,
    log:
        layout.log("score_difficulty"),
    benchmark:
        layout.benchmark("score_difficulty")
    priority: BEFORE_TRAINING
    conda:
        "../../envs/sjft.yaml"
    threads: given(limits.threads_of_scoring)
    resources:
        mem_mb=growing(sized(limits.mb_of_difficulty)),
        runtime=growing(sized(times.of_difficulty)),
        gpu=given(limits.gpus_of_scoring),
    params:
        settings=given(stage_settings.of_difficulty),
        target=given(runs.target_of),
        code=code_of("score_difficulty.py"),
    message:
        "Difficulty of {wildcards.experiment}'s images after round {wildcards.round}"
    script:
        "../scripts/score_difficulty.py"
