"""The write-ahead log, without a server."""

from __future__ import annotations

import errno
import io
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from slipway.adapters.prediction_log import PredictionLog
from slipway.records.store import Store
from slipway.serving.prediction_log.disk_space import DiskNearlyFull
from slipway.serving.prediction_log.shipper import ship_segments
from slipway.serving.prediction_log.write_ahead_log import unshipped_seconds
from slipway.serving.server_options import MIB, Options
from tests.serving.model_versions import MODEL
from tests.serving.prediction_log import record, segments, write_ahead


def test_a_segment_stays_with_its_owner_until_it_is_rolled(store: Store, tmp_path: Path) -> None:
    """A live server's current segment is not shipped; a rolled one is."""
    with write_ahead(tmp_path / "log", Options(roll_seconds=0)) as log:
        log.append(record(1))
        assert ship_segments(store, tmp_path / "log") == 0
        log.roll()
        assert ship_segments(store, tmp_path / "log") == 1
        log.roll()
        assert ship_segments(store, tmp_path / "log") == 0
    assert PredictionLog(store).count(MODEL) == 1


@pytest.mark.parametrize("torn", [False, True])
def test_a_full_disk_tears_one_segment_only(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, torn: bool
) -> None:
    """After a failed append the log continues in a new segment without the failed record."""
    real = os.write

    def full(descriptor: int, data: bytes) -> int:
        real(descriptor, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "no space left on device")

    def stuck(*_: object) -> None:
        raise OSError(errno.EIO, "input/output error")

    with write_ahead(tmp_path / "log") as log:
        log.append(record(1))
        with monkeypatch.context() as patched:
            patched.setattr(os, "write", full)
            if torn:
                patched.setattr(os, "ftruncate", stuck)
            with pytest.raises(OSError, match="no space"):
                log.append(record(2))
        log.append(record(3))
    whole = [segment.read_bytes().endswith(b"\n") for segment in segments(tmp_path)]
    assert sorted(whole) == [not torn, True]
    assert ship_segments(store, tmp_path / "log") == 2
    assert sorted(PredictionLog(store).read(MODEL)["request_id"]) == ["r1", "r3"]


def test_a_disk_that_stays_full_is_not_littered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A segment without its first record is removed."""

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "no space left on device")

    with write_ahead(tmp_path / "log") as log:
        for name in ("write", "rename"):
            with monkeypatch.context() as patched:
                patched.setattr(os, name, full)
                with pytest.raises(OSError, match="no space"):
                    log.append(record(1))
            assert not list((tmp_path / "log" / MODEL).iterdir())
        log.append(record(2))


def test_too_little_space_refuses_until_there_is_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Below the limit nothing is written; with more space the next record is."""
    with write_ahead(tmp_path / "log", Options(min_free_bytes=5 * MIB)) as log:
        disk = list(os.statvfs(tmp_path))
        disk[1], disk[4] = 4096, 1000
        with monkeypatch.context() as patched:
            patched.setattr(os, "statvfs", lambda _: os.statvfs_result(disk))
            with pytest.raises(DiskNearlyFull, match="less than 5 MiB are free"):
                log.append(record(1))
            disk[4] = 2000
            log.append(record(2))
            disk[4] = 1000
            monkeypatch.setattr("slipway.serving.prediction_log.disk_space.CHECK_SECONDS", 0.0)
            log.append(record(3))
            assert log.free_bytes() == 1000 * 4096
    [segment] = segments(tmp_path)
    assert segment.read_bytes().count(b"\n") == 1 + 2


def test_space_is_not_looked_at_for_every_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Free space is read every tenth of a second, since a read costs a system call."""
    looks = []
    real = os.statvfs
    monkeypatch.setattr(os, "statvfs", lambda path: looks.append(path) or real(path))
    monkeypatch.setattr("slipway.serving.prediction_log.disk_space.CHECK_SECONDS", 60.0)
    with write_ahead(tmp_path / "log") as log:
        for number in range(100):
            log.append(record(number))
    # The first record finds no folder yet, and reads again.
    assert len(looks) == 2


@pytest.mark.parametrize("fsync", [False, True])
def test_a_record_waits_for_the_disk_if_asked_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, fsync: bool
) -> None:
    """With fsync every record is on the disk, and so is the name of its segment."""
    records, folders = [], []
    monkeypatch.setattr(os, "fdatasync", records.append)
    monkeypatch.setattr(os, "fsync", folders.append)
    with write_ahead(tmp_path / "log", Options(fsync=fsync)) as log:
        for number in range(3):
            log.append(record(number))
    assert (len(records), len(folders)) == ((3, 1) if fsync else (0, 0))


def test_a_record_that_did_not_reach_the_disk_is_taken_back(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failed fsync refuses the request, so only its repeat is in the log."""

    def failing(_descriptor: int) -> None:
        raise OSError(errno.EIO, "input/output error")

    with write_ahead(tmp_path / "log", Options(fsync=True)) as log:
        log.append(record(1))
        with monkeypatch.context() as patched:
            patched.setattr(os, "fdatasync", failing)
            with pytest.raises(OSError, match="input/output"):
                log.append(record(2))
        log.append(record(2))
    ship_segments(store, tmp_path / "log")
    keys = [entry.key for entry in store.list(f"predictions/{MODEL}")]
    rows = [row for key in keys for row in pq.read_table(io.BytesIO(store.read(key))).to_pylist()]
    assert sorted(row["request_id"] for row in rows) == ["r1", "r2"]


def test_a_clock_that_stands_still_or_goes_back_overwrites_nothing(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Segments of the same nanosecond have different names, here and in the store."""
    for number, moment in enumerate([100, 100, 90, 90]):
        monkeypatch.setattr(time, "time_ns", lambda moment=moment: moment)
        with write_ahead(tmp_path / "log") as log:
            log.append(record(number))
        if number % 2:
            assert ship_segments(store, tmp_path / "log") == 2
    assert PredictionLog(store).count(MODEL) == 4


def test_a_segment_ends_with_the_record_that_fills_it(tmp_path: Path) -> None:
    """The size of a segment limits the shipper's memory."""
    with write_ahead(tmp_path / "log", roll_bytes=1000) as log:
        for number in range(100):
            log.append(record(number))
    sizes = [segment.stat().st_size for segment in segments(tmp_path)]
    assert len(sizes) > 5
    assert max(sizes) < 1100


def test_threads_may_append_at_once(store: Store, tmp_path: Path) -> None:
    """Records of several threads do not mix, across segments too."""
    with write_ahead(tmp_path / "log", roll_bytes=2000) as log, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: log.append(record(number)), range(400)))
    ship_segments(store, tmp_path / "log")
    assert len(set(PredictionLog(store).read(MODEL)["request_id"])) == 400


def test_the_age_of_the_oldest_segment(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also of a segment that the server still writes to."""
    folder = tmp_path / "log"
    assert unshipped_seconds(folder) is None
    now = time.time_ns()
    for age_s in (30, 7):
        monkeypatch.setattr(time, "time_ns", lambda age_s=age_s: now - age_s * 10**9)
        with write_ahead(folder) as log:
            log.append(record(age_s))
            monkeypatch.setattr(time, "time_ns", lambda: now)
            assert unshipped_seconds(folder / MODEL) == 30
    (folder / MODEL / "foreign.wal").touch()
    monkeypatch.setattr(time, "time_ns", lambda: now - 3600 * 10**9)
    assert unshipped_seconds(folder) == 0
    ship_segments(store, folder)
    assert unshipped_seconds(folder) is None
