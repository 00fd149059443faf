"""A write-ahead log to test with, and the records that go into it."""

from __future__ import annotations

from pathlib import Path

from slipway.serving.prediction_log.write_ahead_log import ROLL_BYTES, Header, Record, WriteAheadLog
from slipway.serving.server_options import Options
from tests.serving.support import MODEL

HEADER = Header(MODEL, 4, [("distance", "number"), ("carrier", "string")])
PATIENT = Options(roll_seconds=60)
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


def write_ahead(
    folder: Path, options: Options = PATIENT, *, roll_bytes: int = ROLL_BYTES
) -> WriteAheadLog:
    """A log of the model."""
    return WriteAheadLog(folder / MODEL, header=HEADER, options=options, roll_bytes=roll_bytes)


def segments(folder: Path) -> list[Path]:
    """Every segment below a folder."""
    return sorted(folder.rglob("*.wal"))
