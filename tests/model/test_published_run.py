"""Publishing from files: the chosen arm's own model, with its own evaluation and inputs."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from published import CLASSES, SECTIONS, SUMMARY, configuration, evaluation_of
from small import images_table, manifest

from sjft.data.table import write_images
from sjft.errors import UserError
from sjft.model.file import load_published
from sjft.model.published_run import CandidateFiles, Publication, PublishedFiles, publish
from sjft.networks.joint import joint_network, plain_state, save_network
from sjft.selection.subset import write_manifest
from sjft.settings.weights import RandomWeights
from sjft.storage.files import digest_of_file, write_json

ARMS = ("fine-tune", "selective")
EMPTY = RandomWeights(source="random", seed=0)


@pytest.fixture
def files(tmp_path: Path) -> CandidateFiles:
    """Two arms, each with a model, a manifest and an evaluation of its own."""
    made = CandidateFiles(
        *(
            [tmp_path / f"{arm}{end}" for arm in ARMS]
            for end in (".pt", "-s.csv", "-t.csv", ".json")
        ),
        choice=tmp_path / "choice.json",
        summary=tmp_path / "summary.json",
        target_images=tmp_path / "birds.csv",
        source_images=[tmp_path / "web.csv"],
        weights=[],
        learned=[],
    )
    for place in range(2):
        network = joint_network("squeezenet1_1", EMPTY, None, CLASSES, ["x"], seed=place)
        save_network(made.models[place], network, {})
        images = manifest(["a"] * (2 + place), ["a"] * (1 + place))
        write_manifest(images, made.subsets[place], made.targets[place])
        accuracy = {"mean_class_accuracy": 0.5 + place / 4}
        write_json(made.evaluations[place], evaluation_of(CLASSES) | accuracy)
    write_images(made.target_images, images_table([0, 1] * 2))
    write_images(made.source_images[0], images_table([0, 0, 1]))
    write_json(made.summary, SUMMARY | {"table": ""})
    return made


@pytest.mark.parametrize("place", [0, 1])
def test_what_is_published_is_of_the_chosen_arm(files: CandidateFiles, place: int) -> None:
    folder = files.summary.parent
    settings = configuration("squeezenet1_1").model_dump(mode="json", include=SECTIONS)
    what = Publication("demo", settings, dict.fromkeys(ARMS, ""), {"finetune": "f00d"})
    output = PublishedFiles(folder / "model.pt", folder / "card.md")
    assert files.choice is not None
    write_json(files.choice, {"arm": ARMS[place], "reason": "it is the best"})
    publish(what, files, folder, output)
    found = load_published(output.model)
    network = joint_network("squeezenet1_1", EMPTY, None, CLASSES, ["x"], seed=place)
    for name, tensor in plain_state(network).items():
        assert torch.equal(found.network.state_dict()[name], tensor)
    told = found.facts["provenance"]
    assert told["arm"]["name"] == ARMS[place]
    assert told["metrics"]["mean_class_accuracy"] == 0.5 + place / 4
    assert told["data"]["birds"]["used_images"] == 2 + place
    own = {"subset": files.subsets, "targets": files.targets, "model": files.models}
    for name, paths in own.items():
        assert told["inputs"][name] == digest_of_file(paths[place])
    assert f"{100 * (0.5 + place / 4):.1f} % mean class accuracy" in output.card.read_text()
    write_json(files.choice, {"arm": "all-source", "reason": "it is the best"})
    with pytest.raises(UserError, match="names the arm `all-source`, which is none of"):
        publish(what, files, folder, output)


def test_weights_that_were_damaged_after_training_are_not_recorded(files: CandidateFiles) -> None:
    folder = files.summary.parent
    weights = folder / "first.pth"
    torch.save({"a": torch.zeros(1000)}, weights)
    whole = weights.read_bytes()
    middle = len(whole) // 2
    weights.write_bytes(whole[:middle] + bytes([whole[middle] ^ 4]) + whole[middle + 1 :])
    settings = configuration("squeezenet1_1").model_dump(mode="json", include=SECTIONS)
    settings["experiments"]["demo"]["training"]["weights"] = {"source": "file", "path": "first.pth"}
    what = Publication("demo", settings, {"fine-tune": ""}, {"finetune": "f00d"})
    output = PublishedFiles(folder / "model.pt", folder / "card.md")
    with pytest.raises(UserError, match=r"first\.pth: is damaged \(Bad CRC-32"):
        publish(what, replace(files, choice=None), folder, output)
    assert not output.model.exists()
