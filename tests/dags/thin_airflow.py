"""A process restricted to the packages of one lock file, although more are installed.

Tests run it as `python -m tests.dags.thin_airflow LOCK`, with Python code on standard input.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.metadata import packages_distributions
from pathlib import Path
from types import ModuleType

PINNED = re.compile(r"^([A-Za-z0-9._-]+)(\[[^]]*\])?==", re.MULTILINE)


def plain(name: str) -> str:
    """A distribution's name in normal form."""
    return re.sub(r"[-_.]+", "-", name).lower()


class OnlyLocked(MetaPathFinder):
    """A finder that hides all modules of distributions outside a lock file.

    Args:
        lock: A file of pinned requirements.
    """

    def __init__(self, lock: Path) -> None:
        locked = {plain(name) for name, _ in PINNED.findall(lock.read_text())}
        self.hidden = {
            module
            for module, brought_by in packages_distributions().items()
            if not locked & {plain(one) for one in brought_by}
        } - {"slipway", "tests"}

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Raise for a hidden module; leave others to the next finder."""
        del path, target
        if fullname.partition(".")[0] in self.hidden:
            raise ModuleNotFoundError(f"{fullname} is not in the lock", name=fullname)
        return None


if __name__ == "__main__":
    finder = OnlyLocked(Path(sys.argv[1]))
    sys.meta_path.insert(0, finder)
    exec(compile(sys.stdin.read(), "<work>", "exec"), {"finder": finder})  # noqa: S102
