"""The write-ahead log and its shipper, without a server."""

from __future__ import annotations

import errno
import os
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from slipway.adapters.prediction_log import PredictionLog
from slipway.errors import StoreUnavailable
from slipway.records.store import Store
from slipway.serving.answering import Limits, LoadedModel, ModelFailed, NotLogged
from slipway.serving.log import Header, Record, WriteAheadLog
from slipway.serving.shipper import ship_segments
from tests.serving.ground import MODEL, flights, request_of

HEADER = Header(MODEL, 4, [("distance", "number"), ("carrier", "string")])
DAY_US = 24 * 3600 * 1_000_000


def record(number: int, *, days: tuple[int, ...] = (1,)) -> Record:
    """An answered request with a row on each of some days since 1970."""
    return Record(
        request_id=f"r{number}",
        received_us=99 * DAY_US,
        keys=[f"k{number}-{day}" for day in days],
        event_times_us=[day * DAY_US for day in days],
        columns=[[1.5] * len(days), ["AA"] * len(days)],
        scores=[0.25] * len(days),
        probe=False,
    )


def write_ahead(folder: Path, *, roll_seconds: float = 60) -> WriteAheadLog:
    """A log of the model."""
    return WriteAheadLog(folder / MODEL, header=HEADER, roll_seconds=roll_seconds)


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


def test_a_segment_stays_with_its_owner_until_it_is_rolled(store: Store, tmp_path: Path) -> None:
    """What a live server still writes to is not shipped; what it rolled is."""
    with write_ahead(tmp_path / "log", roll_seconds=0) as log:
        log.append(record(1))
        assert ship_segments(store, tmp_path / "log") == 0
        log.roll()
        assert ship_segments(store, tmp_path / "log") == 1
        log.roll()
        assert ship_segments(store, tmp_path / "log") == 0
    assert PredictionLog(store).count(MODEL) == 1


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


def test_a_full_disk_tears_one_segment_only(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a failed append the log goes on in a new segment; the failed record is not in it."""
    real = os.write

    def full(descriptor: int, data: bytes) -> int:
        real(descriptor, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "no space left on device")

    with write_ahead(tmp_path / "log") as log:
        log.append(record(1))
        with monkeypatch.context() as patched:
            patched.setattr(os, "write", full)
            with pytest.raises(OSError, match="no space"):
                log.append(record(2))
        log.append(record(3))
    assert ship_segments(store, tmp_path / "log") == 2
    assert sorted(PredictionLog(store).read(MODEL)["request_id"]) == ["r1", "r3"]


class Constant:
    """A package that gives every row the same score, or fails.

    Args:
        score: What it gives.
    """

    signature_columns = (
        ("distance", "number", True),
        ("temperature", "number", False),
        ("carrier", "string", True),
        ("origin", "string", False),
    )
    manifest = {"key": "flight_id", "event_time": "scheduled_departure"}  # noqa: RUF012

    def __init__(self, score: float | None) -> None:
        self._score = score

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        """The score for each row."""
        if self._score is None:
            raise ValueError("a message that quotes a value")
        return np.full(len(frame), self._score)


def ask(package: Constant, log_folder: Path) -> bytes:
    """The answer of a package to one row."""
    import json

    model = LoadedModel(MODEL, 1, package, log_folder=log_folder, roll_seconds=60)
    body = json.dumps(request_of(flights(1))).encode()
    return model.answer(body, fallback_id="given", limits=Limits())


def test_a_request_is_named_by_its_header_if_its_body_does_not(tmp_path: Path) -> None:
    """The platform's id is echoed, so a repeat of a request counts once."""
    assert b'"id":"given"' in ask(Constant(0.5), tmp_path)


def test_no_answer_without_a_log(tmp_path: Path) -> None:
    """Where the log cannot be written the request is not answered."""
    (tmp_path / "log").write_text("a file where a folder should be")
    with pytest.raises(NotLogged, match="prediction log"):
        ask(Constant(0.5), tmp_path / "log")


@pytest.mark.parametrize("score", [None, float("nan")])
def test_a_model_that_fails_says_no_values(tmp_path: Path, score: float | None) -> None:
    """A model that raises, or gives no number, is a fault of ours and quotes nothing."""
    with pytest.raises(ModelFailed) as failed:
        ask(Constant(score), tmp_path)
    assert "quotes" not in str(failed.value)
