# Which images there are.


def folder_of(wildcards):
    """The data set's folder; for the demo's it is made first."""
    settings = CONFIG.datasets[wildcards.dataset]
    if settings.reader == "synthetic":
        return f"results/datasets/{wildcards.dataset}/generated"
    require_data(wildcards.dataset)
    return str(Path(CONFIG.data_root) / settings.root)


def state_of_folder(wildcards):
    """Changes when pictures are added or removed. Generated pictures change by their own rule."""
    folder = Path(folder_of(wildcards))
    return (
        ""
        if CONFIG.datasets[wildcards.dataset].reader == "synthetic"
        else folder_state(folder)
    )


rule generate_images:
    output:
        directory("results/datasets/{dataset}/generated"),
    log:
        "results/logs/generate_images/{dataset}.log",
    benchmark:
        "results/benchmarks/generate_images/{dataset}.tsv"
    threads: 1
    resources:
        mem_mb=500,
        runtime=10,
    params:
        settings=lambda wildcards: settings_of("datasets", wildcards.dataset),
        code=code_of("generate_images.py"),
    message:
        "Making the pictures of {wildcards.dataset}"
    script:
        "../scripts/generate_images.py"


rule list_images:
    input:
        folder=folder_of,
    output:
        images="results/datasets/{dataset}/images.csv",
    log:
        "results/logs/list_images/{dataset}.log",
    benchmark:
        "results/benchmarks/list_images/{dataset}.tsv"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=30,
    params:
        settings=lambda wildcards: settings_of("datasets", wildcards.dataset),
        folder=state_of_folder,
        code=code_of("list_images.py"),
    message:
        "Listing the images of {wildcards.dataset}"
    script:
        "../scripts/list_images.py"
