"""Event times of a year, a month and a day in columns of their own: bad rows, in each format."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from slipway.adapters.delta_tables.tables import DeltaTables
from slipway.adapters.object_store import open_store
from slipway.adapters.parquet_encoding import pack_rows
from slipway.adapters.row_spool import open_spool
from slipway.adapters.sources.files import LandedFiles
from slipway.records.run_context import RunContext
from slipway.spec import DatasetSpec
from slipway.stages.ingest.ingest import claim, ingest
from tests.fakes.plain_suites import PlainSuites

INTEGER = {"type": "integer"}
GOOD = [("a", 2012, 2, 29, 8), ("b", 2013, 12, 31, 23)]
BAD: dict[str, tuple[Any, ...]] = {
    "month is no month from 1 to 12": ("c", 2013, 13, 1, 8),
    "day is beyond the last day of its month": ("d", 2013, 2, 31, 8),
    "day is missing": ("e", 2013, 2, None, 8),
    "year is no year of four digits": ("f", 13, 2, 1, 8),
    "hour is no hour from 0 to 23": ("g", 2013, 2, 1, 24),
    "year, month, day, hour is a local time that the clock skips": ("h", 2013, 3, 31, 2),
}


def dataset(*, one_file: bool) -> DatasetSpec:
    """A dataset whose rows have their time in four columns."""
    parts = ("year", "month", "day", "hour")
    columns = {"id": {"type": "string"}, **dict.fromkeys(parts, INTEGER)}
    labels = {"from": "features"} if one_file else {}
    named = {} if one_file else {"id": {"type": "string"}}
    streams = {
        "features": {"columns": columns, "quarantine_max_share": 1.0},
        "labels": {**labels, "columns": {**named, "late": INTEGER}},
    }
    return DatasetSpec.model_validate(
        {
            "dataset": "ferries",
            "key": "id",
            "event_time": {**{part: part for part in parts}, "timezone": "Europe/Berlin"},
            "arrival": {"settle_seconds": 0},
            "streams": streams,
        }
    )


def rows(*, one_file: bool) -> pd.DataFrame:
    """Good rows and bad ones."""
    columns = ["id", "year", "month", "day", "hour"]
    frame = pd.DataFrame([*GOOD, *BAD.values()], columns=columns)
    frame["day"] = frame["day"].astype("Int64")
    return frame.assign(late=1) if one_file else frame


def data_of(frame: pd.DataFrame, suffix: str) -> bytes:
    """A file of some rows."""
    if suffix == "csv":
        return frame.to_csv(index=False).encode()
    if suffix == "jsonl":
        return frame.to_json(orient="records", lines=True).encode()
    sink = io.BytesIO()
    frame.to_parquet(sink, index=False)
    return sink.getvalue()


@pytest.mark.parametrize("one_file", [True, False], ids=["with labels", "features alone"])
@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_bad_rows_are_kept_with_the_column_to_blame(
    suffix: str, tmp_path: Path, *, one_file: bool
) -> None:
    """The others have the moment of their parts, in local time."""
    spec, root = dataset(one_file=one_file), str(tmp_path / "store")
    store, tables = open_store(root), DeltaTables(root)
    frame = rows(one_file=one_file)
    store.write(f"landing/ferries/features/first.{suffix}", data_of(frame, suffix))
    source = LandedFiles(store)
    [one] = claim(spec, source=source, store=store).deliveries
    verdict = ingest(
        spec,
        stream="features",
        batch=one["batch"],
        file=one["file"],
        context=RunContext(store, {"by": "test"}),
        source=source,
        tables=tables,
        pack=pack_rows,
        suites=PlainSuites(),
        open_spool=open_spool,
    ).verdict
    assert verdict.action == "ingested", verdict.reason
    assert verdict.numbers["quarantined"] == len(BAD)
    [kept] = (tmp_path / "store" / "quarantine").rglob("*.parquet")
    reasons = pd.read_parquet(kept).set_index("id")["_reason"]
    assert reasons.to_dict() == {row[0]: reason for reason, row in BAD.items()}
    times = tables.read("ferries/features").set_index("id")["_event_time"]
    assert {name: time.isoformat() for name, time in times.items()} == {
        "a": "2012-02-29T07:00:00+00:00",
        "b": "2013-12-31T22:00:00+00:00",
    }
