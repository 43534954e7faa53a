"""Fingerprints: they follow the code that a script reaches, and nothing else."""

import ast
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sjft.descriptors.banks import BANKS
from sjft.pipeline import fingerprint as module
from sjft.pipeline.fingerprint import PACKAGE, Fingerprints, written
from sjft.retrieval.index import BACKENDS

SCRIPTS = PACKAGE.parent / "scripts"


def fingerprint(script: Path, chosen: str | None = None) -> str:
    return Fingerprints().of(script, chosen)


# What was edited in the copy, as it was before; `package` puts it back.
EDITED: dict[Path, str] = {}


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the library, made once for all tests."""
    copy = tmp_path_factory.mktemp("library") / "sjft"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


@pytest.fixture
def package(copied: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the library that can be edited, by `edit` and `append` alone."""
    monkeypatch.setattr(module, "PACKAGE", copied)
    yield copied
    for path, before in EDITED.items():
        path.write_text(before)
    EDITED.clear()


def edit(path: Path, change: Callable[[str], str]) -> None:
    before = path.read_text()
    EDITED.setdefault(path, before)
    path.write_text(change(before))
    assert path.read_text() != before


def append(path: Path, text: str) -> None:
    edit(path, lambda before: before + text)


def test_a_copy_at_another_place_has_the_same_fingerprint(package: Path) -> None:
    script = SCRIPTS / "finetune.py"
    of_copy = fingerprint(script)
    module.PACKAGE = PACKAGE  # the fixture puts it back
    assert fingerprint(script) == of_copy


@pytest.mark.parametrize(
    ("script", "edited"),
    [
        ("finetune.py", "training/round.py"),
        ("finetune.py", "networks/joint.py"),
        ("finetune.py", "errors.py"),
        ("finetune.py", "__init__.py"),
        ("finetune.py", "settings/base.py"),
        ("list_images.py", "data/readers/__init__.py"),
        ("list_images.py", "data/readers/places.py"),
    ],
)
def test_an_edit_of_a_reached_module_changes_it(package: Path, script: str, edited: str) -> None:
    before = fingerprint(SCRIPTS / script)
    append(package / edited, "\nEDITED = 1\n")
    changed = fingerprint(SCRIPTS / script)
    assert changed != before
    edit(package / edited, lambda text: text.replace("EDITED = 1", "EDITED = 2"))
    assert fingerprint(SCRIPTS / script) not in {before, changed}
    edit(package / edited, lambda text: text.replace("\nEDITED = 2\n", ""))
    assert fingerprint(SCRIPTS / script) == before


@pytest.mark.parametrize(
    "edited",
    [
        "reports/summary.py",
        "descriptors/banks/cnn.py",
        "data/readers/places.py",
        "settings/retrieval.py",
    ],
)
def test_an_edit_of_another_module_does_not(package: Path, edited: str) -> None:
    before = fingerprint(SCRIPTS / "finetune.py")
    append(package / edited, "\nEDITED = 1\n")
    assert fingerprint(SCRIPTS / "finetune.py") == before


OF_NO_SCORING = [
    "settings/experiment",
    "settings/arm",
    "training/batches",
    "training/augmentation",
    "training/pairing",
    "training/world",
    "training/round",
]
# What an edit of must not make a stage run again: extraction and search take users days.
NOT_REACHED = {
    "list_images": [
        *("settings/arm", "settings/experiment", "settings/ablation", "settings/checkpoints"),
        *("settings/training_jobs", "settings/retrieval", "settings/config", "data/pixels"),
        *("settings/evaluation", "data/location", "data/shard"),
    ],
    "hash_images": ["data/listing", "data/location", "networks/devices", "retrieval/bins"],
    "extract_descriptors": [
        "data/location",
        "data/listing",
        "training/world",
        "retrieval/bins",
        "settings/retrieval",
        "settings/experiment",
    ],
    "build_histograms": ["descriptors/banks/cnn", "data/pixels", "retrieval/neighbours"],
    "fit_projection": ["retrieval/search", "retrieval/index/backend"],
    "build_index": ["retrieval/search", "retrieval/shard_search", "retrieval/index/annoy"],
    "search_shard": [
        *("pipeline/memory", "retrieval/recall", "leakage/copies", "data/pixels"),
        *("retrieval/index/annoy", "retrieval/index/flat", "retrieval/index/auto"),
        *("retrieval/index/record", "retrieval/index/build"),
    ],
    "merge_neighbours": [
        *("pipeline/memory", "leakage/copies", "data/pixels"),
        *("retrieval/index/annoy", "retrieval/index/flat"),
    ],
    "rank_sources": ["leakage/copies", "leakage/perceptual_hash", "data/pixels"],
    "select_subset": [
        "training/pairing",
        "leakage/copies",
        "data/pixels",
        "training/round",
        "settings/experiment",
    ],
    "finetune": [
        "evaluation/accuracy",
        "evaluation/scoring",
        "descriptors/banks/cnn",
        "selection/arms",
        "retrieval/search",
        "settings/evaluation",
        "settings/experiment",
    ],
    "score_difficulty": OF_NO_SCORING,
    "evaluate": OF_NO_SCORING,
    "validate": [*OF_NO_SCORING, "reports/verdict", "reports/choice"],
    "choose": ["data/pixels", "networks/joint", "training/round"],
    "summarise": ["data/pixels", "leakage/perceptual_hash", "networks/joint"],
}


@pytest.mark.parametrize(
    ("script", "edited"),
    [(script, module) for script, modules in NOT_REACHED.items() for module in modules],
)
def test_an_edit_of_what_a_stage_does_not_do_leaves_its_fingerprint(
    package: Path, script: str, edited: str
) -> None:
    before = fingerprint(SCRIPTS / f"{script}.py")
    append(package / f"{edited}.py", "\nEDITED = 1\n")
    assert fingerprint(SCRIPTS / f"{script}.py") == before


def test_looking_into_files_is_part_of_no_stage(package: Path) -> None:
    scripts = sorted(path for path in SCRIPTS.glob("*.py") if path.stem != "job_runner")
    before = [fingerprint(script) for script in scripts]
    looking = [*package.rglob("*inspection*.py"), package / "storage" / "sanity.py"]
    assert len(looking) > 10
    for path in looking:
        append(path, "\nEDITED = 1\n")
    assert [fingerprint(script) for script in scripts] == before


SEARCH, EXTRACTION = "search_shard", "extract_descriptors"


@pytest.mark.parametrize(
    ("script", "chosen", "edited", "counts"),
    [
        (SEARCH, BACKENDS["annoy"], "retrieval/index/annoy", True),
        (SEARCH, BACKENDS["annoy"], "retrieval/index/record", True),
        (SEARCH, BACKENDS["annoy"], "retrieval/index/auto", False),
        (SEARCH, BACKENDS["flat"], "retrieval/index/annoy", False),
        (SEARCH, BACKENDS["auto"], "retrieval/index/flat", True),
        (SEARCH, BACKENDS["auto"], "retrieval/index/exact", True),
        (SEARCH, BACKENDS["auto"], "retrieval/index/annoy", False),
        (EXTRACTION, BANKS["cnn"], "descriptors/banks/cnn", True),
        (EXTRACTION, BANKS["cnn"], "descriptors/winograd", True),
        (EXTRACTION, BANKS["cnn"], "settings/banks/cnn", True),
        (EXTRACTION, BANKS["cnn"], "descriptors/banks/gabor", False),
        (EXTRACTION, BANKS["cnn"], "settings/banks/gabor", False),
        (EXTRACTION, BANKS["cnn"], "settings/bank", False),
        (EXTRACTION, BANKS["gabor"], "descriptors/banks/gabor", True),
        (EXTRACTION, BANKS["gabor"], "settings/banks/gabor", True),
        (EXTRACTION, BANKS["gabor"], "descriptors/banks/bank", True),
        (EXTRACTION, BANKS["gabor"], "descriptors/banks/cnn", False),
        (EXTRACTION, BANKS["gabor"], "descriptors/winograd", False),
    ],
)
def test_of_a_registry_counts_what_a_job_uses(
    package: Path, script: str, chosen: str, edited: str, counts: bool
) -> None:
    before = fingerprint(SCRIPTS / f"{script}.py", chosen)
    append(package / f"{edited}.py", "\nEDITED = 1\n")
    assert (fingerprint(SCRIPTS / f"{script}.py", chosen) != before) is counts


@pytest.mark.parametrize(
    ("script", "registry"), [(SEARCH, "retrieval/index"), (EXTRACTION, "descriptors/banks")]
)
def test_a_new_entry_of_a_registry_is_no_reason_for_the_others_jobs(
    package: Path, script: str, registry: str
) -> None:
    before = fingerprint(SCRIPTS / f"{script}.py")
    path = package / registry / "__init__.py"
    edit(path, lambda text: text.replace("] = {\n", '] = {\n    "new": "sjft.new",\n'))
    assert fingerprint(SCRIPTS / f"{script}.py") == before
    append(path, "\nEDITED = {'other': 'table'}\n")
    assert fingerprint(SCRIPTS / f"{script}.py") != before


def test_comments_docstrings_and_layout_do_not_count(package: Path) -> None:
    before = fingerprint(SCRIPTS / "finetune.py")
    path = package / "training/pairing.py"
    append(path, "\n\n# A comment.\n")
    edit(path, lambda text: text.replace('"""Draws batches', '"""Makes batches'))
    edit(path, lambda text: text.replace('"""Pairing: which', '"""Which'))
    edit(path, lambda text: text.replace("(self, step: int)", "(\n        self, step: int\n    )"))
    assert fingerprint(SCRIPTS / "finetune.py") == before


def test_texts_that_are_no_docstrings_count(package: Path) -> None:
    before = fingerprint(SCRIPTS / "finetune.py")
    edit(package / "training/epochs.py", lambda text: text.replace('"epoch"', '"Epoch"'))
    assert fingerprint(SCRIPTS / "finetune.py") != before


def test_an_import_inside_a_function_is_followed(package: Path, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("def main():\n    import sjft.reports.summary as s\n    return s\n")
    before = fingerprint(script)
    append(package / "selection/subset.py", "\nEDITED = 1\n")  # summary imports it
    assert fingerprint(script) != before


def test_a_script_without_the_library_has_a_fingerprint_of_nothing(tmp_path: Path) -> None:
    prints = []
    for text in ("import os\n", "import json, numpy\n"):
        (tmp_path / "script.py").write_text(text)
        prints.append(fingerprint(tmp_path / "script.py"))
    assert prints[0] == prints[1]


def kept(package: Path) -> Path:
    (file,) = (package / "__pycache__").glob("fingerprints.*.json")
    return file


def test_what_was_parsed_once_is_kept_where_python_keeps_compiled_modules(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    before = fingerprint(SCRIPTS / "finetune.py")
    file = kept(package)
    content = file.read_bytes()
    parsed: list[str] = []
    monkeypatch.setattr(module, "_read", parsed.append)
    assert fingerprint(SCRIPTS / "finetune.py") == before
    assert (parsed, file.read_bytes()) == ([], content)
    monkeypatch.undo()
    monkeypatch.setattr(module, "PACKAGE", package)
    # What was damaged is parsed anew, and an edit is seen.
    for damaged in (b"{}", content.replace(b'"code"', b'"core"')[:-9]):
        file.write_bytes(damaged)
        assert fingerprint(SCRIPTS / "finetune.py") == before
    append(package / "training/round.py", "\nEDITED = 1\n")
    assert fingerprint(SCRIPTS / "finetune.py") != before


def test_where_nothing_can_be_kept_the_fingerprint_is_the_same(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = fingerprint(SCRIPTS / "finetune.py")
    shutil.rmtree(package / "__pycache__", ignore_errors=True)
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    assert fingerprint(SCRIPTS / "finetune.py") == before
    assert not (package / "__pycache__").exists()
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    (package / "__pycache__").touch()  # no folder, and none can be made
    try:
        assert fingerprint(SCRIPTS / "finetune.py") == before
    finally:
        (package / "__pycache__").unlink()


def test_code_is_written_as_every_version_of_python_writes_it() -> None:
    # `ast.dump` of 3.12 has type_params=[] in it, that of 3.13 leaves all empty lists out, and
    # 3.12.1 an empty text behind a width.
    code = "def of(a, *, b=None):\n    return f'{a:<{b}}', [], '', ''.join([''])\n"
    assert written(ast.parse(code)) == (
        "Module(body=[FunctionDef(name='of', args=arguments(args=[arg(arg='a')], "
        "kwonlyargs=[arg(arg='b')], kw_defaults=[Constant()]), body=[Return(value=Tuple(elts=["
        "JoinedStr(values=[FormattedValue(value=Name(id='a', ctx=Load()), conversion=-1, "
        "format_spec=JoinedStr(values=[Constant(value='<'), FormattedValue(value=Name(id='b', "
        "ctx=Load()), conversion=-1)]))]), List(ctx=Load()), Constant(value=''), "
        "Call(func=Attribute(value=Constant(value=''), attr='join', ctx=Load()), "
        "args=[List(elts=[Constant(value='')], ctx=Load())])], ctx=Load()))])])"
    )


@pytest.mark.parametrize("script", sorted(SCRIPTS.glob("*.py")), ids=lambda path: path.stem)
def test_every_script_has_a_short_fingerprint(script: Path) -> None:
    assert len(fingerprint(script)) == 16
