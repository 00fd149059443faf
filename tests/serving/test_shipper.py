"""The shipper: segments of the log become Parquet in the store, exactly once."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from slipway.adapters.prediction_log import PredictionLog
from slipway.errors import StoreUnavailable
from slipway.records.store import Store
from slipway.serving.log import Record
from slipway.serving.shipper import ship_segments
from tests.serving.ground import MODEL
from tests.serving.logs import DAY_US, record, write_ahead


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
    """A server killed in the middle of a write leaves a line that was never acknowledged."""
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


def test_a_damaged_segment_is_kept(store: Store, tmp_path: Path) -> None:
    """What cannot be read is neither shipped by halves nor thrown away."""
    with write_ahead(tmp_path / "log") as log:
        log.append(record(1))
    [segment] = (tmp_path / "log").rglob("*.wal")
    segment.write_bytes(segment.read_bytes() + b"not a record\n")
    ship_segments(store, tmp_path / "log")
    assert segment.with_suffix(".damaged").exists()
    assert not segment.exists()


class Stops:
    """A store whose process dies after some writes: it raises from then on."""

    def __init__(self, store: Store, *, writes: int) -> None:
        self._store = store
        self._left = writes

    def create(self, key: str, data: bytes) -> bool:
        """Write one object, as long as there are writes left."""
        if self._left == 0:
            raise StoreUnavailable("the store does not answer")
        self._left -= 1
        return self._store.create(key, data)


@pytest.mark.parametrize("writes", range(4))
def test_a_shipper_that_died_at_any_moment_repeats_nothing(
    store: Store, tmp_path: Path, writes: int
) -> None:
    """Shipping again after a stop between any two writes leaves each row once in the store."""
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
