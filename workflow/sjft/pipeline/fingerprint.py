"""Fingerprints: which of the library's code a job runs, so that editing it reruns that stage.

Snakemake watches a rule's script, not the modules that the script imports.
"""

import ast
import hashlib
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[1]


def fingerprint(script: Path, chosen: str | None = None) -> str:
    """Digest of all modules of this package that a script imports, directly or not.

    ``chosen`` is the module that its job loads by name from a registry, such as
    `sjft.retrieval.index.annoy`. Comments, docstrings and layout do not count: only what is
    executed. Nor do the registries' tables, so that a new entry is no reason for the others' jobs.
    """
    digest = hashlib.blake2b(digest_size=8)
    for module in sorted(_reached(script, chosen)):
        digest.update(f"{module.relative_to(PACKAGE)}\n{_code(_text_of(module))}".encode())
    return digest.hexdigest()


def _reached(script: Path, chosen: str | None) -> set[Path]:
    waiting = _imported(script) + (_files_of(chosen) if chosen else [])
    reached: set[Path] = set()
    while waiting:
        module = waiting.pop()
        if module not in reached:
            reached.add(module)
            waiting += _imported(module)
    return reached


def _text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _imported(path: Path) -> list[Path]:
    """The package's modules that a file imports, with the packages that they are in."""
    return [found for name in _imported_names(_text_of(path)) for found in _files_of(name)]


# This and `_code` are remembered by the text, so that they follow a file that is edited.
@cache
def _imported_names(text: str) -> frozenset[str]:
    names = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return frozenset(names)


def _files_of(name: str) -> list[Path]:
    parts = name.split(".")
    if parts[0] != PACKAGE.name:
        return []
    places = [PACKAGE.joinpath(*parts[1:length]) for length in range(1, len(parts) + 1)]
    candidates = [place / "__init__.py" for place in places] + [places[-1].with_suffix(".py")]
    return [candidate for candidate in candidates if candidate.is_file()]


@cache
def _code(text: str) -> str:
    tree = ast.parse(text)
    tree.body = [node for node in tree.body if not _is_table_of_modules(node)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body
            if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
                node.body = body[1:]
    return ast.dump(tree)


def _is_table_of_modules(node: ast.stmt) -> bool:
    """Whether a statement is a registry's: texts by name, all of them modules of this package."""
    value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
    return isinstance(value, ast.Dict) and all(
        isinstance(entry, ast.Constant) and str(entry.value).startswith(f"{PACKAGE.name}.")
        for entry in value.values
    )
