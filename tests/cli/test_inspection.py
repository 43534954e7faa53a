"""`sjft inspect` on whole files of every kind: what it tells, as text, as JSON, as an image."""

import json
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import h5py
import polars as pl
import pytest
from artefacts import Artefact, write_all
from descriptor_files import write_small_descriptors
from inspected import told

from sjft.cli import inspection_kinds
from sjft.cli.main import main
from sjft.storage.files import write_json, write_plain_table, write_table
from sjft.training.history import HISTORY_COLUMNS

# By the names of tests/support/artefacts.py; all that the program keeps for itself is a record.
KINDS = {
    "descriptors": "descriptors",
    "images.csv": "images",
    "subset.csv": "subset",
    "targets.csv": "targets",
    "difficulty.csv": "difficulty",
    "leakage.csv": "leakage",
    "0000.skipped.csv": "skipped",
    "generated/images.csv": "generated images",
    "state.json": "record of images",
    "bins": "bins",
    "histograms": "histograms",
    "projection": "projection",
    "hashes": "hashes",
    "neighbours": "neighbours",
    "probabilities": "probabilities",
    "index": "index",
    "index's record": "index",
    "model of a round": "model of a round",
    "published model": "published model",
    "checkpoint": "checkpoint",
    "decided_by": "record",
    "weights": "weights",
    "evaluation": "evaluation",
    "summary": "summary",
    "choice": "choice of the published arm",
    "receipt": "record",
    "part": "record",
}
# The summary is one of no arms.
WITHOUT_IMAGE = {
    "record",
    "record of images",
    "skipped",
    "generated images",
    "summary",
    "choice of the published arm",
}
ROWS = {
    "descriptors": ("2", "layers"),
    "images.csv": ("a/3.png", "split"),
    "subset.csv": ("3.png", "chosen_by"),
    "targets.csv": ("1", "sampling_level"),
    "difficulty.csv": ("target/1.png", "entropy"),
    "leakage.csv": ("a/1.png", "reasons"),
    "0000.skipped.csv": ("1.png", "reason"),
    "histograms": ("0", "counts"),
    "hashes": ("1", "digest"),
    "neighbours": ("4", "neighbours"),
    "probabilities": ("b", "most probable"),
    "index": ("17", "nearest items"),
}


@pytest.fixture(scope="module")
def artefacts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Artefact]:
    folder = tmp_path_factory.mktemp("inspected")
    return write_all(folder, write_small_descriptors(folder / "descriptors.h5"))


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert main(["inspect", *map(str, arguments)]) == 1
    output = capsys.readouterr()
    assert output.err.startswith("sjft: ") and output.err.count("\n") == 1
    assert "Traceback" not in output.err
    return output.err


def test_every_artefact_is_known(artefacts: dict[str, Artefact]) -> None:
    assert set(KINDS) == {name for name in artefacts if not name.endswith(".digest")}


@pytest.mark.parametrize("name", KINDS)
def test_a_whole_file_is_sane(
    artefacts: dict[str, Artefact], name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = artefacts[name].path
    text = told(capsys, path)
    assert f"  {KINDS[name]}: " in text and "FAILS" not in text
    assert text.splitlines()[-1].startswith("Sane: all of ")
    content = json.loads(told(capsys, path, "--json"))
    assert (content["kind"], content["sane"]) == (KINDS[name], True)
    assert content["bytes"] == path.stat().st_size
    assert content["checks"] and all(check["holds"] for check in content["checks"])


@pytest.mark.parametrize("name", [n for n in KINDS if n.endswith(".csv")])
def test_digests_beside_tables_are_compared(
    artefacts: dict[str, Artefact], name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    table, digest = artefacts[name].path, artefacts[f"{name}.digest"].path
    assert f"holds  {table.name} has it" in told(capsys, digest)
    for path in (table, digest):
        shutil.copy(path, tmp_path)
    (tmp_path / table.name).write_text("other")
    assert "1 of 1 checks do not hold" in refused(capsys, tmp_path / digest.name)


def test_settings_inputs_and_sizes_are_told(
    artefacts: dict[str, Artefact], capsys: pytest.CaptureFixture[str]
) -> None:
    bins = json.loads(told(capsys, artefacts["bins"].path, "--json"))
    descriptors = json.loads(told(capsys, artefacts["descriptors"].path, "--json"))
    histograms = json.loads(told(capsys, artefacts["histograms"].path, "--json"))
    assert bins["settings"]["bins"] == 4
    assert histograms["inputs"]["descriptors"] == bins["inputs"]["descriptors.h5"]
    assert (descriptors["sizes"]["images"], descriptors["sizes"]["channels"]) == (6, 3)
    assert bins["sizes"]["levels"] == descriptors["sizes"]["levels"] == 37


@pytest.mark.parametrize("name", ROWS)
def test_one_image_of_it(
    artefacts: dict[str, Artefact], name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path, (image, key) = artefacts[name].path, ROWS[name]
    assert f"image {image}" in told(capsys, path, "--image", image)
    assert key in json.loads(told(capsys, path, "--image", image, "--json"))["image"]
    assert "--image nothing.png: " in refused(capsys, path, "--image", "nothing.png")


def test_rows_are_the_files_own(
    artefacts: dict[str, Artefact], capsys: pytest.CaptureFixture[str]
) -> None:
    def row(name: str, image: object) -> dict[str, object]:
        text = told(capsys, artefacts[name].path, "--image", image, "--json")
        found: dict[str, object] = json.loads(text)["image"]
        return found

    with h5py.File(artefacts["histograms"].path, locking=False) as file:
        assert row("histograms", 3)["counts"] == file["count"][3].tolist()
    with h5py.File(artefacts["neighbours"].path, locking=False) as file:
        nearest = row("neighbours", 2)["neighbours"]
        assert isinstance(nearest, list)
        assert [entry["image"] for entry in nearest] == file["source_image"][2].tolist()
        assert [entry["rank"] for entry in nearest] == list(range(1, 10))
    chosen = row("probabilities", "a")
    assert (chosen["class"], chosen["right"]) == ("cat", True)
    items = row("index", 17)["nearest items"]
    assert isinstance(items, list) and len(items) == 10
    assert 17 not in [entry["item"] for entry in items]


@pytest.mark.parametrize("name", ["model of a round", "projection", "summary", "checkpoint"])
def test_what_has_no_images_says_so(
    artefacts: dict[str, Artefact], name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "has no images" in refused(capsys, artefacts[name].path, "--image", "1")


@pytest.mark.parametrize("name", KINDS)
def test_a_image_of_it(
    artefacts: dict[str, Artefact], name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out.svg"
    if KINDS[name] in WITHOUT_IMAGE:
        error = refused(capsys, artefacts[name].path, "--plot", output)
        assert "there is nothing to draw" in error and not output.exists()
        return
    told(capsys, artefacts[name].path, "--plot", output)
    drawn = output.read_text(encoding="utf-8")
    assert drawn.startswith("<svg") and "NaN" not in drawn
    assert "<path" in drawn


def test_the_arms_of_a_summary_are_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shares = {"mean_class_accuracy": 0.5, "accuracy": 0.75}
    arm = {**shares, "runs": [{"seed": 0, **shares}]}
    summary = {"experiment": "demo", "arms": {"selective": arm}, "table": "| a |"}
    write_json(tmp_path / "summary.json", summary)
    assert "| a |" in told(capsys, tmp_path / "summary.json", "--plot", tmp_path / "out.svg")
    assert "selective" in (tmp_path / "out.svg").read_text(encoding="utf-8")


def test_a_image_as_png_and_the_same_bytes_again(
    artefacts: dict[str, Artefact], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a.png", "b.png"):
        told(capsys, artefacts["bins"].path, "--plot", tmp_path / name)
    first = (tmp_path / "a.png").read_bytes()
    assert first.startswith(b"\x89PNG") and first == (tmp_path / "b.png").read_bytes()
    error = refused(capsys, artefacts["bins"].path, "--plot", tmp_path / "c.pdf")
    assert "is neither .png nor .svg" in error
    assert "cannot be written" in refused(
        capsys, artefacts["bins"].path, "--plot", "/dev/null/a.png"
    )


PLAIN = {
    "history.csv": (
        pl.DataFrame(
            [[float(n)] * len(HISTORY_COLUMNS) for n in (1, 2)], HISTORY_COLUMNS, orient="row"
        ),
        "history",
    ),
    "predictions.csv": (
        pl.DataFrame(
            {
                "path": ["a", "b"],
                "class_name": ["x", "y"],
                "predicted_class": ["x", "x"],
                "probability": [0.75, 0.5],
                "correct": [True, False],
            }
        ),
        "predictions",
    ),
    "classes.csv": (
        pl.DataFrame(
            {
                "class_name": ["x", "y"],
                "images": [2, 0],
                "accuracy": [0.5, None],
                "predicted": [1, 0],
                "precision": [1.0, None],
            }
        ),
        "classes",
    ),
    "confusion.csv": (
        pl.DataFrame({"class_name": ["x"], "predicted_class": ["y"], "images": [3]}),
        "confusion",
    ),
    "ablation.csv": (
        pl.DataFrame({"arm": ["a"], "title": ["A"], "seeds": [3], "mean_class_accuracy": [0.5]}),
        "ablation",
    ),
    "ablation_runs.csv": (
        pl.DataFrame({"arm": ["a"], "seed": [0], "mean_class_accuracy": [0.5]}),
        "runs of an ablation",
    ),
}


@pytest.mark.parametrize("name", PLAIN)
def test_tables_for_reading_are_known_too(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    table, kind = PLAIN[name]
    write_plain_table(tmp_path / name, table)
    assert f"  {kind}: " in told(capsys, tmp_path / name)


def test_a_table_for_reading_is_held_to_the_digest_that_it_has(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "ablation_runs.csv"
    write_table(path, PLAIN[path.name][0])
    assert "it has the digest in ablation_runs.csv.digest" in told(capsys, path)
    path.write_text(path.read_text().replace("0.5", "0.7"))
    assert main(["inspect", str(path)]) == 1
    assert "is not what was written" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", b"x,y\n1,2\n", "is no table of this pipeline: it has the columns x, y"),
        ("a.csv", b"", "it has the columns (none)"),
        ("a.csv", b"\xff\xfe\x00", "is no table"),
        ("subset.csv", b"image,source,path\n1,a,b\n", "has no digest beside it"),
        ("a.json", b"{}", "does not end with its digest"),
        ("a.json", b"[1,", "is no JSON"),
        ("a.ann", b"123", "a.json"),
        ("a.pt", b"123", "cannot be read as a model or a checkpoint"),
        ("a.pth", b"", "cannot be read as a model or a checkpoint"),
        ("a.h5", b"123", "no HDF5 file that this version"),
        ("a.jpg", b"\xff\xd8\xff", "is no file of this pipeline that can be looked into"),
        ("a", b"PK\x05\x06" + bytes(18), "cannot be read as a model or a checkpoint"),
        ("a.csv.digest", b"\xff\n", "does not hold what such a file must hold"),
    ],
)
def test_files_of_others_are_refused_in_one_line(
    tmp_path: Path, name: str, content: bytes, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_bytes(content)
    (tmp_path / "a.csv").touch()
    assert words in refused(capsys, tmp_path / name)


@pytest.mark.parametrize("suffix", [".h5", ".csv", ".json", ".pt", ".ann", ".digest", ".txt", ""])
def test_what_is_not_there_or_a_folder_is_refused_in_one_line(
    tmp_path: Path, suffix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "no such file" in refused(capsys, tmp_path / f"nothing{suffix}")
    (tmp_path / f"folder{suffix}").mkdir()
    assert str(tmp_path) in refused(capsys, tmp_path / f"folder{suffix}")


def test_each_entry_of_the_list_is_a_function() -> None:
    lists = (inspection_kinds.HDF5, inspection_kinds.TABLES, inspection_kinds.RECORDS)
    places = [place for kinds in (*lists, inspection_kinds.TORCH) for place in kinds.values()]
    own = (inspection_kinds.INDEX, inspection_kinds.PUBLISHED, inspection_kinds.WEIGHTS)
    for place in {*places, *own}:
        module, _, name = place.partition(":")
        assert callable(getattr(import_module(module), name)), place


def test_looking_into_tables_and_hdf5_loads_no_torch(artefacts: dict[str, Artefact]) -> None:
    names = (
        "bins",
        "histograms",
        "projection",
        "neighbours",
        "subset.csv",
        "targets.csv",
        "leakage.csv",
    )
    files = [str(artefacts[name].path) for name in names]
    code = (
        "import sys; from sjft.cli.main import main; "
        f"done = [main(['inspect', file]) for file in {files}]; "
        "sys.exit(any(done) or 'torch' in sys.modules)"
    )
    library = Path(main.__code__.co_filename).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(library)},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
