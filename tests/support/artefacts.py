"""One small file of each kind that the program reads again, and what reads it; and damage to it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from PIL import Image
from published import evaluation_of, publish
from small import images_table, manifest, random_histograms, random_neighbours
from torchvision import models

from sjft.data import synthetic
from sjft.data.readers import read_generated
from sjft.data.state import Record, read_record, state_of, write_listing
from sjft.data.table import read_images
from sjft.descriptors.file import open_descriptors
from sjft.evaluation.probabilities import Probabilities, read_probabilities, write_probabilities
from sjft.fetch.partial import PartialFile
from sjft.fetch.receipt import RECEIPT, Receipt, read_receipt_file, write_receipt_file
from sjft.leakage.hashes import hash_images, read_hashes
from sjft.leakage.table import LEAKAGE_SCHEMA, read_leakage, write_leakage
from sjft.model.file import load_published
from sjft.networks.joint import load_joint_network, save_network
from sjft.networks.pretrained import load_network
from sjft.reports.choice import read_choice
from sjft.reports.summary import read_summary
from sjft.retrieval.bins import equalise_bins, read_bins
from sjft.retrieval.histograms import build_histograms, read_histograms
from sjft.retrieval.index.annoy import build_annoy_index, load_annoy_index
from sjft.retrieval.neighbours import read_neighbours, write_neighbours
from sjft.retrieval.projection import fit_projection, read_projection
from sjft.selection.difficulty import difficulty_table, read_difficulty, write_difficulty
from sjft.selection.subset import read_manifest, read_skipped, write_manifest
from sjft.settings.checkpoints import CheckpointSettings
from sjft.settings.dataset import Synthetic
from sjft.settings.retrieval import AnnoySettings
from sjft.settings.weights import FileWeights
from sjft.storage.files import digest_of_file, read_json, write_digest, write_json, write_table
from sjft.training import checkpoints
from sjft.training.checkpoints import Checkpoints

NETWORK = "squeezenet1_1"
SKIPPED = {"path": pl.String, "reason": pl.String}


@dataclass(frozen=True)
class Artefact:
    """A file, and the function that reads it: it raises `UserError`, or gives None, if it must."""

    path: Path
    read: Callable[[], Any]


def damaged(content: bytes, number: int) -> Iterator[tuple[str, bytes]]:
    """Other contents, and how they came about; ``number`` bits are flipped, one at a time."""
    rng = np.random.default_rng(len(content))
    size = len(content)
    places = range(size) if size <= number else np.sort(rng.choice(size, number, replace=False))
    for place in places:
        flipped = bytearray(content)
        flipped[place] ^= 1 << int(rng.integers(8))
        yield f"a flipped bit in byte {place} of {size}", bytes(flipped)
    for left in (0, 1, size // 10, size * 6 // 10, size - 100, size - 1):
        yield f"cut to {left} of {size} bytes", content[: max(0, left)]
    for start in (0, size // 3, max(0, size - 512)):
        zeros = bytes(min(512, size - start))
        yield (
            f"zeros from byte {start} of {size}",
            (content[:start] + zeros + content[start + len(zeros) :]),
        )
    half = min(4096, size // 2)
    yield (
        "two blocks changed places",
        content[half : 2 * half] + content[:half] + content[2 * half :],
    )
    yield "a byte more", content + b"\n"
    yield "lines cut out", b"\n".join(content.split(b"\n")[::2])


def write_all(folder: Path, descriptors: Path) -> dict[str, Artefact]:
    """Write every kind into ``folder``, but the descriptors, which lie there."""
    return {
        "descriptors": Artefact(descriptors, lambda: _summed(descriptors)),
        **_tables(folder),
        **_retrieval(folder, descriptors),
        **_training(folder),
        **_records(folder),
    }


def _summed(descriptors: Path) -> Any:
    with open_descriptors(descriptors) as file:
        return file.mass(37).tolist()


def _tables(folder: Path) -> dict[str, Artefact]:
    images = images_table([0, 1, 1, 0, 2])
    write_listing(folder, images, Record("by", "now", state_of(images, 1)))
    chosen = manifest(["dots", "lines"], ["dots"] * 7)
    subset, targets = folder / "subset.csv", folder / "targets.csv"
    write_manifest(chosen, subset, targets)
    scores = np.array([[0.75, 0.25], [0.5, 0.5]], np.float32)
    write_difficulty(folder / "difficulty.csv", difficulty_table(chosen.targets, scores))
    pair = ("a/1.png", "test", "b/1.png", "train", "same file", True, 3, False, None)
    leak = pl.DataFrame([pair], schema=LEAKAGE_SCHEMA, orient="row")
    write_leakage(folder / "leakage.csv", leak)
    skipped = pl.DataFrame({"path": ["a/1.png"], "reason": ["is truncated"]}, schema=SKIPPED)
    write_table(folder / "0000.skipped.csv", skipped)
    made = Synthetic(
        reader="synthetic",
        contents=("disc", "ring"),
        styles=("hatching",),
        per_class={"train": 2},
        size=16,
    )
    synthetic.generate(
        folder / "generated",
        contents=made.contents,
        styles=made.styles,
        per_class=made.per_class,
        size=16,
        quality=80,
        seed=1,
    )
    tables = {
        "images.csv": lambda: read_images(folder / "images.csv"),
        "subset.csv": lambda: read_manifest(subset, targets),
        "targets.csv": lambda: read_manifest(subset, targets),
        "difficulty.csv": lambda: read_difficulty(folder / "difficulty.csv"),
        "leakage.csv": lambda: read_leakage(folder / "leakage.csv"),
        "0000.skipped.csv": lambda: read_skipped(folder / "0000.skipped.csv"),
        "generated/images.csv": lambda: read_generated(made, folder / "generated"),
    }
    found = {name: Artefact(folder / name, read) for name, read in tables.items()}
    beside = {
        f"{name}.digest": Artefact(folder / f"{name}.digest", read) for name, read in tables.items()
    }
    record = Artefact(folder / "state.json", lambda: read_record(folder))
    return {**found, **beside, "state.json": record}


def _retrieval(folder: Path, descriptors: Path) -> dict[str, Artefact]:
    paths = {
        name: folder / f"{name}.h5"
        for name in ("bins", "histograms", "projection", "hashes", "neighbours", "probabilities")
    }
    equalise_bins([descriptors], 4, {"layer0": 1.0}, paths["bins"])
    build_histograms(descriptors, paths["bins"], paths["histograms"])
    histograms = random_histograms(1, 9)
    options: dict[str, Any] = {"epsilon": 1e-4, "dimensions": 2, "sample": 9, "seed": 0}
    fit_projection(histograms, output=paths["projection"], inputs={}, **options)
    for number in range(3):
        Image.effect_noise((40, 40), 60 + number).save(folder / f"{number}.png")
    rows = [{"image": number, "path": f"{number}.png"} for number in range(3)]
    hash_images(pl.DataFrame(rows), folder, paths["hashes"], {})
    write_neighbours(paths["neighbours"], random_neighbours(1, 5, 40, 9), {}, {}, {"9": 1.0})
    values = np.full((2, 2), 0.5, np.float32)
    probabilities = Probabilities(["a", "b"], np.array([0, 1]), values, ["cat", "dog"])
    write_probabilities(paths["probabilities"], probabilities, {}, {})
    index, record = folder / "0000.ann", folder / "0000.json"
    vectors = projection_of(paths["projection"], 200)
    settings = AnnoySettings(trees=4)
    build_annoy_index(vectors, settings, 0, index, record, {"histograms": "x"})

    def nearest() -> Any:
        loaded = load_annoy_index(index, record, len(vectors), settings, {"histograms": "x"})
        return loaded.candidates(vectors[:3], 5)

    readers: dict[str, Callable[[], Any]] = {
        "bins": lambda: read_bins(paths["bins"]),
        "histograms": lambda: read_histograms(paths["histograms"]),
        "projection": lambda: read_projection(paths["projection"]),
        "hashes": lambda: read_hashes([paths["hashes"]]),
        "neighbours": lambda: read_neighbours(paths["neighbours"]),
        "probabilities": lambda: read_probabilities(paths["probabilities"]),
    }
    found = {name: Artefact(paths[name], read) for name, read in readers.items()}
    return {**found, "index": Artefact(index, nearest), "index's record": Artefact(record, nearest)}


def projection_of(path: Path, items: int) -> np.ndarray:
    """Vectors as the index holds them."""
    return np.stack(
        [read_projection(path).project(random_histograms(seed, 1))[0] for seed in range(items)]
    )


def _training(folder: Path) -> dict[str, Artefact]:
    joint = publish(folder / "published.pt", NETWORK)
    trained_on = {name: digest_of_file(folder / f"{name}.csv") for name in ("subset", "targets")}
    save_network(folder / "model.pt", joint, {"inputs": trained_on})
    kept = Checkpoints(folder / "round", {"rate": 0.1}, CheckpointSettings())
    content: dict[str, Any] = {
        "format": checkpoints.KIND,
        "format_version": checkpoints.VERSION,
        "update": 3,
        "decided_by": kept.decided_by,
        "history": {"rows": [[2, 0.1, 0.1, 1.5, 0.5, 0.5, 0.25, 30.0, 1.0]]},
    }
    kept._write(3, {**content, "network": {"weight": torch.arange(5000.0)}})
    (checkpoint,) = kept.folder.glob("*.pt")
    torch.save(models.get_model(NETWORK).state_dict(), folder / "w.pth")
    write_digest(folder / "w.pth")
    weights = FileWeights(source="file", path="w.pth")
    decided = kept.folder / checkpoints.DECIDED_BY
    return {
        "model of a round": Artefact(
            folder / "model.pt", lambda: load_joint_network(folder / "model.pt")
        ),
        "published model": Artefact(
            folder / "published.pt", lambda: load_published(folder / "published.pt")
        ),
        "checkpoint": Artefact(checkpoint, lambda: checkpoints._read(checkpoint)),
        "decided_by": Artefact(decided, lambda: read_json(decided)),
        "weights": Artefact(
            folder / "w.pth", lambda: load_network(NETWORK, weights, folder / "w.pth")
        ),
    }


def _records(folder: Path) -> dict[str, Artefact]:
    write_json(folder / "evaluation.json", evaluation_of(["cat", "dog"]))
    write_json(folder / "summary.json", {"experiment": "demo", "table": "| a |"})
    choice = {"arm": "selective", "reason": "It is the best.", "split": "val"}
    accuracies = {"selective": {"0": 0.75}, "fine-tune": {"0": 0.5}}
    write_json(folder / "choice.json", choice | {"mean_class_accuracy": accuracies})
    write_receipt_file(folder / RECEIPT, Receipt(contents=("a.tar",)))
    part = PartialFile(folder / "a.tar")
    part.path.write_bytes(b"beginning")
    part.begin("https://example.org/a.tar", '"1"', 20)
    about = folder / "a.tar.part.json"
    return {
        "evaluation": Artefact(
            folder / "evaluation.json", lambda: read_json(folder / "evaluation.json")
        ),
        "summary": Artefact(folder / "summary.json", lambda: read_summary(folder / "summary.json")),
        "choice": Artefact(folder / "choice.json", lambda: read_choice(folder / "choice.json")),
        "receipt": Artefact(folder / RECEIPT, lambda: read_receipt_file(folder / RECEIPT)),
        "part": Artefact(
            about, lambda: PartialFile(folder / "a.tar").is_complete("https://example.org/a.tar")
        ),
    }
