# What the jobs of retrieval may use: threads, and memory from the sizes of what they read, which are
# unknown before that is there.

# Snakemake starts what is ready by priority: a long training only where nothing waits that others,
# and the rounds after them, wait for.
BEFORE_TRAINING = 1


def few_threads(most):
    """At most so many threads, and no more than a quarter of this machine's cores.

    A job that wants two of two cores waits for every training to end, beside an idle core. On a
    cluster each job has its own cores.
    """
    cores = workflow.resource_settings.cores
    if cores is None or workflow.remote_exec:
        return most
    return max(1, min(most, cores // 4))


def memory_of_search(targets, kept=None):
    """A search of one shard, for all that must be kept of it or for the ``kept`` nearest."""

    def megabytes(wildcards, input):
        settings = CONFIG.retrievals[wildcards.retrieval]
        sources = memory.sizes_of_histograms([input.sources])
        shards = len(shards_of(wildcards.source))
        wanted = kept or kept_per_shard(
            settings.neighbours_on_file, sources.images, shards
        )
        return memory.mb_of_search(
            memory.sizes_of_histograms(input[targets]), sources, wanted, settings
        )

    return megabytes


def memory_of_listing(wildcards):
    return memory.mb_of_listing(len(shards_of(wildcards.dataset)))


def memory_beside(megabytes, tables):
    """Memory of a job that takes so much, and reads the images.csv of its input ``tables``."""

    def both(wildcards, input):
        paths = input[tables] if not isinstance(input[tables], str) else [input[tables]]
        sizes = [Path(path).stat().st_size for path in paths]
        return memory.mb_beside_tables(megabytes, sum(sizes))

    return both


def memory_of_duplicates(wildcards, input):
    heldout = memory.sizes_of_histograms(input.heldout)
    train = memory.sizes_of_histograms(input.train)
    return memory.mb_of_duplicates(heldout, train, USUAL_NEIGHBOUR)


def memory_of_merge(wildcards, input):
    return memory.mb_of_merge(
        memory.sizes_of_histograms(input.targets),
        memory.sizes_of_histograms(input.sources).images,
        CONFIG.retrievals[wildcards.retrieval],
    )


def memory_of_ranking(wildcards, input):
    lists = [memory.list_bytes(path) for path in input.neighbours]
    tables = [Path(path).stat().st_size for path in input.images]
    return memory.mb_of_ranking(sum(lists), sum(tables))


def memory_of_index(wildcards, input):
    return memory.mb_of_index(
        memory.sizes_of_histograms([input.histograms]),
        CONFIG.retrievals[wildcards.retrieval],
    )


def memory_of_projection(wildcards, input):
    return memory.mb_of_projection(
        memory.sizes_of_histograms(input.histograms),
        CONFIG.retrievals[wildcards.retrieval],
    )


def gpus_of_search(wildcards):
    return int(CONFIG.retrievals[wildcards.retrieval].device == "cuda")
