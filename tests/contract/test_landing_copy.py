"""Deliveries are copied whole: one contract for a folder and for S3."""

from __future__ import annotations

from pathlib import Path

import pytest

from slipway.adapters.landing_copy import copy_into_landing
from slipway.adapters.object_store import ObjectStore, open_store
from slipway.records.landing_area import list_deliveries, list_undeliverable


@pytest.fixture(params=["folder", "s3"])
def anywhere(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    """A store of each kind in turn."""
    if request.param == "folder":
        return open_store(str(tmp_path / "store"))
    return open_store(request.getfixturevalue("s3_store"))


def parts(folder: Path, *names: str) -> Path:
    """A folder of parts."""
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_bytes(name.encode())
    return folder


def test_a_file_replaces_the_one_before(anywhere: ObjectStore, tmp_path: Path) -> None:
    """Under its key there is the newest content, and nothing beside it."""
    for text in ("one", "two"):
        (tmp_path / "a.csv").write_text(text)
        copy_into_landing(tmp_path / "a.csv", "landing/d/features/a.csv", store=anywhere)
    assert anywhere.read("landing/d/features/a.csv") == b"two"
    assert [entry.key for entry in anywhere.list("landing")] == ["landing/d/features/a.csv"]


def test_a_folder_is_complete_at_its_end(anywhere: ObjectStore, tmp_path: Path) -> None:
    """It is marked as complete, and holds no part of the delivery before."""
    key = "landing/d/features/a.parquet"
    first = parts(tmp_path / "first", "1.parquet", "2.parquet")
    copy_into_landing(first, key, store=anywhere)
    copy_into_landing(parts(tmp_path / "second", "3.parquet"), key, store=anywhere)
    (one,) = list_deliveries(anywhere, "d")
    assert (one.is_complete, one.parts) == (True, (f"{key}/3.parquet",))
    assert list_undeliverable(anywhere, "d") == []


def test_a_folder_is_no_delivery_while_it_is_written(
    anywhere: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is listed meanwhile is not taken."""
    listed: list[object] = []
    upload = anywhere.upload

    def watched(path: Path, key: str) -> None:
        upload(path, key)
        listed.extend(list_deliveries(anywhere, "d"))

    monkeypatch.setattr(anywhere, "upload", watched)
    source = parts(tmp_path / "parts", "1.parquet", "2.parquet")
    copy_into_landing(source, "landing/d/features/a.parquet", store=anywhere)
    assert listed == []
    assert len(list_deliveries(anywhere, "d")) == 1
