# Which images there are.


rule generate_images:
    output:
        directory("results/datasets/{dataset}/generated"),
    log:
        "results/logs/generate_images/{dataset}.log",
    benchmark:
        "results/benchmarks/generate_images/{dataset}.tsv"
    priority: BEFORE_TRAINING
    conda:
        "../../envs/sjft.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=10,
    params:
        settings=lambda wildcards: stage_settings.of_generated_images(
            CONFIG, wildcards.dataset
        ),
        originals=state_of_originals,
        code=code_of("generate_images.py"),
    message:
        "Making the pictures of {wildcards.dataset}"
    script:
        "../scripts/generate_images.py"


rule list_images:
    input:
        generated=generated_folder,
    output:
        images="results/datasets/{dataset}/images.csv",
        state="results/datasets/{dataset}/state.json",
    log:
        "results/logs/list_images/{dataset}.log",
    benchmark:
        "results/benchmarks/list_images/{dataset}.tsv"
    priority: BEFORE_TRAINING
    conda:
        "../../envs/sjft.yaml"
    threads: 1
    resources:
        mem_mb=memory_of_listing,
        runtime=30,
    params:
        settings=listing_settings,
        place=lambda wildcards: place_of(wildcards.dataset),
        noticed=noticed,
        code=code_of("list_images.py"),
    message:
        "Listing the images of {wildcards.dataset}"
    script:
        "../scripts/list_images.py"
