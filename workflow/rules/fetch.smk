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
