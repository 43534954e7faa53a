"""Fingerprints: which of the library's code a job runs, so that editing it reruns that stage.

Snakemake watches a rule's script, not the modules that the script imports.
"""

import ast
import importlib.util
import sys
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from sjft.errors import UserError
from sjft.storage.files import digest_of_text, read_json, write_json

PACKAGE = Path(__file__).parents[1]


class Module(NamedTuple):
    """What counts of a module: the names that it imports, sorted, and a digest of its code."""

    imports: list[str]
    code: str


class Fingerprints:
    """Of the library's code as it is now; an edit is seen by the next object."""

    def __init__(self) -> None:
        """Read all modules of this package."""
        self._modules = _modules_of(PACKAGE)

    def of(self, script: Path, chosen: str | None = None) -> str:
        """Digest of all modules of this package that a script imports, directly or not.

        ``chosen`` is the module that its job loads by name from a registry, such as
        `sjft.retrieval.index.annoy`. Comments, docstrings and layout do not count, nor Python's
        version: only what is executed. Nor do the registries' tables, so that a new entry is no
        reason for the others' jobs.
        """
        names = imported_names(ast.parse(script.read_text(encoding="utf-8")))
        reached = sorted(self._reached([*names, *([chosen] if chosen else [])]))
        return digest_of_text("".join(f"{p}\n{self._modules[p].code}\n" for p in reached))[:16]

    def _reached(self, names: Iterable[str]) -> set[str]:
        waiting = {path for name in names for path in self._files_of(name)}
        reached: set[str] = set()
        while waiting:
            path = waiting.pop()
            reached.add(path)
            imports = self._modules[path].imports
            waiting |= {file for name in imports for file in self._files_of(name)} - reached
        return reached

    def _files_of(self, name: str) -> list[str]:
        """The files that an import of a name executes: its packages' and its own."""
        package, *parts = name.split(".")
        if package != PACKAGE.name:
            return []
        places = ["/".join(parts[:length]) for length in range(len(parts) + 1)]
        candidates = [f"{place}/__init__.py".lstrip("/") for place in places]
        return [path for path in (*candidates, f"{places[-1]}.py") if path in self._modules]


def _modules_of(package: Path) -> dict[str, Module]:
    """All modules below a folder, by their paths in it.

    What was found out is kept by the modules' texts where Python keeps compiled modules, under the
    same conditions: to parse them all takes longer than all else that Snakemake does to begin.
    """
    texts = {
        path.relative_to(package).as_posix(): path.read_text(encoding="utf-8")
        for path in package.rglob("*.py")
    }
    ours = Path(__file__).read_text(encoding="utf-8")
    digests = {path: digest_of_text(f"{ours}\n{text}") for path, text in texts.items()}
    file = Path(importlib.util.cache_from_source(package / "fingerprints.py")).with_suffix(".json")
    try:
        kept = {digest: Module(*known) for digest, known in read_json(file).items()}
    except UserError:  # none, or damaged
        kept = {}
    modules = {path: kept.get(digests[path]) or _read(text) for path, text in texts.items()}
    new = {digest: modules[path] for path, digest in sorted(digests.items())}
    if new != kept and not sys.dont_write_bytecode:
        with suppress(UserError):  # where nobody may write, they are parsed each time
            write_json(file, new)
    return modules


@cache
def _read(text: str) -> Module:
    tree = ast.parse(text)
    imports = imported_names(tree)
    tree.body = [node for node in tree.body if not _is_table_of_modules(node)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body
            if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
                node.body = body[1:]
    return Module(imports, digest_of_text(written(tree)))


def imported_names(tree: ast.Module) -> list[str]:
    """All that a module imports at any place, and what it may be: a module or a name in one."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return sorted(names)


def written(value: Any) -> str:
    """Code as text that is the same for every version of Python, as `ast.dump`'s is not.

    A field that is empty is as one that an older version does not know.
    """
    if isinstance(value, ast.AST):
        fields = dict(ast.iter_fields(value))
        if isinstance(value, ast.JoinedStr):  # some put an empty text behind `{name:<{width}}`
            fields["values"] = [part for part in value.values if not _is_empty_text(part)]
        named = [f"{name}={written(x)}" for name, x in fields.items() if x is not None and x != []]
        return f"{type(value).__name__}({', '.join(named)})"
    if isinstance(value, list):
        return f"[{', '.join(map(written, value))}]"
    return repr(value)


def _is_empty_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value == ""


def _is_table_of_modules(node: ast.stmt) -> bool:
    """Whether a statement is a registry's: texts by name, all of them modules of this package."""
    value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
    return isinstance(value, ast.Dict) and all(
        isinstance(entry, ast.Constant) and str(entry.value).startswith(f"{PACKAGE.name}.")
        for entry in value.values
    )
