"""The shipper: segments of the log become Parquet in the store, exactly once."""

from __future__ import annotations

import gc
import os
import signal
import time
from datetime import date
from pathlib import Path
from threading import Event

import pyarrow as pa
import pytest

from slipway.adapters.object_store import open_store
from slipway.adapters.prediction_log import PredictionLog
from slipway.errors import StoreUnavailable
from slipway.records.store import Store
from slipway.serving.prediction_log import shipper
from slipway.serving.prediction_log.shipper import FORGOTTEN_SECONDS, ship_segments
from slipway.serving.prediction_log.write_ahead_log import Record
from tests.serving.model_versions import MODEL
from tests.serving.prediction_log import DAY_US, record, segments, write_ahead
from tests.serving.processes import running_shipper, until


def test_rows_arrive_by_day_of_event_time(store: Store, tmp_path: Path) -> None:
    """A segment of several days becomes a file per day, and the reader finds every column."""
    with write_ahead(tmp_path / "log") as log:
        log.append(record(1, days=(1, 2)))
        log.append(record(2, days=(2, 400)))
        log.append(Record("r3", 5 * DAY_US, None, None, [[None], [None]], [0.5], probe=False))
    assert ship_segments(store, tmp_path / "log") == 1
    reader = PredictionLog(store)
    assert reader.days(MODEL) == [
        date(1970, 1, 2),
        date(1970, 1, 3),
        date(1970, 1, 6),
        date(1971, 2, 5),
    ]
    rows = reader.read(MODEL).set_index(["request_id", "row"])
    assert len(rows) == 5
    assert rows.loc[("r2", 1), "key"] == "k2-400"
    assert rows.loc[("r1", 0), ["version", "score", "distance", "carrier"]].tolist() == [
        4,
        0.25,
        1.5,
        "AA",
    ]
    assert rows.loc[("r3", 0), "event_time"] == rows.loc[("r3", 0), "received_at"]
    assert rows.loc[("r3", 0), ["key", "distance", "carrier"]].isna().all()


def test_a_torn_last_line_is_dropped(store: Store, tmp_path: Path) -> None:
    """A server killed during a write leaves a line that was never acknowledged."""
    with write_ahead(tmp_path / "log") as log:
        log.append(record(1))
        log.append(record(2))
    [segment] = (tmp_path / "log").rglob("*.wal")
    segment.write_bytes(segment.read_bytes()[:-7])
    assert ship_segments(store, tmp_path / "log") == 1
    assert PredictionLog(store).read(MODEL)["request_id"].tolist() == ["r1"]


@pytest.mark.parametrize("size", [0, 5])
def test_a_segment_without_a_whole_line_is_dropped(store: Store, tmp_path: Path, size: int) -> None:
    """A server killed at its first write leaves nothing to ship."""
    (tmp_path / MODEL).mkdir()
    (tmp_path / MODEL / "x.wal").write_bytes(b"[" * size)
    assert ship_segments(store, tmp_path) == 1
    assert not list(tmp_path.rglob("*.wal"))


@pytest.mark.parametrize(
    "line",
    [
        b"not a record",
        b"[]",
        b'["r",1,null,null,[[1.5]],[0.5],false]',
        b'["r",1,["a","b"],null,[[1.5],["AA"]],[0.5],false]',
        b'["r",1,null,null,[["AA"],["AA"]],[0.5],false]',
        b'["r",99999999999999999999,null,null,[[1.5],["AA"]],[0.5],false]',
        b'["r",1,null,[9000000000000000000],[[1.5],["AA"]],[0.5],false]',
        b"\xff\xfe\x00",
    ],
)
def test_a_damaged_segment_is_kept(store: Store, tmp_path: Path, line: bytes) -> None:
    """A damaged segment is neither shipped nor deleted; the others are shipped."""
    for number in (1, 2):
        with write_ahead(tmp_path / "log") as log:
            log.append(record(number))
    [segment, _] = segments(tmp_path)
    segment.write_bytes(segment.read_bytes() + line + b"\n")
    ship_segments(store, tmp_path / "log")
    assert segment.with_suffix(".damaged").exists()
    assert not segments(tmp_path)
    assert PredictionLog(store).read(MODEL)["request_id"].tolist() == ["r2"]


def test_a_segment_that_cannot_be_opened_holds_up_no_other(store: Store, tmp_path: Path) -> None:
    """The others are shipped; then the error is raised, and a later try ships the rest."""
    with write_ahead(tmp_path / "log") as log:
        log.append(record(1))
    (tmp_path / "log" / MODEL / "a.wal").mkdir()
    with pytest.raises(IsADirectoryError):
        ship_segments(store, tmp_path / "log")
    assert PredictionLog(store).count(MODEL) == 1


def test_a_segment_is_not_called_damaged_for_lack_of_memory(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Arrow's out-of-memory error is also one of its ordinary errors."""
    with write_ahead(tmp_path / "log") as log:
        log.append(record(1))

    def hungry(_table: pa.Table) -> bytes:
        raise pa.lib.ArrowMemoryError("malloc failed")

    with monkeypatch.context() as patched:
        patched.setattr(shipper, "_parquet", hungry)
        with pytest.raises(MemoryError):
            ship_segments(store, tmp_path / "log")
    assert ship_segments(store, tmp_path / "log") == 1


def test_a_segment_is_read_a_part_at_a_time(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With parts of any size, a day of a segment is one file with all rows."""
    monkeypatch.setattr(shipper, "PART_BYTES", 200)
    with write_ahead(tmp_path / "log") as log:
        for number in range(50):
            log.append(record(number, days=(1, 2)))
    ship_segments(store, tmp_path / "log")
    assert len(store.list(f"predictions/{MODEL}")) == 2
    assert PredictionLog(store).count(MODEL) == 100


def test_a_segment_is_removed_once_its_file_is_on_the_disk(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a power cut at least one of both exists."""
    with write_ahead(tmp_path / "log") as log:
        log.append(record(1))
    waits: list[int] = []

    def fsync(_descriptor: int) -> None:
        waits.append(len(segments(tmp_path)))

    monkeypatch.setattr(os, "fsync", fsync)
    ship_segments(store, tmp_path / "log")
    assert (waits, segments(tmp_path)) == ([1, 1], [])


def test_probes_are_kept_apart(store: Store, tmp_path: Path) -> None:
    """The platform's probes are not predictions for clients."""
    with write_ahead(tmp_path / "log") as log:
        log.append(record(1))
        log.append(Record("probe", DAY_US, None, None, [[1.0], ["AA"]], [0.5], probe=True))
    ship_segments(store, tmp_path / "log")
    assert PredictionLog(store).read(MODEL)["request_id"].tolist() == ["r1"]
    assert len(store.list(f"probes/{MODEL}")) == 1


def test_what_a_server_left_nameless_is_swept_away_later(store: Store, tmp_path: Path) -> None:
    """A segment without its final name is old: a live server renames within microseconds."""
    folder = tmp_path / MODEL
    folder.mkdir()
    (folder / "young.new").touch()
    (folder / "old.new").touch()
    long_ago = time.time() - 2 * FORGOTTEN_SECONDS
    os.utime(folder / "old.new", (long_ago, long_ago))
    ship_segments(store, tmp_path)
    assert [path.name for path in folder.iterdir()] == ["young.new"]


class Stops:
    """A store whose process dies after some writes: every later call raises."""

    def __init__(self, store: Store, *, writes: int) -> None:
        self._store = store
        self._left = writes

    def create(self, key: str, data: bytes) -> bool:
        """Write one object, while writes are left."""
        if self._left == 0:
            raise StoreUnavailable("the store does not answer")
        self._left -= 1
        return self._store.create(key, data)

    def uri(self, key: str) -> str:
        """Where an object is."""
        return self._store.uri(key)


@pytest.mark.parametrize("writes", range(4))
def test_a_shipper_that_died_at_any_moment_repeats_nothing(
    store: Store, tmp_path: Path, writes: int
) -> None:
    """A restart after a stop between any two writes leaves each row once in the store."""
    with write_ahead(tmp_path / "log") as log:
        log.append(record(1, days=(1, 2, 3)))
    if writes < 3:
        with pytest.raises(StoreUnavailable):
            ship_segments(Stops(store, writes=writes), tmp_path / "log")  # type: ignore[arg-type]
        assert ship_segments(store, tmp_path / "log") == 1
    else:
        copy = next((tmp_path / "log").rglob("*.wal"))
        raw = copy.read_bytes()
        ship_segments(store, tmp_path / "log")
        copy.write_bytes(raw)
        ship_segments(store, tmp_path / "log")
    assert len(store.list(f"predictions/{MODEL}")) == 3
    assert PredictionLog(store).count(MODEL) == 3


def test_the_shipper_waits_longer_after_each_failure_and_as_ever_afterwards(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pause doubles while the store is away, and is the usual one once it is back."""
    outcomes = [None, "away", "away", "away", None, "away"]
    pauses: list[float] = []

    class Stop(Event):
        def wait(self, timeout: float | None = None) -> bool:
            pauses.append(timeout or 0.0)
            if len(pauses) == len(outcomes):
                self.set()
            return self.is_set()

    def ship_or_fail(*_: object) -> int:
        if len(pauses) < len(outcomes) and outcomes[len(pauses)]:
            raise StoreUnavailable("the store does not answer")
        return 0

    monkeypatch.setattr(shipper, "ship_segments", ship_or_fail)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(gc, "set_threshold", lambda *_: None)
    shipper.ship(store_root=store.root, log_folder=tmp_path, poll_seconds=0.5, stop=Stop())
    assert pauses == [0.5, 1.0, 2.0, 4.0, 0.5, 1.0]


def test_a_shipper_that_starts_without_its_store_waits_for_it(tmp_path: Path) -> None:
    """It retries, and ships once the store is available."""
    (tmp_path / "store").touch()
    with write_ahead(tmp_path / "log") as log:
        log.append(record(1))
    with running_shipper(str(tmp_path / "store"), tmp_path / "log") as process:
        until(lambda: "next try" in process.output.read_text(), "it has tried in vain")
        (tmp_path / "store").unlink()
        until(lambda: not segments(tmp_path), "the segment is shipped")
    assert PredictionLog(open_store(str(tmp_path / "store"))).count(MODEL) == 1
