"""Run `slipway …` as in an image: only the packages of one lock file are importable.

`python -P tests/support/image.py LOCK ARGUMENT…`, without this folder on the path.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from importlib.machinery import PathFinder
from importlib.metadata import Distribution, packages_distributions
from pathlib import Path
from typing import Any, ClassVar

REQUIREMENTS = Path(__file__).resolve().parents[2] / "requirements"
OURS = "slipway-airflow"


class Installed(PathFinder):
    """A finder of the packages that an image holds.

    Attributes:
        locked: Names of the packages in the lock file.
        absent: Modules of packages outside the lock file.
    """

    locked: ClassVar[frozenset[str]] = frozenset()
    absent: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def find_spec(cls, fullname: str, path: Any = None, target: Any = None) -> Any:
        """The module's spec; raises for a module outside the lock file."""
        missing = path is None and fullname in cls.absent
        return None if missing else super().find_spec(fullname, path, target)

    @classmethod
    def find_distributions(cls, *arguments: Any) -> Iterable[Distribution]:  # type: ignore[override]
        """Distributions of the lock file."""
        found = super().find_distributions(*arguments)
        return (one for one in found if _plain(one.name) in cls.locked)


def enter(lock: str) -> None:
    """Restrict this process to the packages of an image's lock file."""
    text = (REQUIREMENTS / f"{lock}.txt").read_text()
    locked = frozenset(map(_plain, re.findall(r"^([\w.-]+)==", text, re.MULTILINE))) | {OURS}
    modules = packages_distributions()
    Installed.locked = locked
    Installed.absent = frozenset(
        module for module, owners in modules.items() if locked.isdisjoint(map(_plain, owners))
    )
    sys.meta_path[:] = [Installed if one is PathFinder else one for one in sys.meta_path]


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    lock, *arguments = sys.argv[1:]
    enter(lock)
    from slipway.cli.commands import commands

    commands(arguments)
