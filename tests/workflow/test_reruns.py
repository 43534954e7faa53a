"""What a change of each key of the configuration runs again, and nothing besides."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any, get_args

import pytest
import yaml
from chain import REPOSITORY, Chain, copy_workflow
from image_files import save_images
from pydantic import BaseModel
from rerun_table import BASE, GROUPS, MORE, TABLE

from sjft.settings.config import read_configuration
from sjft.storage.files import write_with_digest

REASONS = REPOSITORY / "tests/support/rerun_reasons.py"
WORKFLOW = REPOSITORY / "workflow"
TARGETS = ["results/all/model.pt", "results/all/ablation.csv"]


def leaves(model: BaseModel, path: str = "") -> Iterator[str]:
    """Dotted names of all keys of a section; those that choose its kind are no keys of it."""
    for name, field in type(model).model_fields.items():
        value, here = getattr(model, name), f"{path}.{name}".strip(".")
        if isinstance(value, BaseModel):
            yield from leaves(value, here)
        elif len(get_args(field.annotation)) != 1 or get_args(field.annotation)[0] != value:
            yield here


def all_keys() -> list[str]:
    configuration = read_configuration(BASE)
    used = {"datasets": ["images", "store"], "banks": ["cnn", "small"],
            "retrievals": ["plain", "gabor"], "experiments": ["all"]}  # fmt: skip
    keys = [key for key in leaves(configuration) if key not in used]
    for section, names in used.items():
        for name in names:
            keys += leaves(getattr(configuration, section)[name], f"{section}.{name}")
    return keys


def changed(change: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration with other values of some keys."""
    configuration: dict[str, Any] = json.loads(json.dumps(BASE))  # no two entries share a part
    for key, value in change.items():
        *folders, name = key.split(".")
        place = configuration
        for folder in folders:
            place = place.setdefault(folder, {})
        place[name] = value
    return configuration


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Chain:
    made = copy_workflow(tmp_path_factory.mktemp("reruns") / "run")
    data = made.root / "data"
    save_images(data / "images", [f"{c}/{number}.png" for c in "abc" for number in range(6)])
    shutil.copytree(data / "images", data / "images again")
    shutil.copy2(data / "weights/store.pth", data / "weights/other.pth")
    (data / "classes.txt").write_text("square\narrow\n", encoding="utf-8")
    (data / "names.txt").write_text("a one\nb two\nc three\n", encoding="utf-8")
    (made.root / "linked").symlink_to("data")
    for bank, rows in (("cnn", "a.jpg,truncated\n"), ("small", "")):
        skipped = made.results / f"descriptors/{bank}/store/train/0000.skipped.csv"
        skipped.parent.mkdir(parents=True)
        write_with_digest(skipped, f"path,reason\n{rows}".encode())
    text = yaml.safe_dump(BASE, sort_keys=False)
    (made.root / "config/config.yaml").write_text(text, encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def answers(chain: Chain) -> dict[str, Any]:
    """All jobs, and for each change those that have a reason of their own to run again."""
    changes = {
        key: value if _is_change(key, value) else {key: value} for key, (value, _) in TABLE.items()
    }
    changes |= {name: change for name, (change, _) in MORE.items()}
    asked = {
        "base": BASE,
        "changed": {name: changed(change) for name, change in changes.items()},
        "targets": TARGETS,
    }
    (chain.root / "asked.json").write_text(json.dumps(asked), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(REASONS), "Snakefile", "asked.json", "answers.json"],
        cwd=chain.root,
        env=chain.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads((chain.root / "answers.json").read_text(encoding="utf-8"))
    return found


def _is_change(key: str, value: Any) -> bool:
    return isinstance(value, dict) and key in value


def expected(row: str, jobs: list[str]) -> set[str]:
    """The jobs that a row speaks of."""
    found = set()
    for part in filter(None, row.split("; ")):
        rule, _, group = part.removesuffix(")").partition(" (")
        of_rule = [job for job in jobs if job.split()[0] == rule]
        if group:
            of_rule = [job for job in of_rule if GROUPS[group](job.split()[1], int(job.split()[2]))]
        assert of_rule, part
        found |= set(of_rule)
    return found


def test_every_key_has_a_row() -> None:
    without, unknown = set(all_keys()) - set(TABLE), set(TABLE) - set(all_keys())
    assert not without, f"say in TABLE of tests/support/rerun_table.py what {without} runs again"
    assert not unknown, f"no key is called {unknown}: take it out of tests/support/rerun_table.py"


@pytest.mark.parametrize("name", [*TABLE, *MORE])
def test_a_changed_key_reruns_what_the_table_says(answers: dict[str, Any], name: str) -> None:
    _, row = {**TABLE, **MORE}[name]
    assert set(answers["changes"][name]) == expected(row, answers["jobs"])


def test_the_jobs_of_all_stages_are_looked_at(answers: dict[str, Any]) -> None:
    rules = {job.split()[0] for job in answers["jobs"]}
    written = "".join(path.read_text("utf-8") for path in (WORKFLOW / "rules").glob("*.smk"))
    named = set(re.findall(r"^rule (\w+):", written, re.M))
    of_people = {"list_pairs", "explore", "describe"}  # no model and no ablation needs these
    of_choice = {"validate", "choose"}  # with `publish: {arm: best}` alone
    assert named - rules == {"fetch_weights", "fetch_all_weights"} | of_people | of_choice
