"""`sjft init --weights source`: one experiment learns the source, another starts from it."""

import json
from pathlib import Path

import pytest
from image_files import save_images

from sjft.cli.init.source_first import EPOCHS
from sjft.cli.main import main
from sjft.layout import FORECASTS
from sjft.pipeline.forecast import read_plan_configuration
from sjft.pipeline.jobs import jobs_of_model

FOLDERS = ["birds", "web"]
QUICK = ["--weights", "source", "--device", "cpu", "--cores", "2"]


@pytest.fixture
def images(folder: Path) -> Path:
    """Two sets of images; of the source a class has none, and one image cannot be read."""
    for name, classes, many in (("birds", "ab", 10), ("web/train", "cde", 40)):
        save_images(folder / name, [f"{c}/{n}.png" for c in classes for n in range(many)])
    (folder / "web/train/empty").mkdir()
    (folder / "web/train/c/broken.png").write_text("no image")  # which a bank has to find
    (folder / "results").mkdir()
    return folder


def test_both_experiments_are_written_planned_and_kept_for_the_progress(
    images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", *FOLDERS, *QUICK, "--network", "shufflenet_v2_x0_5"]) == 0
    text = capsys.readouterr().out
    first, then = text.index("`birds_source_first` learns, which is"), text.index("Then `birds`:")
    assert first < text.index("birds_source_first: 109 training images") < then
    assert "learned from the source first, as --weights source says" in text
    written = Path("config/birds.yaml")
    c = read_plan_configuration([written], None)
    learned, own = c.experiments["birds_source_first"], c.experiments["birds"]
    assert learned.publish.arms == ("fine-tune",)
    assert learned.training.network == own.training.network
    assert (learned.training.optimiser, learned.training.threads) == ("adamw", 2)
    # 20 epochs of so few images are fewer updates than are of use.
    assert learned.training.updates == 100
    assert f"epochs of 109 images: {EPOCHS}" in written.read_text(encoding="utf-8")
    assert own.training.weights.model_dump() == {
        "source": "experiment",
        "experiment": "birds_source_first",
    }
    data = c.datasets["birds_source_first"].model_dump()
    assert data["root"].endswith("web/train")
    assert tuple(data["exclude_classes"]) == ("empty",)
    # Of each job, and of no other, it is known how long it takes.
    kept = [json.loads(path.read_text()) for path in sorted(images.glob(f"{FORECASTS}/*.json"))]
    jobs = [(rule, tuple(sorted(names.items()))) for of in kept for rule, names, _ in of["jobs"]]
    assert {*jobs} == {
        (job.rule, tuple(sorted(job.names.items()))) for job in jobs_of_model(c, "birds")
    }
    # And `sjft plan` says the same of the file.
    assert main(["plan", "birds", "--configfile", str(written), "--sample", "2"]) == 0
    planned = capsys.readouterr().out
    assert planned.startswith("`birds` needs what `birds_source_first` learns")
    assert "Then `birds`:" in planned


def test_where_there_is_no_time_to_learn_anything_it_is_said(
    images: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sjft.cli.init.fitting.LEAST_EPOCHS", 10_000)
    monkeypatch.setattr("sjft.cli.init.fitting.EPOCHS", 20_000)
    assert main(["init", *FOLDERS, *QUICK, "--minutes", "1"]) == 0
    text = capsys.readouterr().out
    assert "there is no time to learn the source" in text
    assert "Weights of shufflenet_v2_x0_5" in text  # the smaller of the networks


@pytest.mark.parametrize("network", ["squeezenet1_1", "resnet18"])
def test_the_network_that_is_wanted_learns_at_a_rate_that_it_stands(
    images: Path, network: str
) -> None:
    assert main(["init", *FOLDERS, *QUICK, "--network", network]) == 0
    c = read_plan_configuration([Path("config/birds.yaml")], None)
    rate = {"squeezenet1_1": 0.001, "resnet18": 0.01}[network]
    assert c.experiments["birds_source_first"].training.learning_rate == rate
    assert c.experiments["birds"].training.network == network
