"""Memory of jobs that train a network or score images with one, from the table of networks.

The factors were measured (docs/costs.md): what is alive at once by the table, and what a process
really took, of convolutions of several kinds.
"""

import math

from sjft.networks.footprints import footprint_of
from sjft.pipeline.memory import SNAKEMAKE_MB
from sjft.settings.training import TrainingSettings

# A process that has loaded torch (a build with CUDA) and the library, before any network.
TORCH_MB = 850
# Of the weights: themselves, gradients, momentum (AdamW: two), and copies in another layout.
WEIGHTS_TRAINED, MORE_OF_ADAMW, WEIGHTS_AVERAGED, WEIGHTS_SCORING = 5.0, 1.0, 1.0, 2.0
WEIGHTS_PUBLISHED, CARD_MB = 2.2, 40  # weights are read and written; the card's tables
# Of activations: what convolutions reorder their inputs into, and what the allocator keeps.
ACTIVATIONS_TRAINED, ACTIVATIONS_SCORING = 1.5, 1.2
# A process with a GPU holds CUDA's libraries and pinned batches: 1,430 to 1,770 MB with SqueezeNet
# at 224 px beside an H100. Weights come on top, activations do not.
HOST_OF_GPU_MB = 1900
# Images are kept as decoded: JPEGs with up to twice the pixels a side that are asked for.
ASPECT, LARGER = 4 / 3, 1.4
# Of an image that is scored: its place and its rows in tables (900 bytes were measured), and of
# each class a probability, and whether that is finite.
BYTES_OF_SCORED, BYTES_OF_CLASS = 1000, 5
# Of subset.csv and targets.csv: the tables, and a path of each image (5.9 times were measured).
TABLES_TRAINED = 6
MEGABYTE = 1_000_000


def mb_of_training(
    training: TrainingSettings,
    images: int,
    cache_mb: int,
    table_bytes: int = 0,
    list_bytes: int = 0,
) -> int:
    """Of a round that is trained on so many images, which are kept up to ``cache_mb``.

    ``table_bytes`` are those of the tables that name the images, ``list_bytes`` those that the
    lists of neighbours take in memory: each process has both.
    """
    network = footprint_of(training.network).at(training.input_size)
    share = (training.target_batch + training.sources) / training.processes
    weights = WEIGHTS_TRAINED + MORE_OF_ADAMW * (training.optimiser == "adamw")
    weights += WEIGHTS_AVERAGED * (training.ema is not None)
    process = _of_process(
        training, weights * network.weights, ACTIVATIONS_TRAINED * share * network.training
    )
    listed = (TABLES_TRAINED * table_bytes + list_bytes) / MEGABYTE
    process += listed
    parent = TORCH_MB + listed if training.processes > 1 else 0
    return math.ceil(
        SNAKEMAKE_MB + parent + training.processes * process + _kept(training, images, cache_mb)
    )


def mb_of_scoring(training: TrainingSettings, crops: int, images: int = 0, classes: int = 0) -> int:
    """Of scoring so many images with so many crops a forward pass; all probabilities are kept."""
    network = footprint_of(training.network).at(training.input_size)
    weights, activations = WEIGHTS_SCORING * network.weights, crops * network.scoring
    kept = images * (BYTES_OF_SCORED + BYTES_OF_CLASS * classes) / MEGABYTE
    return math.ceil(
        SNAKEMAKE_MB + _of_process(training, weights, ACTIVATIONS_SCORING * activations) + kept
    )


def mb_of_publishing(training: TrainingSettings) -> int:
    """Of a network that is read and written."""
    weights = footprint_of(training.network).at(training.input_size).weights
    return math.ceil(SNAKEMAKE_MB + TORCH_MB + CARD_MB + WEIGHTS_PUBLISHED * weights)


def _of_process(training: TrainingSettings, weights: float, activations: float) -> float:
    """Of one process, wherever it may run."""
    on_cpu, beside_gpu = TORCH_MB + weights + activations, HOST_OF_GPU_MB + weights
    if training.device == "auto":
        return max(on_cpu, beside_gpu)
    return on_cpu if training.device == "cpu" else beside_gpu


def _kept(training: TrainingSettings, images: int, cache_mb: int) -> float:
    shorter = LARGER * training.resize[1]
    return min(cache_mb, images * 3 * ASPECT * shorter**2 / MEGABYTE)
