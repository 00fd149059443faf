"""The structure of the code: import rules, and modules that light imports must not load."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from slipway import errors
from slipway.spec.deployment_targets import TARGETS

PROJECT = Path(__file__).resolve().parents[2]
PACKAGE = PROJECT / "include" / "slipway"
MODULES = sorted(PACKAGE.rglob("*.py"))
HEAVY = {
    "boto3",
    "deltalake",
    "duckdb",
    "evidently",
    "great_expectations",
    "kubernetes",
    "matplotlib",
    "mlflow",
    "numpy",
    "onnx",
    "onnxruntime",
    "pandas",
    "pyarrow",
    "sklearn",
    "skops",
    "xgboost",
}
VAGUE = re.compile(r"(Manager|Handler|Helper|Util|Utils|Common)$|^(manager|helper|util|common)s?$")
LONGEST_FILE_LINES = 300


def loaded_by(statement: str) -> set[str]:
    """Top-level modules that a fresh interpreter has loaded after a statement."""
    code = f"{statement}\nimport sys, json; print(json.dumps(sorted(sys.modules)))"
    output = subprocess.check_output([sys.executable, "-c", code], text=True)
    return {name.partition(".")[0] for name in json.loads(output.splitlines()[-1])}


@cache
def nodes_of(module: Path) -> tuple[ast.AST, ...]:
    """Every node of a module's syntax tree."""
    return tuple(ast.walk(ast.parse(module.read_text())))


def names_in(module: Path) -> Iterator[str]:
    """Names of a module and of its classes."""
    yield module.stem
    for node in nodes_of(module):
        if isinstance(node, ast.ClassDef):
            yield node.name


def target_comparisons(module: Path) -> list[str]:
    """Comparisons of a `target` attribute with the name of a deployment target."""
    found = (node for node in nodes_of(module) if isinstance(node, ast.Compare))
    return [
        ast.unparse(comparison)
        for comparison in found
        if any(
            isinstance(one, ast.Attribute) and one.attr == "target" for one in ast.walk(comparison)
        )
        and any(
            isinstance(one, ast.Constant) and one.value in TARGETS for one in ast.walk(comparison)
        )
    ]


def test_import_contracts_hold() -> None:
    """Imports point down only, and each contract of pyproject.toml is kept."""
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    finished = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout


@pytest.mark.parametrize(
    "module",
    [
        "cli.commands",
        "errors",
        "records.ledger",
        "records.idempotent_stage",
        "settings",
        "spec",
        "wiring",
    ],
)
def test_light_module_loads_no_heavy_one(module: str) -> None:
    """The command line, specs, records and wiring start without ML libraries and Airflow."""
    assert loaded_by(f"import slipway.{module}") & (HEAVY | {"airflow"}) == set()


def test_every_stage_imports_without_its_tools() -> None:
    """All stages together load neither a tool nor a data library."""
    stages = [
        path.relative_to(PACKAGE.parent).with_suffix("").as_posix().replace("/", ".")
        for path in sorted((PACKAGE / "stages").rglob("*.py"))
    ]
    assert loaded_by(f"import {', '.join(stages)}") & (HEAVY | {"airflow"}) == set()


def test_file_can_be_read_in_one_sitting() -> None:
    """No file of the package has more than 300 lines."""
    lines = {module_name(module): len(module.read_text().splitlines()) for module in MODULES}
    assert {name: count for name, count in lines.items() if count > LONGEST_FILE_LINES} == {}


def test_names_say_what_a_thing_is() -> None:
    """No module or class is called Manager, Handler, Helper, Utils or Common."""
    vague = {
        module_name(module): [name for name in names_in(module) if VAGUE.search(name)]
        for module in MODULES
    }
    assert {name: found for name, found in vague.items() if found} == {}


def test_code_asks_for_capabilities_of_a_deployment_target() -> None:
    """No module compares `deployment.target` with a name; `spec/deployment_targets.py` has rows."""
    compared = {module_name(module): target_comparisons(module) for module in MODULES}
    assert {name: found for name, found in compared.items() if found} == {}


@pytest.mark.parametrize("folder", ["dags", "plugins"])
def test_airflow_folder_shadows_no_library(folder: str) -> None:
    """Both folders are on the import path, so no file there has the name of a library."""
    taken = HEAVY | set(sys.stdlib_module_names) | {"airflow", "slipway"}
    assert {path.stem for path in (PROJECT / folder).glob("*.py")} & taken == set()


def test_error_tree_in_the_docstring_is_the_real_one() -> None:
    """The tree that errors.py draws lists every error below its real parent."""
    drawn: dict[str, str] = {}
    ancestors: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        if found := re.match(r"    ((?:[│ ]   )*)(?:[├└]── )?([A-Z]\w+)", line):
            depth = (len(line) - len(line.lstrip(" │├└─"))) // 4 - 1
            ancestors[depth:] = [found[2]]
            drawn[found[2]] = ancestors[depth - 1] if depth else "Exception"
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    assert drawn == {kind.__name__: kind.__bases__[0].__name__ for kind in kinds}


def test_no_module_imports_itself_through_others() -> None:
    """Imports form no cycle, with those inside functions and for annotations."""
    graph = {module_name(path): imported_by(path) for path in MODULES}
    tuple(TopologicalSorter(graph).static_order())


@pytest.mark.parametrize("package", ["serving", "stages"])
def test_no_folder_imports_itself_through_others(package: str) -> None:
    """The folders of serving and of the stages import one another in one direction only."""
    paths = sorted((PACKAGE / package).rglob("*.py"))
    folders = {module_name(path): path.parent for path in paths}
    graph: dict[Path, set[Path]] = {folder: set() for folder in folders.values()}
    for path in paths:
        imported = {folders[name] for name in imported_by(path) if name in folders}
        graph[path.parent] |= imported - {path.parent}
    tuple(TopologicalSorter(graph).static_order())


def module_name(path: Path) -> str:
    """Dotted name of a module of the package."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


@cache
def module_names() -> frozenset[str]:
    """Dotted names of all modules of the package."""
    return frozenset(map(module_name, MODULES))


def imported_by(path: Path) -> set[str]:
    """Modules of the package that a module imports, anywhere in it."""
    names, found = module_names(), set()
    for node in nodes_of(path):
        if isinstance(node, ast.ImportFrom):
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= inner & names or {str(node.module)}
    return found & names - {"slipway"}
