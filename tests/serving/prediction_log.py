"""A write-ahead log for tests, and its records."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from slipway.adapters.object_store import open_store
from slipway.serving.prediction_log.write_ahead_log import ROLL_BYTES, Header, Record, WriteAheadLog
from slipway.serving.server_options import Options
from tests.serving.model_versions import MODEL

HEADER = Header(MODEL, 4, [("distance", "number"), ("carrier", "string")])
PATIENT = Options(roll_seconds=60)
DAY_US = 24 * 3600 * 1_000_000


def record(number: int, *, days: tuple[int, ...] = (1,)) -> Record:
    """An answered request with one row on each given day since 1970."""
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
    """A write-ahead log of the model."""
    return WriteAheadLog(folder / MODEL, header=HEADER, options=options, roll_bytes=roll_bytes)


def segments(folder: Path) -> list[Path]:
    """Every segment below a folder."""
    return sorted(folder.rglob("*.wal"))


def shipped_rows(store_root: str, *, folder: str = "predictions") -> pd.DataFrame:
    """Every row of the prediction log in the store, repeats included."""
    store = open_store(store_root)
    keys = [entry.key for entry in store.list(f"{folder}/{MODEL}")]
    tables = [pq.read_table(os.fspath(Path(store_root) / key)).to_pandas() for key in keys]
    columns = ["request_id", "row"]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)
