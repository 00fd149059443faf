"""Find the tests that import a module, directly or through the tests' helpers."""

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
        self._imports = {
            file: _imported(file) for file in sorted((project / "tests").rglob("*.py"))
        }

    def of(self, module: Path) -> list[list[str]]:
        """Test files as paths below the project: direct importers first."""
        wanted = {_dotted(module.relative_to(self._project))}
        direct = self._tests_of(wanted)
        reached = set(wanted)
        while True:
            support = {
                _dotted(file.relative_to(self._project))
                for file, names in self._imports.items()
                if names & reached and not file.name.startswith("test_")
            }
            if support <= reached:
                break
            reached |= support
        return [direct, [name for name in self._tests_of(reached) if name not in direct]]

    def _tests_of(self, modules: set[str]) -> list[str]:
        return [
            str(file.relative_to(self._project))
            for file, names in self._imports.items()
            if names & modules
            and file.name.startswith("test_")
            and file.relative_to(self._project).parts[1] in FOLDERS
        ]


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
