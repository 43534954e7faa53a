"""Each package of the library imports only what stands before it, in the data's order."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import sjft

LIBRARY = Path(sjft.__file__).parent
# As the library's own docstring tells them.
ORDER = re.findall(
    r"``(\w+)``", "\n".join(re.findall(r"^- (.+?):", sjft.__doc__ or "", flags=re.MULTILINE))
)
MODULES = sorted(path for path in LIBRARY.rglob("*.py") if path.parent != LIBRARY)
# Beside a docstring they hold the list of what there is to choose from.
REGISTRIES = {"data/readers", "descriptors/banks", "retrieval/index"}


def imported(text: str) -> Iterator[str]:
    """The packages of the library that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, "relative imports hide the way"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            top, _, rest = name.partition(".")
            if top == "sjft" and rest != "__version__":
                yield rest.partition(".")[0]


def test_the_order_names_every_package() -> None:
    packages = {path.parent.name for path in LIBRARY.glob("*/__init__.py")}
    modules = {path.stem for path in LIBRARY.glob("*.py")} - {"__init__"}
    assert sorted(ORDER) == sorted(packages | modules)


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(LIBRARY)))
def test_a_module_imports_only_what_stands_before_its_package(module: Path) -> None:
    own = ORDER.index(module.relative_to(LIBRARY).parts[0])
    after = {name for name in imported(module.read_text("utf-8")) if ORDER.index(name) > own}
    assert not after, f"{module.relative_to(LIBRARY)} imports {sorted(after)}, which stand after it"


def test_packages_hold_a_docstring_alone() -> None:
    for path in LIBRARY.glob("*/**/__init__.py"):
        if str(path.parent.relative_to(LIBRARY)) not in REGISTRIES:
            body = ast.parse(path.read_text("utf-8")).body
            assert len(body) == 1 and ast.get_docstring(ast.parse(path.read_text("utf-8"))), path


def test_the_library_knows_nothing_of_snakemake() -> None:
    for path in MODULES:
        assert not re.search(r"^\s*(from|import) snakemake", path.read_text("utf-8"), re.M), path


def test_the_rules_hold_few_functions() -> None:
    """What a rule looks up is the library's, typed and tested there: 150 lines are left."""
    lines = 0
    for file in (LIBRARY.parent / "rules").glob("*.smk"):
        inside = False
        for line in file.read_text(encoding="utf-8").splitlines():
            if line[:1].strip() and not line.startswith("#"):
                inside = line.startswith(("def ", "class "))
            lines += bool(inside and line.strip())
    assert 0 < lines < 150


def test_to_read_the_rules_costs_no_large_library(tmp_path: Path) -> None:
    # Snakemake reads them at the start of every run, and for each job that it starts elsewhere.
    rules = [LIBRARY.parents[1] / "Snakefile", *(LIBRARY.parent / "rules").glob("*.smk")]
    imports = re.compile(r"^(?:from sjft.*? import (?:\([^)]*\)|.*)|import sjft.*)$", re.MULTILINE)
    found = [line for path in rules for line in imports.findall(path.read_text("utf-8"))]
    assert len(found) > 20
    large = ["torch", "torchvision", "numba", "scipy.stats", "pandas", "jinja2", "annoy"]
    asked = f"import sys; print([name for name in {large} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", "\n".join([*found, asked])],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(LIBRARY.parent)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    "script",
    [
        *("list_images", "hash_images", "build_histograms", "search_shard", "merge_neighbours"),
        *("select_subset", "choose", "summarise", "ablate", "describe", "explore"),
    ],
)
def test_a_stage_without_a_network_does_not_load_torch(script: str, tmp_path: Path) -> None:
    # It takes 700 MB and three seconds, and editing what trains would run the stage again.
    asked = f"import sys, {script}; print('torch' in sys.modules)"
    scripts = LIBRARY.parent / "scripts"
    done = subprocess.run(
        [sys.executable, "-c", asked],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (LIBRARY.parent, scripts)))},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "False\n"
