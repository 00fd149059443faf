"""Fixtures of contract tests: each kind of store, and a version to register."""

from __future__ import annotations

from pathlib import Path

import pytest

from slipway.adapters.object_store import open_store
from slipway.records.store import Store
from slipway.stages.model.manifest import seal
from tests.fakes.memory_store import MemoryStore


@pytest.fixture(params=["disk", "memory", "s3"])
def any_store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty store of each kind in turn."""
    if request.param == "disk":
        return open_store(str(tmp_path / "store"))
    if request.param == "memory":
        return MemoryStore()
    return open_store(request.getfixturevalue("s3_store"))


@pytest.fixture
def sealed(tmp_path: Path) -> tuple[Path, str]:
    """A model version's folder and the digest of its manifest."""
    folder = tmp_path / "sealed"
    (folder / "slipway").mkdir(parents=True)
    (folder / "model.skops").write_bytes(b"model")
    (folder / "slipway" / "notes on it.txt").write_text("blank, % and é", encoding="utf-8")
    return folder, seal(folder, {"model": "m"})
