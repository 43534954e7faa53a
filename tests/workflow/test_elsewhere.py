"""The workflow used from elsewhere: as a module, with `-s` and `--directory`, under odd names."""

import os
from pathlib import Path

import pytest
import yaml
from chain import CONFIG, Chain, copy_workflow

OUTER = """
configfile: "outer.yaml"

module sjft:
    snakefile: {snakefile!r}
    config: config["sjft"]

use rule * from sjft as sjft_*

rule all:
    default_target: True
    input: "results/datasets/images/hashes/train/0000.h5"
    output: "numbers.txt"
    shell: "wc -c {{input}} > {{output}}"
"""
UNCONFIGURED = """
module sjft:
    snakefile: {snakefile!r}

use rule * from sjft
"""
ABSENT = "results/absent/model.pt"


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Chain:
    """The workflow in a folder whose name has spaces and other letters."""
    return copy_workflow(tmp_path_factory.mktemp("shipped") / "wörk flöw 流")


@pytest.fixture
def outside(tmp_path: Path) -> Chain:
    """An empty folder of a user."""
    (tmp_path / "øther place").mkdir()
    return Chain(tmp_path / "øther place")


def test_real_jobs_of_a_module_run_beside_the_outer_workflow_s(
    shipped: Chain, outside: Chain, tmp_path: Path
) -> None:
    snakefile = str(shipped.root / "Snakefile")
    (outside.root / "Snakefile").write_text(OUTER.format(snakefile=snakefile))
    # Of the shipped settings one is changed, and the rest is there.
    changes = {"datasets": {"images": {"per_class": {"train": 3, "test": 1}}}}
    (outside.root / "outer.yaml").write_text(yaml.safe_dump({"sjft": changes, "other": [1]}))
    (tmp_path / "büg disk").mkdir()
    outside.results.symlink_to(tmp_path / "büg disk")
    told = outside.make().output
    assert "Making the images of images" in told
    assert "Shell command: None" not in told
    listed = (tmp_path / "büg disk/datasets/images/images.csv").read_text(encoding="utf-8")
    assert listed.count(",train,") == 6
    assert (outside.root / "numbers.txt").read_text().strip()
    assert outside.results.is_symlink()
    assert not shipped.results.exists()
    assert "Nothing to be done" in outside.make().output


def test_the_shipped_settings_are_found_beside_the_snakefile(
    shipped: Chain, outside: Chain
) -> None:
    own = CONFIG["experiments"]["tiny"] | {"retrieval": "exhaustive"}
    (outside.root / "mine.yaml").write_text(yaml.safe_dump({"experiments": {"mine": own}}))
    (outside.root / "run").mkdir()
    snakefile = os.path.relpath(shipped.root / "Snakefile", outside.root)
    asked = ("-n", "results/mine/model.pt", "--configfile", "mine.yaml")
    planned = outside.make("-s", snakefile, "--directory", "run", *asked).planned
    assert planned["finetune"] == 4
    (outside.root / "Snakefile").write_text(UNCONFIGURED.format(snakefile=snakefile))
    assert outside.make(*asked).planned == planned
    # A file of the folder's own comes on top, without being named.
    (outside.root / "run/config").mkdir()
    (outside.root / "mine.yaml").rename(outside.root / "run/config/config.yaml")
    assert outside.make("-s", snakefile, "--directory", "run", *asked[:2]).planned == planned


def test_who_is_more_specific_says_where_the_data_lie(shipped: Chain, outside: Chain) -> None:
    (outside.root / "mine.yaml").write_text("data_root: from_mine")
    default = str(shipped.root / "config/config.yaml")
    asked = ("-s", str(shipped.root / "Snakefile"), "-n", ABSENT, "--configfile", default)
    env = {"SJFT_DATA_ROOT": "from_environment"}
    assert "no folder from_environment/elsewhere" in outside.snakemake(*asked, env=env).output
    both = (*asked[:-1], "mine.yaml", default)
    assert "no folder from_mine/elsewhere" in outside.snakemake(*both, env=env).output


def test_an_experiment_that_is_not_there_is_told_from_a_rule(shipped: Chain) -> None:
    told = shipped.snakemake("-n", "results/tinny/model.pt").output
    assert "There is no experiment `tinny`. Did you mean `tiny`? Allowed: tiny, twice" in told
    assert "need --configfile FILE as well" in told
