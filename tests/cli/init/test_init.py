"""`sjft example` and `sjft init`: from sample_images in folders to a configuration and its plan."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
import yaml
from chain import CONFIG
from image_files import lay_out

from sjft.cli.main import main
from sjft.fetch.missing import missing_data
from sjft.pipeline.forecast import read_plan_configuration

EXAMPLE = ["example", "data/ex", "--target", "images", "--source", "store"]
QUICK = ["--network", "shufflenet_v2_x0_5", "--device", "cpu", "--cores", "2"]


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    assert main(list(arguments)) == 1
    output = capsys.readouterr()
    assert output.out == ""
    return output.err


@pytest.mark.slow
def test_from_sample_images_to_a_configuration_and_the_command_that_runs_it(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(EXAMPLE) == 0
    assert "data/ex/target: 28 images in train/, val/, test/" in capsys.readouterr().out
    assert main(["init", "data/ex/target", "data/ex/source", *QUICK]) == 0
    text = capsys.readouterr().out
    assert "2 classes, 12 training images (8 val, 8 test), shorter side 32 px" in text
    assert "Written: config/ex.yaml" in text
    assert "| finetune | 8 |" in text
    assert "no pre-trained weights are here" in text
    assert "On this machine's 2 cores all of it takes about" in text
    command = "snakemake --cores 2 results/ex/model.pt --configfile config/ex.yaml"
    assert text.rstrip().endswith(command)

    written = Path("config/ex.yaml")
    assert command in written.read_text(encoding="utf-8")
    configuration = read_plan_configuration([written], None)
    experiment = configuration.experiments["ex"]
    # Below data_root: relative to it, and so the same on another machine.
    assert configuration.datasets["ex"].root == "ex/target"
    assert missing_data(configuration, ["ex"]) is None
    # From random weights, of which all of a source was seen to win the most.
    arms = ("selective", "fine-tune", "random-source", "all-source")
    assert experiment.publish.compare == arms
    assert experiment.training.device == "cpu"
    assert experiment.evaluation.split == "test"
    assert experiment.publish.arm == "selective"  # of so few images none is chosen by
    assert "8 images in `val` are too few to choose by" in written.read_text(encoding="utf-8")
    assert configuration.banks[configuration.retrievals["ex"].bank].type == "gabor"
    assert "adamw" in written.read_text(encoding="utf-8")  # from random weights
    comments = re.sub(r"\s*\n\s*# ", " ", written.read_text(encoding="utf-8"))
    assert "`all-source` all there are" in comments

    for arguments, words in (
        (EXAMPLE, "data/ex: is there already"),
        (["init", "data/ex/target", "data/ex/source"], "config/ex.yaml: is there already"),
        (
            ["init", "data/ex/target", "data/ex/source", "--output", "config/config.yaml"],
            "is the program's own configuration",
        ),
        (["init", "data/ex/target", "data/ex/source", "--output", "data"], "is a folder"),
        (["init", "data/ex/target", "data/ex/source", "--name", "tiny"], "uses this name"),
        (["init", "data/ex/target", "data/ex/target"], "is both target and source"),
        (["init", "data/ex", "data/ex/source"], "lies in"),
        (["init", "nowhere", "data/ex/source"], "nowhere: there is no such folder"),
        (["init", "no\nwhere", "data/ex/source"], "holds a control character"),
        (
            ["init", "data/ex/target", "data/ex/source", "--force", "--weights", "x.pth"],
            "no such file",
        ),
        (["example", "data/other", "--target", "own"], "of the reader `synthetic`"),
    ):
        assert words in refused(capsys, *arguments)
    assert written.read_text(encoding="utf-8").count("\n") > 50  # as it was
    # Where the environment says where data lies, the next shell may not: paths are absolute.
    monkeypatch.setenv("SJFT_DATA_ROOT", str(folder))
    outside = ["init", "data/ex/target", "data/ex/source", "--force", "--minutes", "1", *QUICK]
    assert main(outside) == 0
    again = yaml.safe_load(written.read_text(encoding="utf-8"))
    assert again["datasets"]["ex"]["root"] == str(folder / "data" / "ex" / "target")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"contents": ["disc", "bogus"]}, "datasets.store: unknown content 'bogus'; allowed: disc"),
        ({"styles": ["weave", "weave"]}, "datasets.store: styles must be given, each once"),
        ({"per_class": {"test": 2}}, "datasets.store.per_class has no training image"),
    ],
)
def test_an_example_that_cannot_be_made_is_refused_with_its_key(
    folder: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, object], words: str
) -> None:
    store = CONFIG["datasets"]["store"] | changes
    written = CONFIG | {"datasets": CONFIG["datasets"] | {"store": store}}
    (folder / "config" / "config.yaml").write_text(yaml.safe_dump(written), encoding="utf-8")
    arguments = ["example", "data/ex", "--target", "store", "--source", "store"]
    assert refused(capsys, *arguments).startswith(f"sjft: --target store: {words}")
    assert not (folder / "data" / "ex").exists()


@pytest.mark.slow
def test_weights_are_named_once_and_odd_folder_names_are_kept(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch  # noqa: PLC0415
    from torchvision import models  # noqa: PLC0415

    lay_out(folder / "Pilze: 'schöne' #1", ["a", "b"], each=12)
    lay_out(folder / "store (old)", ["c", "d"], each=12)
    network = models.get_model("shufflenet_v2_x0_5", weights=None)
    torch.save(network.state_dict(), "shufflenet_v2_x0_5.pth")
    arguments = ["--weights", "shufflenet_v2_x0_5.pth", "--output", "my own.yaml", "--cores", "1"]
    assert main(["init", "Pilze: 'schöne' #1", "store (old)", "--device", "cpu", *arguments]) == 0
    text = capsys.readouterr().out
    name = "Pilze_schone_1"
    assert text.rstrip().endswith(f"results/{name}/model.pt --configfile 'my own.yaml'")
    file = Path("my own.yaml").read_text(encoding="utf-8")
    assert file.count("shufflenet_v2_x0_5.pth") == 1
    assert "adamw" not in file
    assert "no gain has been measured" in re.sub(r"\s*\n\s*# ", " ", file)
    configuration = read_plan_configuration([Path("my own.yaml")], None)
    training = configuration.experiments[name].training
    assert configuration.datasets[name].root == str(folder / "Pilze: 'schöne' #1")
    assert configuration.datasets["store_old"].root == str(folder / "store (old)")
    bank = configuration.banks[configuration.retrievals[name].bank]
    assert bank.type == "cnn"
    assert bank.weights == training.weights
    assert training.weights.source == "file"
    assert training.head_learning_rate_factor == 10
    assert missing_data(configuration, [name]) is None


@pytest.mark.slow
@pytest.mark.parametrize(("target", "source"), [("2024", "no"), ("0x1F", "1_000")])
def test_folders_whose_names_yaml_takes_for_numbers_or_truth_values(
    folder: Path, target: str, source: str
) -> None:
    lay_out(folder / target, ["a", "b"], each=12)
    lay_out(folder / source, ["c", "d"], each=12)
    assert main(["init", target, source, "--output", "own.yaml", *QUICK]) == 0
    configuration = read_plan_configuration([Path("own.yaml")], None)
    experiment = configuration.experiments[target]
    assert experiment.target == experiment.retrieval == target
    assert configuration.datasets[source].root == str(folder / source)


def test_sources_of_one_name_in_two_places_are_two_data_sets(folder: Path) -> None:
    for place in ("a", "b"):
        lay_out(folder / place / "web", ["c", "d"], each=12)
    for target in ("first", "then", "again"):
        lay_out(folder / target, ["a", "b"], each=12)
    (folder / "config/broken.yaml").write_text("datasets: [", encoding="utf-8")
    for target, place in (("first", "a"), ("then", "b"), ("again", "a")):
        assert main(["init", target, f"{place}/web", *QUICK]) == 0
    assert main(["init", "then", "b/web", "--force", *QUICK]) == 0
    roots = {}
    for target in ("first", "then", "again"):
        found = read_plan_configuration([Path(f"config/{target}.yaml")], None)
        (source,) = found.experiments[target].sources
        roots[target] = (source, found.datasets[source].root)
    # Where it is the same folder, its list and descriptors are shared.
    assert roots["first"] == roots["again"] == ("web", str(folder / "a/web"))
    assert roots["then"] == ("web_source", str(folder / "b/web"))


def test_a_share_of_the_example_has_as_many_folders(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*EXAMPLE, "--share", "0.5"]) == 0
    shown = capsys.readouterr().out
    assert re.findall(r": (\d+) images", shown) == ["14", "8"]
    shutil.rmtree("data/ex")
    for share in ("0", "1.5", "half"):
        with pytest.raises(SystemExit):
            main([*EXAMPLE, "--share", share])
        assert "no number above 0" in capsys.readouterr().err


@pytest.mark.slow
def test_elsewhere_the_command_names_the_snakefile_and_what_init_knows_is_said(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(EXAMPLE) == 0
    shutil.rmtree("workflow")
    classes = [folder for folder in Path("data/ex/source/train").iterdir() if folder.is_dir()]
    for image in (image for one in classes for image in sorted(one.iterdir())[1:]):
        image.unlink()
    capsys.readouterr()
    assert main(["init", "data/ex/target", "data/ex/source", *QUICK]) == 0
    text = capsys.readouterr().out
    snakefile = Path(__file__).parents[3] / "Snakefile"
    command = text.splitlines()[-1].strip()
    assert shlex.split(command)[:3] == ["snakemake", "-s", str(snakefile)]
    assert command in Path("config/ex.yaml").read_text(encoding="utf-8").replace("\n", " ")
    assert "selection can change little" in text


@pytest.mark.parametrize(
    "wrong",
    [
        *(["--minutes", text] for text in ("0", "soon", "nan", "9" * 400)),
        *(["--cores", text] for text in ("0", "²", "9" * 5000)),
        ["--device", "tpu"],
    ],
)
def test_wrong_wishes_are_refused_by_name(
    capsys: pytest.CaptureFixture[str], wrong: list[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["init", "a", "b", *wrong])
    error = capsys.readouterr().err
    assert wrong[0] in error
    assert "_value" not in error
    assert " value: " not in error
    assert len(error) < 1000


@pytest.mark.parametrize("place", [0, 1])
def test_what_no_path_can_be_is_no_folder_either(
    capsys: pytest.CaptureFixture[str], place: int
) -> None:
    for text in ("x" * 300, "/".join(["x" * 200] * 30)):
        arguments = ["a", "b"]
        arguments[place] = text
        with pytest.raises(SystemExit):
            main(["init", *arguments])
        assert "is no path" in capsys.readouterr().err
