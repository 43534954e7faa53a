"""A user's own images: of every kind and name, moved, and broken."""

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from chain import Chain, copy_all
from image_files import random_image
from PIL import Image
from tiny_runs import (
    PAIRING,
    assert_refused,
)

from sjft.reports.choice import best_arm
from sjft.reports.summary import read_summary
from sjft.storage.files import digest_of_file, read_json


def save_odd_images(root: Path) -> None:
    """Images of every kind under names of every kind, in two classes of seven."""
    colour = random_image(0, (40, 32))
    upside_down = Image.Exif()
    upside_down[0x0112] = 6
    sixteen_bits = np.linspace(0, 65535, 40 * 32).reshape(32, 40).astype(np.uint16)
    for name, image, options in (
        ("cats & dogs/plain.jpg", colour, {}),
        ("cats & dogs/with spaces  in it.jpeg", colour, {}),
        ('cats & dogs/it\'s "quoted", {so}.PNG', colour, {}),
        ("cats & dogs/größe-日本.JPG", colour, {}),
        ("cats & dogs/grey.jpg", colour.convert("L"), {}),
        ("cats & dogs/palette.gif", colour.convert("P"), {}),
        ("cats & dogs/plain.png", colour, {}),
        ("Äpfel/cmyk.jpg", colour.convert("CMYK"), {}),
        ("Äpfel/sixteen.png", Image.fromarray(sixteen_bits), {}),
        ("Äpfel/one pixel.png", colour.resize((1, 1)), {}),
        ("Äpfel/rotated.jpg", colour, {"exif": upside_down}),
        ("Äpfel/transparent.webp", colour.convert("RGBA"), {}),
        ("Äpfel/-dash.bmp", colour, {}),
        ("Äpfel/a/b/deeper.tif", colour, {}),
    ):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path, **options)


@pytest.fixture(scope="module")
def own(chain: Chain, tmp_path_factory: pytest.TempPathFactory) -> Chain:
    """A finished run on odd images; the source's files come from the other run."""
    made = copy_all(chain, tmp_path_factory.mktemp("own") / "run")
    save_odd_images(made.root / "data/my own images")
    outcome = made.make("results/own/model.pt")
    (made.root / "told.txt").write_text(outcome.output, encoding="utf-8")
    return made


def made_with(own: Chain) -> str:
    """What the run of the own images has told."""
    return (own.root / "told.txt").read_text(encoding="utf-8")


def test_own_images_of_every_kind_and_name_make_a_model(own: Chain) -> None:
    content = torch.load(own.results / "own/model.pt", weights_only=True)
    assert content["classes"] == ["cats & dogs", "Äpfel"]
    skipped = own.results / "descriptors/small/own/train/0000.skipped.csv"
    assert skipped.read_text(encoding="utf-8").split() == ["path,reason"]
    assert (own.results / "own/model_card.md").is_file()


def test_the_best_arm_by_the_validation_split_is_published_and_it_is_said_why(own: Chain) -> None:
    folder = own.results / "own"
    choice = read_json(folder / "choice.json")
    assert choice["split"] == "val"
    for arm in ("selective", "fine-tune"):
        run = folder / f"runs/{arm}-0"
        validated, tested = (read_json(run / f"{k}.json") for k in ("validation", "evaluation"))
        assert (validated["split"], validated["images"]) == ("val", 2)
        assert (tested["split"], tested["images"]) == ("test", 4)
        assert choice["mean_class_accuracy"][arm] == {"0": validated["mean_class_accuracy"]}
    chosen = choice["arm"]
    accuracies = {arm: [*of.values()] for arm, of in choice["mean_class_accuracy"].items()}
    assert chosen == best_arm(accuracies).arm
    made_from = torch.load(folder / "model.pt", weights_only=True)["provenance"]
    model = folder / f"runs/{chosen}-0/round-0/model.pt"
    assert made_from["inputs"]["model"] == digest_of_file(model)
    assert made_from["arm"]["name"] == chosen
    summary = read_summary(folder / "summary.json")
    verdict, *others = summary["conclusion"]
    assert "orrowing" in verdict and "4 test images" in verdict
    assert choice["reason"] in others
    for name, heading in (("summary.md", "# own"), ("model_card.md", "# Model card: own")):
        text = (folder / name).read_text(encoding="utf-8")
        assert text.startswith(f"{heading}\n\n{verdict}\n\n{choice['reason']}\n")
    told = made_with(own)
    last = told[told.index(verdict) :]
    assert choice["reason"] in last
    assert "Results: the model results/own/model.pt" in last
    assert "sjft predict results/own/model.pt" in last
    assert "snakemake --cores all results/own/ablation.csv --config" in last


def test_data_that_has_moved_is_the_same_data(own: Chain, tmp_path: Path) -> None:
    moved = copy_all(own, tmp_path / "moved")
    assert moved.plan("results/own/model.pt") == {}
    (moved.root / "data").rename(tmp_path / "disk")
    there = {"SJFT_DATA_ROOT": str(tmp_path / "disk")}
    outcome = moved.make("-n", "results/own/model.pt", env=there)
    assert "Nothing to be done" in outcome.output


def test_a_truncated_image_ends_the_run_with_its_name_or_is_skipped(
    own: Chain, tmp_path: Path
) -> None:
    bad = copy_all(own, tmp_path / "bad")
    with (bad.results / "datasets/own/images.csv").open(encoding="utf-8", newline="") as file:
        name = next(r["path"] for r in csv.DictReader(file) if r["split"] == "train")
    image = bad.root / "data/my own images" / name
    content = image.read_bytes()
    image.unlink()
    image.write_bytes(content[: len(content) // 2])
    outcome = bad.snakemake("results/own/model.pt")
    assert_refused(outcome, name, "on_bad_image: skip")
    # In one place, behind all of Snakemake's own words: what failed, and what to type.
    last = outcome.output[outcome.output.index("The run has stopped: a job failed.") :]
    assert "Exiting because a job execution failed" not in last
    log = "results/logs/extract_descriptors/small/own/train/0000.log"
    assert f"{log} ends with:\n" in last and f"{name}: cannot be decoded" in last
    again = "goes on where it stopped:\n  snakemake --cores 2 results/own/model.pt\n"
    assert again in last
    with bad.configured(lambda config: config["datasets"]["own"].update(on_bad_image="skip")):
        bad.make("results/own/summary.md")
    skipped = bad.results / "descriptors/small/own/train/0000.skipped.csv"
    with skipped.open(encoding="utf-8", newline="") as file:
        assert [row["path"] for row in csv.DictReader(file)] == [name]
    told = f"1 image of `own` could not be read, and has no part in training: {name}."
    assert told in (bad.results / "own/summary.md").read_text(encoding="utf-8").splitlines()


def test_a_truncated_descriptor_file_is_named_and_nothing_is_overwritten(
    chain: Chain, tmp_path: Path
) -> None:
    cut = copy_all(chain, tmp_path / "cut")
    path = cut.results / "descriptors/small/store/train/0001.h5"
    half = path.read_bytes()[: path.stat().st_size // 2]
    path.write_bytes(half)
    merged = cut.root / PAIRING / "store/neighbours.h5"
    before = merged.read_bytes()
    outcome = cut.snakemake("results/tiny/model.pt")
    assert_refused(outcome, "results/descriptors/small/store/train/0001.h5: is truncated")
    assert path.read_bytes() == half
    assert merged.read_bytes() == before
