# Data and weights from the network: the only rules that need one. They run where Snakemake runs.

PUBLISHED_WEIGHTS = inputs.all_published_weights(CONFIG)

for name in places.fetchable(CONFIG):

    rule:
        """Download what may be downloaded of a data set, and say how to get the rest."""
        name:
            f"fetch_{name}"
        log:
            layout.log("fetch_dataset").format(dataset=name),
        localrule: True
        conda:
            "../../envs/sjft.yaml"
        threads: 1
        resources:
            mem_mb=growing(limits.MB["fetch_dataset"]),
            runtime=growing(1440),
        params:
            name=name,
            settings=CONFIG.datasets[name].model_dump(mode="json"),
        message:
            f"Fetching {name}"
        script:
            "../scripts/fetch_dataset.py"


rule fetch_weights:
    """Get published weights, from a folder or the network; their name holds their checksum."""
    output:
        weights=layout.WEIGHTS,
    log:
        layout.log("fetch_weights"),
    wildcard_constraints:
        network=one_of({file.job.names["network"] for file in PUBLISHED_WEIGHTS}),
        weights=one_of({file.job.names["weights"] for file in PUBLISHED_WEIGHTS}),
    localrule: True
    conda:
        "../../envs/sjft.yaml"
    threads: 1
    resources:
        mem_mb=growing(limits.MB["fetch_weights"]),
        runtime=growing(240),
    message:
        "Fetching the weights {wildcards.weights} of {wildcards.network}"
    script:
        "../scripts/fetch_weights.py"


rule fetch_all_weights:
    """Get all published weights that the configuration names."""
    input:
        PUBLISHED_WEIGHTS,
    localrule: True
    message:
        "All published weights are under results/weights/."
