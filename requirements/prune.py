"""Removes the tests that packages bring along: `python prune.py SITE-PACKAGES…`.

Images run it once everything is installed.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

# Named one by one: `evidently.tests`, for one, is no test but a part of what evidently offers.
TESTED = (
    "joblib",
    "matplotlib",
    "mpl_toolkits",
    "numpy",
    "pandas",
    "patsy",
    "pyarrow",
    "scipy",
    "skops",
    "sklearn",
    "statsmodels",
    "websocket",
)


def tests_in(packages: Path) -> list[Path]:
    """Folders of tests, none of which lies in another.

    Args:
        packages: A `site-packages` folder.
    """
    found = [
        folder
        for name in TESTED
        for folder in (packages / name).rglob("tests")
        if folder.is_dir() and "tests" not in folder.relative_to(packages).parts[:-1]
    ]
    return sorted(found)


def main() -> None:
    """Remove them from the folders that are named."""
    for packages in map(Path, sys.argv[1:]):
        for folder in tests_in(packages):
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
