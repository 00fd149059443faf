"""Find the tests that import a module: directly, by helpers, or by what imports it."""

from __future__ import annotations

import ast
from pathlib import Path

FOLDERS = ("unit", "contract", "serving")


class Importers:
    """Index of the project's test files by imported module.

    Args:
        project: Root of the project.
    """

    def __init__(self, project: Path) -> None:
        self._project = project
        self._imports = _imports_below(project / "tests")
        self._package = _imports_below(project / "include" / "slipway")

    def of(self, module: Path) -> list[list[str]]:
        """Test files as paths below the project, nearest first.

        Importers of the module, then those whose helpers import it, then those that reach it by
        a module of the package that imports it.
        """
        wanted = {_dotted(module.relative_to(self._project))}
        importers = {
            _dotted(file.relative_to(self._project))
            for file, names in self._package.items()
            if names & wanted
        }
        tiers: list[list[str]] = []
        for modules in (wanted, self._with_helpers(wanted), self._with_helpers(importers)):
            before = {name for tier in tiers for name in tier}
            tiers.append([name for name in self._tests_of(modules) if name not in before])
        return tiers

    def _with_helpers(self, modules: set[str]) -> set[str]:
        """These modules and the helpers of tests that import them in any number of steps."""
        reached = set(modules)
        while True:
            helpers = {
                _dotted(file.relative_to(self._project))
                for file, names in self._imports.items()
                if names & reached and not file.name.startswith("test_")
            }
            if helpers <= reached:
                return reached
            reached |= helpers

    def _tests_of(self, modules: set[str]) -> list[str]:
        return [
            str(file.relative_to(self._project))
            for file, names in self._imports.items()
            if names & modules
            and file.name.startswith("test_")
            and file.relative_to(self._project).parts[1] in FOLDERS
        ]


def _imports_below(folder: Path) -> dict[Path, set[str]]:
    return {file: _imported(file) for file in sorted(folder.rglob("*.py"))}


def _imported(file: Path) -> set[str]:
    """Modules and names that a file imports."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return names


def _dotted(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removeprefix("include.").removesuffix(".__init__")
