"""A full disk: the error names the folder and what to do, and a repeat with room succeeds."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from shutil import which

import pandas as pd
import pytest

from slipway.adapters.delta_tables import DeltaTables
from slipway.adapters.mlflow_server.api import MlflowApi
from slipway.adapters.object_store import open_store
from slipway.adapters.row_spool import ArrowSpool, open_spool
from slipway.errors import DiskFull, RegistryUnavailable, StoreUnavailable, Transient
from slipway.records.attempts import begin_attempt
from slipway.records.run_records import RunRef
from slipway.records.scratch_folder import scratch_folder
from slipway.values.value_types import ColumnType
from tests.fakes.memory_store import MemoryStore
from tests.support.answers import answering
from tests.support.ingest_env import IngestEnv, features_csv

FULL_FILE = "/dev/full"
"""A file whose disk is always full."""


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 KiB."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    mount, umount = which("mount"), which("umount")
    if mount is None or umount is None:
        pytest.skip("a small disk cannot be mounted here")
    options = [mount, "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if subprocess.run(options, check=False, capture_output=True).returncode:
        pytest.skip("a small disk can only be mounted by root")
    yield folder
    subprocess.run([umount, "--lazy", str(folder)], check=True)


def spool_on_a_full_disk(
    folder: Path, columns: Mapping[str, ColumnType]
) -> AbstractContextManager[ArrowSpool]:
    """Open a spool that has no room for a row."""
    (folder / "rows.arrow").symlink_to(FULL_FILE)
    return open_spool(folder, columns)


def failure_of(api: MlflowApi) -> RegistryUnavailable:
    """Error of a request that the server fails."""
    with pytest.raises(RegistryUnavailable) as failed:
        api.get("runs/get")
    return failed.value


def test_a_full_temporary_folder_in_ingest_is_named_and_can_be_retried() -> None:
    """With what was needed; nothing is registered, and the next try with room publishes."""
    env = IngestEnv(open_spool=spool_on_a_full_disk)
    env.land("features/b1.csv", features_csv(1))
    with pytest.raises(DiskFull) as full:
        env.run()
    text = str(full.value)
    assert issubclass(DiskFull, Transient)
    assert "room for the delivery (0.0 MiB) and its rows" in text
    assert "slipway-ingest-" in text
    assert "hint: free space there, or set TMPDIR" in text
    env.open_spool = open_spool
    assert [one.action for one in env.run()] == ["ingested"]


def test_a_download_that_has_no_room_does_not_blame_the_store(tmp_path: Path) -> None:
    """The local folder is full, and the store is well."""
    store = open_store(str(tmp_path / "store"))
    store.write("landing/x.csv", b"a,b\n")
    (tmp_path / "copy").symlink_to(FULL_FILE)
    with pytest.raises(DiskFull) as full:
        store.download("landing/x.csv", tmp_path / "copy")
    assert "SLIPWAY_STORE" not in str(full.value)
    assert "room for a copy of landing/x.csv" in str(full.value)


def test_without_any_temporary_folder_the_setting_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that cannot be written is no bare error of the operating system."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "absent"))
    with pytest.raises(DiskFull, match="set TMPDIR"), scratch_folder("x-", needs="a file"):
        pass


def test_other_errors_of_files_stay_what_they_are() -> None:
    """Only a full disk is told as one."""
    with pytest.raises(FileNotFoundError), scratch_folder("x-", needs="a file") as folder:
        (folder / "absent").read_bytes()


def test_a_full_store_is_told_as_full(tiny_disk: Path) -> None:
    """Objects, uploads and commits to tables: the hint is to free space there."""
    store = open_store(str(tiny_disk))
    big = tiny_disk.parent / "big"
    big.write_bytes(bytes(200_000))
    rows = pd.DataFrame({"id": [f"{row:032d}{row}" for row in range(40_000)]})
    with pytest.raises(StoreUnavailable, match="its disk is full") as written:
        store.write("quarantine/x", bytes(200_000))
    with pytest.raises(StoreUnavailable, match="its disk is full"):
        store.upload(big, "quarantine/y")
    attempt = begin_attempt(MemoryStore(), RunRef("d", "r", "ingest"), inputs={}, origin={})
    with pytest.raises(StoreUnavailable, match="its disk is full") as committed:
        DeltaTables(str(tiny_disk)).publish(
            "d/features", [rows], batch="b", writer="w", attempt=attempt, note={}
        )
    for error in (written.value, committed.value):
        assert "hint: free space on the disk of SLIPWAY_STORE" in str(error)


def test_a_full_disk_of_mlflow_is_no_text_of_its_database() -> None:
    """Neither the statement nor its values are repeated."""
    text = "(sqlite3.OperationalError) database or disk is full\n[SQL: INSERT INTO x]\n[(1, 'v')]"
    with answering(500, {"error_code": "INTERNAL_ERROR", "message": text}) as url:
        failed = failure_of(MlflowApi(url))
    assert "its disk is full" in str(failed)
    assert "hint: free space where it keeps its database" in str(failed)


def test_an_error_of_mlflows_database_is_cut_before_the_statement() -> None:
    """Values of a statement reach no log."""
    text = "(sqlite3.OperationalError) database is locked\n[SQL: INSERT INTO x]\n[(1, 'v')]"
    with answering(500, {"error_code": "INTERNAL_ERROR", "message": text}) as url:
        failed = failure_of(MlflowApi(url))
    assert "database is locked" in str(failed)
    assert "SQL" not in str(failed)
