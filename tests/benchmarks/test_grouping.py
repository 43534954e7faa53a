"""What grouping saves: what the measurement on a Slurm is made of, without the Slurm."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from chain import REPOSITORY

sys.path.insert(0, str(REPOSITORY / "benchmarks"))

from grouping import configuration, counted, profile_in, seconds_of

from sjft.settings.config import read_configuration


def test_the_source_has_images_for_every_shard() -> None:
    written = read_configuration(configuration(24) | {"retrievals": {}, "experiments": {}})
    assert written.datasets["source"].shards == 24
    values = configuration(24)["datasets"]["source"]
    assert len(values["contents"]) * values["per_class"]["train"] >= 24 * 20


def test_the_two_profiles_differ_in_their_groups_alone(tmp_path: Path) -> None:
    grouped, alone = (
        yaml.safe_load((profile_in(tmp_path / name, grouped=wanted) / "config.yaml").read_text())
        for name, wanted in (("grouped", True), ("alone", False))
    )
    assert grouped.pop("groups")["extract_descriptors"] == "descriptors"
    assert grouped.pop("group-components")["descriptors"] > 1
    assert grouped == alone


@pytest.mark.slow
def test_processes_write_down_what_they_took(tmp_path: Path) -> None:
    script = tmp_path / ".snakemake/scripts/tmp1.a.py"
    script.parent.mkdir(parents=True)
    script.write_text("sum(range(10_000_000))\n", encoding="utf-8")
    with counted(tmp_path / "seconds") as variables:
        for command in ([str(script)], ["-c", "pass"], ["-c", "sum(range(10_000_000))"]):
            last = subprocess.Popen([sys.executable, *command], env=os.environ | variables)
            assert last.wait() == 0
    (of_script,) = seconds_of("script", tmp_path / "seconds", but=0)
    assert of_script > 0.02
    assert len(seconds_of("snakemake", tmp_path / "seconds", but=0)) == 2
    (first,) = seconds_of("snakemake", tmp_path / "seconds", but=last.pid)
    assert 0 < first < of_script
