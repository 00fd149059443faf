"""Benchmarks name only what exists; they run by hand, so nothing else would notice."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BENCHMARKS = ROOT / "benchmarks"
FILES = sorted(BENCHMARKS.rglob("*.py"))


@cache
def _defined(module: str) -> frozenset[str]:
    """Names that a module or package of the project has."""
    path = ROOT / "include" / module.replace(".", "/")
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    inside = {one.stem for one in path.iterdir()} if path.is_dir() else set()
    if not file.is_file():
        return frozenset(inside)
    return frozenset({*inside, *_names(ast.parse(file.read_text()).body)})


def _names(body: list[ast.stmt]) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from (one.asname or one.name for one in node.names)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            yield from (one.id for one in ast.walk(node) if isinstance(one, ast.Name))


@pytest.mark.parametrize("file", FILES, ids=lambda one: str(one.relative_to(BENCHMARKS)))
def test_every_import_from_the_project_exists(file: Path) -> None:
    """A function that was renamed is found, also one that a benchmark alone imports."""
    absent = [
        f"{node.module}.{one.name}"
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "slipway"
        for one in node.names
        if one.name not in _defined(str(node.module))
    ]
    assert not absent
