# Data and weights from the network: the only rules that need one. They run where Snakemake runs.

for name in FETCHABLE:

    rule:
        """Download what may be downloaded of a data set, and say how to get the rest."""
        name:
            f"fetch_{name}"
        log:
            f"results/logs/fetch_dataset/{name}.log",
        localrule: True
        conda:
            "../../envs/sjft.yaml"
        threads: 1
        resources:
            mem_mb=500,
            runtime=1440,
        params:
            name=name,
            settings=settings_of("datasets", name),
        message:
            f"Fetching {name}"
        script:
            "../scripts/fetch_dataset.py"


rule fetch_weights:
    """Get published weights, from a folder or the network; their name holds their checksum."""
    output:
        weights="results/weights/{network}-{weights}.pth",
    log:
        "results/logs/fetch_weights/{network}-{weights}.log",
    wildcard_constraints:
        network=one_of({network for network, _ in PUBLISHED_WEIGHTS} or {"none"}),
        weights=one_of({weights for _, weights in PUBLISHED_WEIGHTS} or {"none"}),
    localrule: True
    conda:
        "../../envs/sjft.yaml"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=240,
    message:
        "Fetching the weights {wildcards.weights} of {wildcards.network}"
    script:
        "../scripts/fetch_weights.py"


rule fetch_all_weights:
    """Get all published weights that the configuration names."""
    input:
        [
            f"results/weights/{network}-{weights}.pth"
            for network, weights in PUBLISHED_WEIGHTS
        ],
    localrule: True
    message:
        "All published weights are under results/weights/."
