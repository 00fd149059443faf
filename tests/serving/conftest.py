"""Two versions of a small model, saved once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.serving.ground import save_version, tamper


@pytest.fixture(scope="session")
def versions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder per version: 1 and 2 are sound and differ, 3 was tampered with."""
    root = tmp_path_factory.mktemp("versions")
    for number in (1, 2):
        save_version(root / str(number), seed=number)
    shutil.copytree(root / "1", root / "3")
    tamper(root / "3")
    return root
