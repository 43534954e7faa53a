"""Scripts: what Snakemake hands over reaches a stage of the library with types, and little more."""

import ast
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from chain import REPOSITORY

import job_runner
from sjft.data.shard import ImagesOfShard
from sjft.settings.image_limits import ImageLimits

SCRIPTS = sorted((REPOSITORY / "workflow/scripts").glob("[!j]*.py"))
LONGEST = 25  # lines, docstrings and imports among them


@pytest.fixture
def job() -> SimpleNamespace:
    return SimpleNamespace(
        log=["results/logs/a.log"],
        threads=3,
        resources=SimpleNamespace(mem_mb=1500),
        config={
            "data_root": "/data",
            "image_folders": {"birds": "/data/birds", "store": "results/store"},
            "told": {"banks": {"small": {"device": "cpu"}}},
        },
    )


def test_a_script_is_run_with_what_snakemake_put_into_it(
    job: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[object] = []

    def run_job(work: Callable[[], None], *given: object, gpus: int) -> None:
        work()
        seen.append((*given, gpus))

    monkeypatch.setattr(job_runner, "run_job", run_job)
    script = ModuleType("script")
    script.snakemake = job  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "script", script)

    def main(given: object) -> None:
        seen.append(given)

    main.__module__ = "script"
    job_runner.run(main)
    assert seen == [job, (Path("results/logs/a.log"), 3, 1500, 0)]


def test_what_scripts_look_up_has_a_type(job: SimpleNamespace) -> None:
    assert job_runner.paths(["a/b", "c"]) == [Path("a/b"), Path("c")]
    assert (job_runner.path_or_none("a"), job_runner.path_or_none([])) == (Path("a"), None)
    assert job_runner.data_root(job) == Path("/data")
    assert job_runner.image_folder(job, "birds") == Path("/data/birds")
    assert job_runner.told(job, "banks", "small") == {"device": "cpu"}
    with pytest.raises(KeyError):
        job_runner.told(job, "banks", "large")


def test_images_are_opened_by_the_limits_of_any_data_set_or_of_the_jobs_own(
    job: SimpleNamespace,
) -> None:
    job.config["told"]["datasets"] = {
        "birds": {"on_bad_image": "skip", "largest_image": 2},
        "store": {"on_bad_image": "fail", "largest_image": 200},
    }
    folders = job_runner.image_folders(job, ["birds", "store"])
    assert (folders.of("birds"), folders.of("store")) == (
        Path("/data/birds"),
        Path("results/store"),
    )
    assert folders.limits == ImageLimits(largest_image=200)
    job.input = SimpleNamespace(images="images.csv")
    job.params = SimpleNamespace(content="as it is")
    job.wildcards = SimpleNamespace(dataset="birds", part="train", shard="0012")
    assert job_runner.images_of_shard(job) == ImagesOfShard(
        *(Path("images.csv"), "train", 12, Path("/data/birds"), "as it is", True),
        limits=ImageLimits(largest_image=2),
    )


@dataclass(frozen=True)
class StageFiles:
    one: Path
    several: Sequence[Path]
    none: Path | None
    some: Path | None


def test_a_stages_files_are_those_of_the_rule_by_name() -> None:
    named = {"one": "a", "several": ["b", "c"], "none": [], "some": "d"}
    found = job_runner.files(StageFiles, named)
    assert found == StageFiles(Path("a"), [Path("b"), Path("c")], None, Path("d"))
    assert job_runner.files(StageFiles, named | {"several": []}).several == []
    for wrong in (named | {"more": "e"}, {"one": "a"}, named | {"one": ["a", "b"]}):
        with pytest.raises(TypeError):
            job_runner.files(StageFiles, wrong)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_is_a_few_lines_around_one_function(script: Path) -> None:
    text = script.read_text("utf-8")
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
    assert [function.name for function in functions] == ["main"]
    assert len(text.splitlines()) <= LONGEST
    assert text.endswith('\n\nif __name__ == "__main__":\n    run(main)\n')
