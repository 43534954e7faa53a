"""Containers and object stores: what is asked for and not done is said; the Dockerfile fits."""

import fnmatch
import re

from chain import REPOSITORY

from sjft.pipeline.deployment import needs_shared_folder, refusal, without_container

DOCKERFILE = (REPOSITORY / "envs/Dockerfile").read_text("utf-8")


def test_a_container_that_nobody_names_is_told() -> None:
    assert without_container([]) is None
    assert without_container(["conda"]) is None
    assert "this machine's environment" in str(without_container(["apptainer"]))
    assert "conda's environment" in str(without_container(["conda", "apptainer"]))


def test_an_object_store_is_refused_with_what_is_needed() -> None:
    assert needs_shared_folder(None) is None
    assert needs_shared_folder("none") is None
    assert "a folder that all nodes see" in str(needs_shared_folder("s3"))


def test_the_first_that_is_not_done_is_the_refusal() -> None:
    assert refusal(["conda"], None) is None
    assert refusal(["apptainer"], "s3") == without_container(["apptainer"])
    assert refusal([], "s3") == needs_shared_folder("s3")


def test_the_image_holds_what_is_copied_and_annoy_by_the_script_of_the_environment() -> None:
    ignored = (REPOSITORY / ".dockerignore").read_text("utf-8").splitlines()
    kept = {line[1:] for line in ignored if line.startswith("!")}
    copied = [
        name for line in re.findall(r"^COPY (.+) \S+$", DOCKERFILE, re.M) for name in line.split()
    ]
    assert set(copied) == kept
    for name in copied:
        assert (REPOSITORY / name).exists(), name
        assert not any(fnmatch.fnmatch(name, line) for line in ignored if line.startswith("**"))
    script = "envs/sjft.post-deploy.sh"
    assert f"RUN bash {script}" in DOCKERFILE
    assert "annoy==" in (REPOSITORY / script).read_text("utf-8")
    # The script compiles, and needs the folder `envs` first.
    order = [
        "install -y --no-install-recommends g++",
        "COPY envs",
        f"RUN bash {script}",
        "pip install",
    ]
    assert [DOCKERFILE.index(part) for part in order] == sorted(map(DOCKERFILE.index, order))
