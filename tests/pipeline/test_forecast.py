"""What `sjft plan` counts, refuses and adds up."""

from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from chain import CONFIG
from image_files import random_image

from sjft.cli.main import main
from sjft.pipeline.forecast import in_order, jobs_beside_model
from sjft.settings.config import read_configuration
from sjft.storage.files import read_json

GIVEN = ["--target-images", "5360", "--source-images", "1281167", "--sample", "2"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which a user calls `sjft`, with the tests' small configuration."""
    path = tmp_path / "config" / "config.yaml"
    path.parent.mkdir()
    (tmp_path / "workflow" / "sjft").mkdir(parents=True)
    (tmp_path / "Snakefile").touch()
    path.write_text(yaml.safe_dump(CONFIG), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SJFT_DATA_ROOT", raising=False)
    return tmp_path


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["plan", *arguments]) == 0
    return capsys.readouterr().out


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["plan", *arguments]) == 1
    output = capsys.readouterr()
    assert output.out == ""
    return output.err


def rows_of(text: str) -> dict[str, list[float]]:
    """Jobs, gigabytes, core-hours and megabytes, by stage."""
    text, _, _ = text.partition("Beside the model")
    cells = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return {name: [float(value) for value in values] for name, *values in cells[2:]}


@pytest.mark.slow
def test_an_experiment_without_its_data_is_planned_from_given_numbers(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = shown(capsys, "absent", *GIVEN)
    assert "own: 5,360 training images in 1 shard, 1,340 held out." in text
    assert "elsewhere: 1,281,167 training images" in text
    assert "Measured on 2 made images" in text
    rows = rows_of(text)
    total = rows.pop("all")
    assert rows["extract_descriptors"][0] == 3
    assert rows["build_index"][0] == rows["search_shard"][0] == 1
    assert total[0] == sum(row[0] for row in rows.values())
    for column in (1, 2):
        assert total[column] == pytest.approx(sum(row[column] for row in rows.values()), abs=0.01)
    assert total[3] == max(row[3] for row in rows.values())
    assert rows["extract_descriptors"][1] > rows["build_histograms"][1] > 0


@pytest.mark.slow
def test_images_that_are_there_are_counted_and_measured(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for image in range(20):
        path = folder / "here" / "my own images" / "ab"[image % 2] / f"{image}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        random_image(image, (40, 40)).save(path)
    (path.parent / "phone.heic").touch()
    (path.parent / "loop").symlink_to("..")
    text = shown(capsys, "own", "--data-root", "here", "--sample", "3")
    assert "Measured on 3 images of own." in text
    _, foreign, loop, *_ = text.splitlines()
    assert foreign.startswith("  left out: 1 image ending in .heic, a format that is not read")
    assert loop == "  left out: 1 link that leads back to a folder it lies in: b/loop"
    assert "held out." in text
    assert "fit_projection" not in text  # `exhaustive` needs no index


@pytest.mark.slow
def test_generated_images_are_counted_by_the_settings(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = shown(capsys, "tiny", "--sample", "2")
    assert "images: 12 training images in 1 shard, 8 held out." in text
    assert "store: 18 training images in 2 shards." in text
    rows = rows_of(text)
    # Without published weights nothing is left out of the table; starts are its last row.
    assert rows.pop("all")[0] == sum(row[0] for row in rows.values())
    assert rows["downloads; all starts"][0] == 0
    assert (rows["generate_images"][0], rows["select_subset"][0], rows["publish"][0]) == (2, 4, 1)
    beside = rows_of(text.partition("Beside the model")[2])
    assert list(beside) == [
        "results/tiny/explorer/index.html",
        "results/tiny/report/index.html",
        "results/tiny/ablation.csv",
    ]
    # Pairs and last difficulties of the arms that borrow; the page alone; arms of the user's own.
    assert [row[0] for row in beside.values()][:2] == [3, 1]
    assert beside["results/tiny/ablation.csv"][0] > 10
    assert all(row[3] >= 400 for row in beside.values())


@pytest.mark.parametrize("made", [True, False])
def test_training_alone_is_planned_where_nothing_is_searched(
    folder: Path, capsys: pytest.CaptureFixture[str], made: bool
) -> None:
    """Images are made all the same, or a bank finds those that cannot be read."""
    config = deepcopy(CONFIG)
    alone = config["experiments"]["tiny"]
    alone |= {"retrieval": "other", "publish": {"arm": "fine-tune", "compare": []}}
    alone["ablation"] = {"arms": ["fine-tune"], "seeds": [0]}
    if not made:
        config["datasets"]["own"]["on_bad_image"] = "skip"
        alone["target"] = "own"
        for place in range(12):
            path = folder / f"data/my own images/{'ab'[place % 2]}/{place}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            random_image(place, (40, 32)).save(path)
    (folder / "config/config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    rows = rows_of(shown(capsys, "tiny", "--sample", "2"))
    assert rows["finetune"][0] == 1
    assert "generate_images" in rows
    assert ("extract_descriptors" in rows) == (not made)


def test_a_page_that_no_arm_of_an_experiment_has_is_in_no_plan() -> None:
    values = CONFIG["experiments"]["tiny"] | {"publish": {"arm": "fine-tune"}}
    c = read_configuration(CONFIG | {"experiments": {"tiny": values}})
    found = jobs_beside_model(c, "tiny")
    assert list(found) == ["results/tiny/report/index.html", "results/tiny/ablation.csv"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nothing"], "There is no experiment `nothing`. Allowed: absent"),
        (["tinny"], "There is no experiment `tinny`. Did you mean `tiny`? Allowed: absent"),
        (["nothing"], "Those of a file of your own need --configfile FILE"),
        (["absent"], "data set `own`: no folder"),
        (["tiny", "--source-images", "1", "2"], "2 numbers are given"),
        (["tiny", "--configfile", "none.yaml"], "none.yaml: there is no such file"),
        (["tiny", "--configfile", "own"], "own: there is no such file. `--configfile` takes every"),
        (["--configfile", "none.yaml", "tiny"], "none.yaml: there is no such file"),
    ],
)
def test_what_cannot_be_planned_is_named(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert words in refused(capsys, *arguments)


@pytest.mark.slow
def test_a_further_file_replaces_single_keys(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "more.yaml").write_text("datasets: {store: {shards: 7}}", encoding="utf-8")
    (folder / "results").mkdir()
    text = shown(capsys, "tiny", "--sample", "2", "--configfile", "more.yaml")
    assert "store: 18 training images in 7 shards." in text
    # Kept for the progress of a run: each job that it will have.
    kept = read_json(folder / "results/benchmarks/forecast/tiny.json")["jobs"]
    assert len(kept) == rows_of(text)["all"][0]
    assert all(seconds > 0 for _, _, seconds in kept)
    (folder / "more.yaml").write_text("datasets: [", encoding="utf-8")
    assert "more.yaml: is no YAML" in refused(capsys, "tiny", "--configfile", "more.yaml")


@pytest.mark.parametrize(
    "arguments",
    [
        ["mine", "--configfile", "a.yaml", "b.yaml"],
        ["--configfile", "a.yaml", "b.yaml", "mine"],
        ["--configfile", "a.yaml", "b.yaml", "--", "mine"],
        ["--source-images", "40", "--configfile", "a.yaml", "b.yaml", "mine"],
        ["--configfile", "a.yaml", "b.yaml", "--source-images", "40", "mine"],
        ["--configfile", "a.yaml", "b.yaml", "--source-images", "40", "--", "mine"],
        ["--configfile=a.yaml", "--source-images", "40", "mine"],
    ],
)
def test_an_option_that_takes_many_does_not_swallow_the_experiment(
    folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    asked = []

    def read(*given: object) -> SimpleNamespace:
        asked.append(given)
        return SimpleNamespace(experiments={})

    monkeypatch.setattr("sjft.pipeline.forecast.read_plan_configuration", read)
    monkeypatch.setattr(
        "sjft.pipeline.forecast.plan", lambda _, name, **given: asked.append((name, given)) or ""
    )
    assert main(["plan", *arguments]) == 0
    (files, root), (name, given) = asked
    assert (name, root) == ("mine", None)
    assert files in ([Path("a.yaml"), Path("b.yaml")], [Path("a.yaml")])
    assert given["source_images"] == ([40] if "40" in arguments else [])


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--configfile", "a.yaml"],
        ["--configfile", "a.yaml", "b.yaml"],
        ["--source-images", "4"],
    ],
)
def test_a_plan_without_an_experiment_is_refused(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["plan", *arguments])
    assert ended.value.code == 2
    assert "the following arguments are required: experiment" in capsys.readouterr().err


def test_the_folder_s_own_file_comes_on_top_of_the_shipped_one(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "Snakefile").unlink()
    told = refused(capsys, "nothing")
    assert "demo" in told
    assert "absent" in told
    monkeypatch.setenv("SJFT_DATA_ROOT", str(folder / "environment"))
    assert "environment/my own images" in refused(capsys, "absent")
    (folder / "mine.yaml").write_text("data_root: mine")
    assert "no folder mine/my own" in refused(capsys, "absent", "--configfile", "mine.yaml")
    both = ("absent", "--configfile", "mine.yaml", "--data-root", "command")
    assert "no folder command/my own" in refused(capsys, *both)


@pytest.mark.parametrize("number", ["0", "-3", "many"])
def test_numbers_must_be_counts(
    folder: Path, capsys: pytest.CaptureFixture[str], number: str
) -> None:
    with pytest.raises(SystemExit):
        main(["plan", "tiny", f"--target-images={number}"])
    assert "no whole number of at least 1" in capsys.readouterr().err


def test_of_a_chain_no_experiment_is_said_to_start_from_the_one_before_its_own() -> None:
    text = in_order("third", {"first": "its plan", "second": "the next plan"}, "its own")
    assert "`third` needs what `first` learns, which is made first:\n\nits plan" in text
    assert "`third` starts from what `first` learns" not in text
    assert text.endswith("Then `third`:\n\nits own")
