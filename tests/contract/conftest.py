"""A fixture that gives every contract test each kind of store."""

from __future__ import annotations

from pathlib import Path

import pytest

from slipway.adapters.object_store import open_store
from slipway.records.store import Store
from tests.fakes.memory_store import MemoryStore


@pytest.fixture(params=["disk", "memory", "s3"])
def any_store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty store of each kind in turn."""
    if request.param == "disk":
        return open_store(str(tmp_path / "store"))
    if request.param == "memory":
        return MemoryStore()
    return open_store(request.getfixturevalue("s3_store"))
