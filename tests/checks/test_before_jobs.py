"""What is looked at before the first job: told once, to who leads, and handed to jobs."""

from pathlib import Path
from typing import Any, NoReturn

import polars as pl
import pytest
from chain import CONFIG
from image_files import save_images

from sjft.checks.before_jobs import BeforeJobs, Call
from sjft.data.state import Record, listed, listed_by, snapshot, state_of, write_listing
from sjft.data.table import read_images
from sjft.errors import UserError
from sjft.layout import IMAGES, SKIPPED
from sjft.settings.config import read_configuration

READERS = "digest of the readers"


class StoppedError(Exception):
    """In place of the end of the program."""


def looking(
    told: list[str],
    targets: tuple[str, ...] = (),
    changes: dict[str, Any] | None = None,
    **call: bool,
) -> BeforeJobs:
    """A look at the tests' configuration; what it tells is appended to ``told``."""

    def stop(words: str) -> NoReturn:
        raise StoppedError(words)

    c = read_configuration({**CONFIG, "data_root": "data", **(changes or {})})
    how = Call(targets, **{"leads": True, "dry": False, "runs_here": True, **call})
    return BeforeJobs(c, lambda: how, READERS, stop, told.append)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that `snakemake` is called in, with a few images of the data set `own`."""
    monkeypatch.chdir(tmp_path)
    names = [f"{label}/{number}.png" for label in "ab" for number in range(6)]
    save_images(tmp_path / "data/my own images", names)
    return tmp_path


def list_now(before: BeforeJobs) -> None:
    """As the rule `list_images` does."""
    settings, root = before.c.datasets["own"], Path("data/my own images")
    images = listed(settings, root)
    made_by, now = listed_by(settings, READERS), snapshot(settings, Path("data"))
    record = Record(made_by, now, state_of(images, settings.shards))
    place = Path(IMAGES.of(dataset="own")).parent
    place.mkdir(parents=True)
    write_listing(place, images, record)


def test_only_experiments_asked_for_by_their_files_are_asked_for() -> None:
    before = looking([], ("results/tiny/model.pt", "results/logs/x.log", "twice", "results/none/x"))
    assert before.asked == {"tiny"}
    assert looking([], ("outer/results/own/runs/selective-0/evaluation.json",)).asked == {"own"}


def test_generated_images_change_by_their_own_rule(folder: Path) -> None:
    before = looking([])
    assert before.state("images") is None
    assert before.content("images", "train", "0000") == "generated"
    assert before.rows_of_target("tiny", "heldout") == "generated"
    assert before.originals("images") == ""


def test_changed_images_are_told_once_and_change_what_jobs_go_by(folder: Path) -> None:
    told: list[str] = []
    before = looking(told)
    list_now(before)
    with pytest.raises(UserError, match=r"no shard 0009 of the part `train`: they are 0000 to"):
        before.content("own", "train", "0009")
    rows = before.rows("own", "train")
    save_images(folder / "data/my own images", ["b/new.png"])
    after = looking(told)
    assert after.rows("own", "train") != rows
    assert after.noticed("own") == ""
    (changed,) = [line for line in told if "changed" in line]
    # Splits are drawn: one more image of a class moves others of it.
    assert changed.startswith("The images of own have changed: 1 added, 0 removed, ")
    assert "(added: b/new.png" in changed


def test_jobs_sent_elsewhere_go_by_the_record_and_say_nothing(folder: Path) -> None:
    told: list[str] = []
    list_now(looking(told))
    rows = looking(told).rows("own", "train")
    save_images(folder / "data/my own images", ["b/new.png"])
    elsewhere = looking(told, leads=False)
    assert elsewhere.rows("own", "train") == rows
    elsewhere.look_first("absent")  # it was said before the job was sent
    assert told == []


def test_a_dry_run_leaves_the_list_as_it_is(folder: Path) -> None:
    list_now(looking([]))
    before = Path(IMAGES.of(dataset="own")).read_bytes()
    save_images(folder / "data/my own images", ["b/new.png"])
    looking([], dry=True).state("own")
    assert Path(IMAGES.of(dataset="own")).read_bytes() == before
    looking([]).state("own")
    assert Path(IMAGES.of(dataset="own")).read_bytes() != before


def test_missing_data_stop_with_one_message(folder: Path) -> None:
    before = looking([])
    with pytest.raises(StoppedError, match="data set `elsewhere`: no folder") as stopped:
        before.state("elsewhere")
    assert "Ask the neighbours." in str(stopped.value)


def test_what_is_asked_for_by_itself_lacks_no_more_than_it_needs(folder: Path) -> None:
    weights = {"source": "file", "path": "weights/bank.pth"}
    bank = {"type": "cnn", "network": "squeezenet1_1", "weights": weights, "layers": ["features.0"]}
    own = {**CONFIG["experiments"]["own"], "source": ["elsewhere"], "retrieval": "other"}
    changes = {"experiments": {"own": own}, "banks": {**CONFIG["banks"], "coarse": bank}}
    listing = looking([], (IMAGES.of(dataset="own"),), changes)
    assert listing.rows("own", "train")
    with pytest.raises(StoppedError, match="there") as of_bank:
        listing.weights_of_bank("coarse")
    assert "no file data/weights/bank.pth." in str(of_bank.value)
    assert "elsewhere" not in str(of_bank.value)
    asked = looking([], ("results/own/model.pt",), changes)
    for look in (lambda: asked.rows("own", "train"), lambda: asked.weights_of_bank("coarse")):
        with pytest.raises(StoppedError, match="no folder data/elsewhere") as of_all:
            look()
        assert "no file data/weights/bank.pth." in str(of_all.value)


def test_for_a_first_subset_the_source_is_not_learned_first(folder: Path) -> None:
    learned = {**CONFIG["experiments"]["own"], "target": "elsewhere"}
    training = {**CONFIG["experiments"]["own"]["training"]}
    training["weights"] = {"source": "experiment", "experiment": "first"}
    own = {**CONFIG["experiments"]["own"], "training": training}
    changes = {"experiments": {"first": learned, "own": own}}
    looking([], ("results/own/runs/selective-0/round-0/subset.csv",), changes).look_first()
    with pytest.raises(StoppedError, match="no folder data/elsewhere"):
        looking([], ("results/own/model.pt",), changes).look_first()


def test_training_goes_by_the_images_that_it_opens_whatever_the_subset_looks_like(
    folder: Path,
) -> None:
    kept = {"like": "fine-tune", "training": {"keep": "best_on_val"}}
    own = {**CONFIG["experiments"]["own"], "arms": {"kept": kept}}
    sources = {"tiny": {**CONFIG["experiments"]["tiny"], "target": "store", "source": ["own"]}}
    changes = {"experiments": {"own": own, **sources}}

    def opened() -> dict[str, list[str]]:
        before = looking([], changes=changes)
        asked = ("own/fine-tune", "own/kept", "tiny/all-source", "tiny/fine-tune")
        return {name: before.images_of_training(*name.split("/")) for name in asked}

    def changed_by(split: str) -> set[str]:
        listed_now, earlier = read_images(Path(IMAGES.of(dataset="own"))), opened()
        image = listed_now.filter(pl.col("split") == split)["path"][0]
        (folder / "data/my own images" / image).write_bytes(b"another")
        now = opened()
        return {name for name in now if now[name] != earlier[name]}

    list_now(looking([]))
    assert changed_by("train") == {"own/fine-tune", "own/kept", "tiny/all-source"}
    assert changed_by("val") == {"own/kept"}


def test_what_counts_images_goes_by_every_part_of_every_data_set(folder: Path) -> None:
    changes = {"experiments": {"tiny": {**CONFIG["experiments"]["tiny"], "source": ["own"]}}}

    def counted() -> list[str]:
        return looking([], changes=changes).rows_of_experiment("tiny")

    list_now(looking([]))
    earlier, images = counted(), read_images(Path(IMAGES.of(dataset="own")))
    held_out = images.filter(pl.col("split") == "test")["path"][0]
    (folder / "data/my own images" / held_out).write_bytes(b"another")
    assert [now == before for now, before in zip(counted(), earlier, strict=True)] == [
        *(True, True),  # the target's, which are made
        *(True, False),
    ]


def test_of_generated_images_training_goes_by_what_they_are_made_of() -> None:
    store = CONFIG["datasets"]["store"]

    def opened(arm: str, **changed: Any) -> list[str]:
        datasets = {**CONFIG["datasets"], "store": {**store, **changed}}
        return looking([], changes={"datasets": datasets}).images_of_training("tiny", arm)

    assert opened("all-source", seed=9) != opened("all-source")
    assert opened("all-source", shards=3) == opened("all-source")
    assert opened("fine-tune", seed=9) == opened("fine-tune")


def test_of_photographs_what_is_made_goes_by_them_alone_and_what_is_left_out_is_told(
    folder: Path,
) -> None:
    own = CONFIG["datasets"]["own"]
    shares = {"reader": "cameras", "root": own["root"], "random_split": own["random_split"]}
    datasets = {**CONFIG["datasets"], "own": {**shares, "cameras": {"plain": 1}}}
    told: list[str] = []

    def originals() -> str:
        told.clear()
        looked = looking(told, changes={"datasets": datasets})
        assert looked.originals("own") == looked.originals("own")
        return looked.originals("own")

    before = originals()
    assert told == []
    photographs = folder / "data/my own images"
    (photographs / "a/notes.txt").touch()
    (photographs / "a/phone.heic").touch()
    (photographs / "b/gone.png").symlink_to("nowhere")
    assert originals() == before
    assert [line.rpartition(": ")[2] for line in told] == [
        "a/phone.heic",
        "b/gone.png",
        "a/notes.txt",
    ]
    save_images(photographs, ["a/6.png"])
    assert originals() != before


def test_a_file_of_weights_is_told_by_size_and_time(folder: Path) -> None:
    file = folder / "data/weights/store.pth"
    file.parent.mkdir()
    file.write_bytes(b"weights")
    before = looking([])
    assert before.weights_of_arm("twice", "selective").startswith("7 bytes, ")
    assert before.weights_of_arm("tiny", "selective") == before.weights_of_bank("small") == ""
    assert before.head_classes("twice", "selective") == ""


def test_left_out_images_count_once_they_are_to_end_the_job(folder: Path) -> None:
    shard = {"bank": "small", "dataset": "own", "part": "train", "shard": "0000"}
    assert looking([]).left_out_and_refused(**shard) == ""
    path = Path(SKIPPED.of(**shard))
    path.parent.mkdir(parents=True)
    path.write_text("no list of ours")
    assert looking([]).left_out_and_refused(**shard) == "damaged, or an older version's"
    skipping = {**CONFIG["datasets"]["own"], "on_bad_image": "skip"}
    changes = {"datasets": {**CONFIG["datasets"], "own": skipping}}
    assert looking([], changes=changes).left_out_and_refused(**shard) == ""
