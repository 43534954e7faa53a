"""Fetching as a user does it: the `snakemake` command and a server on this machine."""

import hashlib
import re
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
import torch
import yaml
from chain import REPOSITORY, Chain, copy_workflow, lay_out_empty_images
from mirror import build, mirrored
from server import Server, running_server
from torchvision import models

WEIGHTS = "results/weights/squeezenet1_1-IMAGENET1K_V1.pth"
BANK = {
    "type": "cnn",
    "network": "squeezenet1_1",
    "weights": {"source": "torchvision", "name": "IMAGENET1K_V1"},
    "layers": ["features.0"],
    "resize": 64,
    "crop": 64,
}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running_server() as running:
        yield running


SECRETS = ("arthur", "pass-word", "to-ken", "sig-nature")


def secret(address: str) -> str:
    """The address with a user, a password, a token and a signature."""
    address = address.replace("://", "://arthur:pass-word@")
    return f"{address}?token=to-ken&X-Amz-Signature=sig-nature"


@pytest.fixture(scope="module")
def chain(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Chain:
    """A workflow whose experiment `fetched` needs a data set and weights from the server."""
    folder = tmp_path_factory.mktemp("fetch")
    build("indoor67", folder / "published")
    entry = mirrored("indoor67", folder / "published", server)
    for download in entry["downloads"]:
        download["url"] = secret(download["url"])
    made = copy_workflow(folder / "run")

    def change(config: dict[str, Any]) -> None:
        config["weights_url"] = f"{server.url}/models".replace("://", "://arthur:pass-word@")
        places = {"reader": "places365", "root": "p", "how_to_get": "Accept {the} terms."}
        config["datasets"] |= {"indoor67": entry, "places": places}
        config["banks"]["published"] = BANK
        config["retrievals"]["published"] = {"bank": "published", "neighbours_on_file": 2}
        experiment = config["experiments"]["twice"]
        config["experiments"]["fetched"] = experiment | {
            "target": "indoor67",
            "retrieval": "published",
            "training": experiment["training"]
            | {"network": "squeezenet1_1", "weights": BANK["weights"]}
            | {"source_head": "new", "source_head_classes": None},
        }

    made.configure(change)
    return made


@pytest.fixture(scope="module")
def said(chain: Chain) -> list[str]:
    """What is said before the data set is fetched, when it is, and when it is there."""
    asked = ("-n", "results/fetched/model.pt"), ("fetch_indoor67",), ("fetch_indoor67",)
    return [chain.snakemake(*arguments).output for arguments in asked]


def test_the_command_that_fetches_is_named_and_does_it(
    chain: Chain, server: Server, said: list[str]
) -> None:
    missing, fetched, again = said
    assert "data set `indoor67`: no folder data/indoor67. Get it with" in missing
    assert "Get it with `snakemake --cores 1 fetch_indoor67`. By hand: MIT Indoor" in missing
    assert "indoor67: fetched into data/indoor67" in fetched
    assert "is there already, in data/indoor67" in again
    assert len([path for path, _ in server.asked if path.startswith("/indoor67/")]) == 3
    log = chain.results / "logs/fetch_dataset/indoor67.log"
    assert log.is_file()


def test_a_fetched_experiment_can_be_planned_and_fetches_weights_alone(
    chain: Chain, said: list[str]
) -> None:
    planned = chain.plan("results/fetched/model.pt")
    assert {rule for rule in planned if rule.startswith("fetch")} == {"fetch_weights"}
    assert planned["fetch_weights"] == 1


def test_what_needs_an_account_ends_with_the_text_and_no_traceback(chain: Chain) -> None:
    outcome = chain.snakemake("fetch_places")
    assert outcome.code != 0
    assert "Accept {the} terms." in outcome.output
    assert "Traceback" not in outcome.output


def test_jobs_read_the_fetched_weights(chain: Chain, server: Server, said: list[str]) -> None:
    torch.save(models.get_model("squeezenet1_1", num_classes=3).state_dict(), chain.root / "saved")
    content = (chain.root / "saved").read_bytes()
    name = f"squeezenet1_1-{hashlib.sha256(content).hexdigest()[:8]}.pth"
    server.add(f"models/{name}", content)
    targets = (
        "results/descriptors/published/store/train/0000.h5",
        "results/datasets/indoor67/images.csv",
    )
    # In this copy of the library, torchvision publishes these weights.
    published = f"\n\ndef published_name(*_):\n    return {name!r}\n"
    with chain.edited(
        "workflow/sjft/networks/torchvision_weights.py", lambda text: text + published
    ):
        chain.make(*targets, env={"TORCH_HOME": str(chain.root / "torch")})
    assert (chain.root / WEIGHTS).read_bytes() == content
    assert [path for path, _ in server.asked if path.startswith("/models/")] == [f"/models/{name}"]
    # Neither another address nor the time of the weights changes what was made.
    (chain.root / WEIGHTS).touch()
    place = server.url.removeprefix("http://")
    with chain.edited("config/config.yaml", lambda text: text.replace(place, "a.org")):
        assert chain.plan(*targets) == {}


def test_secrets_of_addresses_stay_in_the_configuration(
    chain: Chain, server: Server, said: list[str]
) -> None:
    outputs = list(said)
    del server.files["/indoor67/TestImages.txt"]
    shutil.rmtree(chain.root / "data/indoor67")
    outputs.append(chain.snakemake("fetch_indoor67").output)
    assert "***@" in outputs[-1]
    configured = chain.root / "config"
    for path in chain.root.rglob("*"):
        if path.is_file() and not path.is_relative_to(configured):
            outputs.append(path.read_bytes().decode("latin-1"))
    assert len(outputs) > 50
    for word in SECRETS:
        assert not [text[:200] for text in outputs if word in text]


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Chain:
    """The configuration as it comes, and the folders of one of its experiments."""
    made = copy_workflow(tmp_path_factory.mktemp("delivered") / "run")
    shutil.copy2(REPOSITORY / "config/config.yaml", made.root / "config/config.yaml")
    lay_out_empty_images(made.root / "data")
    return made


def test_every_data_set_on_disk_has_a_rule_with_a_description(delivered: Chain) -> None:
    listed = delivered.make("--list").output
    config = yaml.safe_load((REPOSITORY / "config/config.yaml").read_text(encoding="utf-8"))
    for name, entry in config["datasets"].items():
        assert (f"fetch_{name} (Download" in listed) == (entry["reader"] != "synthetic")
    for name in ("fetch_weights (Get", "fetch_all_weights (Get"):
        assert name in listed
    assert delivered.make("-n", "fetch_dogs120").planned == {"fetch_dogs120": 1}


def test_weights_are_an_input_of_the_rules_that_use_them(delivered: Chain) -> None:
    graph = delivered.make("--rulegraph", "dot", "results/indoor67/model.pt").output
    rules = dict(re.findall(r'(\d+)\[label = "(\w+)"', graph))
    edges = {(rules[one], rules[other]) for one, other in re.findall(r"(\d+) -> (\d+)", graph)}
    assert {user for rule, user in edges if rule == "fetch_weights"} == {
        "extract_descriptors",
        "finetune",
        "publish",  # for their digest
    }
    assert not {rule for rule in rules.values() if rule.startswith("fetch_")} - {"fetch_weights"}
