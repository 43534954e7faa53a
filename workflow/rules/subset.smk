# Which source images a round uses, and how many each target image brings.


def pairing_of(wildcards):
    """Target, source, retrieval and bank of the run's experiment."""
    experiment = CONFIG.experiments[wildcards.experiment]
    return {
        "target": experiment.target,
        "source": experiment.source,
        "retrieval": experiment.retrieval,
        "bank": bank_of(experiment.retrieval),
    }


def neighbours_of(wildcards):
    """The neighbour lists: for the arm that selects by them."""
    if wildcards.arm != "selective":
        return []
    path = "results/retrieval/{retrieval}/{target}/{source}/neighbours.h5"
    return path.format(**pairing_of(wildcards))


def skipped_of(role):
    """Lists of the images that extraction left out."""

    def paths(wildcards):
        if role == "source" and wildcards.arm == "fine-tune":
            return []
        pairing = pairing_of(wildcards)
        return expand(
            "results/descriptors/{bank}/{dataset}/{shard}.skipped.csv",
            bank=pairing["bank"],
            dataset=pairing[role],
            shard=shards_of(pairing[role]),
        )

    return paths


def difficulty_of_last_round(wildcards):
    """What K_i grows by: the last round's K_i and how hard each image was."""
    last = int(wildcards.round) - 1
    if wildcards.arm != "selective" or last < 0:
        return []
    run = "results/{experiment}/runs/{arm}-{seed}"
    return [f"{run}/round-{last}/targets.csv", f"{run}/round-{last}/difficulty.csv"]


def selective_subset(wildcards):
    """`random-source` draws as many images as `selective` has in the same round."""
    if wildcards.arm != "random-source":
        return []
    return "results/{experiment}/runs/selective-{seed}/round-{round}/subset.csv"


rule select_subset:
    input:
        targets=lambda wildcards: (
            f"results/datasets/{pairing_of(wildcards)['target']}/images.csv"
        ),
        sources=lambda wildcards: (
            f"results/datasets/{pairing_of(wildcards)['source']}/images.csv"
        ),
        skipped_targets=skipped_of("target"),
        skipped_sources=skipped_of("source"),
        neighbours=neighbours_of,
        last_round=difficulty_of_last_round,
        selective=selective_subset,
    output:
        subset="results/{experiment}/runs/{arm}-{seed}/round-{round}/subset.csv",
        targets="results/{experiment}/runs/{arm}-{seed}/round-{round}/targets.csv",
    log:
        "results/logs/select_subset/{experiment}/{arm}-{seed}/round-{round}.log",
    benchmark:
        "results/benchmarks/select_subset/{experiment}/{arm}-{seed}/round-{round}.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, input: 1000 + int(6 * input.size_mb),
        runtime=30,
    params:
        selection=lambda wildcards: settings_of(
            "experiments", wildcards.experiment, "selection"
        )["selection"],
        code=code_of("select_subset.py"),
    message:
        "Subset of {wildcards.experiment}, {wildcards.arm}, seed {wildcards.seed}, round {wildcards.round}"
    script:
        "../scripts/select_subset.py"
