"""Segments on a volume that outlives its servers: a successor ships what no server holds."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from slipway.adapters.object_store import open_store
from slipway.adapters.prediction_log import PredictionLog
from slipway.serving.prediction_log.shipper import ship
from tests.serving.model_versions import MODEL
from tests.serving.prediction_log import record, write_ahead
from tests.serving.processes import until


@pytest.fixture
def kept_signals() -> Iterator[None]:
    """Handlers of signals as before the test: a shipper sets its own."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def count(folder: Path) -> int:
    """Predictions in the store."""
    return PredictionLog(open_store(str(folder / "store"))).count(MODEL)


def recover(folder: Path) -> None:
    """What a pod does before its server starts."""
    ship(
        store_root=str(folder / "store"),
        log_folder=folder / "claim" / "successor",
        beside=folder / "claim",
        once=True,
    )


@pytest.mark.usefixtures("kept_signals")
def test_a_successor_ships_what_a_lost_server_left(tmp_path: Path) -> None:
    """Every record that was acknowledged, once; a repeat ships nothing."""
    with write_ahead(tmp_path / "claim" / "lost") as log:
        log.append(record(1))
        log.append(record(2))
    recover(tmp_path)
    assert count(tmp_path) == 2
    recover(tmp_path)
    assert count(tmp_path) == 2
    assert list((tmp_path / "claim").rglob("*.wal")) == []


@pytest.mark.usefixtures("kept_signals")
def test_a_segment_of_a_server_that_lives_is_left_to_it(tmp_path: Path) -> None:
    """It holds a lock, wherever its successor looks from."""
    with write_ahead(tmp_path / "claim" / "alive") as log:
        log.append(record(1))
        recover(tmp_path)
        assert count(tmp_path) == 0
        log.append(record(2))
    recover(tmp_path)
    assert count(tmp_path) == 2


@pytest.mark.usefixtures("kept_signals")
def test_segments_on_a_networks_disk_are_shipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There an exclusive lock needs a file that is open for writing, as flock(2) says of NFS."""
    real = fcntl.flock

    def flock(file: int | IO[bytes], operation: int) -> None:
        descriptor = file if isinstance(file, int) else file.fileno()
        if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise OSError(errno.EBADF, "bad file descriptor")
        real(file, operation)

    monkeypatch.setattr(fcntl, "flock", flock)
    with write_ahead(tmp_path / "claim" / "lost") as log:
        log.append(record(1))
    recover(tmp_path)
    assert count(tmp_path) == 1


def test_a_shipper_that_runs_looks_at_the_others_again(tmp_path: Path) -> None:
    """The lock of a lost node may end after its successor has started."""
    command = [Path(sys.executable).with_name("slipway"), "ship", "--beside", tmp_path / "claim"]
    places = {"SLIPWAY_STORE": tmp_path / "store", "SLIPWAY_SCRATCH": tmp_path / "mine"}
    env = os.environ | {name: str(path) for name, path in places.items()}
    with write_ahead(tmp_path / "claim" / "lost") as log:
        log.append(record(1))
        shipping = subprocess.Popen(command, env=env, cwd=tmp_path)
        time.sleep(2.0)
        assert count(tmp_path) == 0
    try:
        until(lambda: count(tmp_path) == 1, "the segment is in the store")
    finally:
        shipping.terminate()
        assert shipping.wait(30) == 0


@pytest.mark.usefixtures("kept_signals")
def test_a_store_that_is_away_does_not_keep_a_server_from_starting(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The recovery ends with its patience and says so; the segments stay for the shipper."""
    with write_ahead(tmp_path / "claim" / "lost") as log:
        log.append(record(1))
    (tmp_path / "store").write_text("no folder")
    recover(tmp_path)
    assert "is not shipped yet" in caplog.text
    (tmp_path / "store").unlink()
    recover(tmp_path)
    assert count(tmp_path) == 1
