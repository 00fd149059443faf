"""Saved versions of a small model."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.serving.model_versions import TREES, save_version, tamper, use_pipeline


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Asynchronous tests run on asyncio, as the servers do."""
    return "asyncio"


@pytest.fixture(scope="session")
def versions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder per version: 1 and 2 are valid and differ, 3 was tampered with.

    Versions 4 and 5 are answered by their pipelines: a linear model, the same as 1, and trees.
    """
    root = tmp_path_factory.mktemp("versions")
    for number in (1, 2):
        save_version(root / str(number), seed=number)
    shutil.copytree(root / "1", root / "3")
    tamper(root / "3")
    shutil.copytree(root / "1", root / "4")
    save_version(root / "5", seed=1, spec=TREES)
    for number in (4, 5):
        use_pipeline(root / str(number))
    return root
