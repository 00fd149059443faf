"""Every package that the code imports is one that pyproject.toml asks for."""

from __future__ import annotations

import ast
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from itertools import chain
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
COMES_WITH = {
    "botocore": "boto3",
    "httptools": "uvicorn",
    "numpy": "pandas",
    "pydantic_core": "pydantic",
    "sqlalchemy": "optuna",
    "threadpoolctl": "scikit-learn",
    "urllib3": "kubernetes",
}
"""Packages that a declared one cannot do without."""


def imported() -> dict[str, set[str]]:
    """Modules of others that the package imports, in functions too, with the files that do."""
    found: dict[str, set[str]] = defaultdict(set)
    for file in (ROOT / "include" / "slipway").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            for name in _names(node):
                top = name.partition(".")[0]
                if top not in sys.stdlib_module_names and top != "slipway":
                    found[top].add(str(file.relative_to(ROOT)))
    return found


def _names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
        yield node.module


def declared() -> set[str]:
    """Distributions that the wheel asks for, alone or with an extra."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = chain(*project["optional-dependencies"].values())
    asked = map(Requirement, [*project["dependencies"], *extras])
    return {canonicalize_name(one.name) for one in asked}


def test_what_is_imported_is_declared() -> None:
    """So a wheel that is installed with its extras lacks nothing that another one may drop."""
    known, brought_by = declared(), packages_distributions()
    assert set(COMES_WITH.values()) <= known
    undeclared = {}
    for module, files in imported().items():
        distributions = {canonicalize_name(one) for one in brought_by.get(module, [])}
        if distributions.isdisjoint(known) and module not in COMES_WITH:
            undeclared[module] = sorted(files)
    assert undeclared == {}
