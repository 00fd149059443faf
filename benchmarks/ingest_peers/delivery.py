"""The delivery that every peer reads: 20 columns with 22 expectations, as CSV and as Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import csv, parquet

from slipway.spec import DatasetSpec

PART_ROWS = 500_000
NUMBERS = [f"x{number}" for number in range(8)]
INTEGERS = [f"i{number}" for number in range(4)]
WORDS = [f"c{number}" for number in range(4)]
FLAGS = [f"b{number}" for number in range(2)]
AIRPORTS = ["EWR", "JFK", "LGA"]
BATCH = "2013-01"

COLUMNS: dict[str, dict[str, Any]] = {
    "id": {"type": "string", "nullable": False},
    "at": {"type": "timestamp", "nullable": False},
    **{name: {"type": "number"} for name in NUMBERS},
    **{name: {"type": "integer"} for name in INTEGERS},
    **{name: {"type": "string"} for name in WORDS},
    **{name: {"type": "boolean"} for name in FLAGS},
}


def _expect(name: str, **kwargs: Any) -> dict[str, Any]:
    return {"expect": f"expect_{name}", "kwargs": kwargs}


EXPECTATIONS = [
    _expect("column_values_to_match_regex", column="id", regex=r"^k\d{9}$"),
    _expect("column_values_to_be_unique", column="id"),
    _expect("column_values_to_be_between", column="at", min_value="2012-01-01"),
    *(
        _expect("column_values_to_be_between", column=name, min_value=-10, max_value=10)
        for name in NUMBERS
    ),
    *(
        _expect("column_values_to_be_between", column=name, min_value=0, max_value=999)
        for name in INTEGERS
    ),
    *(_expect("column_values_to_be_in_set", column=name, value_set=AIRPORTS) for name in WORDS),
    _expect("column_values_to_not_be_null", column="b0"),
    _expect("column_mean_to_be_between", column="x0", min_value=-1, max_value=1),
    _expect("table_row_count_to_be_between", min_value=1000),
]

SPEC = DatasetSpec.model_validate(
    {
        "dataset": "flights",
        "key": "id",
        "event_time": "at",
        "arrival": {"settle_seconds": 0},
        "streams": {
            "features": {"columns": COLUMNS},
            "labels": {"columns": {"id": {"type": "string"}, "late": {"type": "boolean"}}},
        },
        "expectations": {"features": EXPECTATIONS},
    }
)


def write_delivery(path: Path, *, rows: int) -> None:
    """Write rows, seeded by their number, in the format of the file's suffix."""
    first = _part(0, min(rows, PART_ROWS))
    kinds = {".csv": csv.CSVWriter, ".parquet": parquet.ParquetWriter}
    with kinds[path.suffix](str(path), first.schema) as writer:
        writer.write_table(first)
        for start in range(PART_ROWS, rows, PART_ROWS):
            writer.write_table(_part(start, min(rows, start + PART_ROWS)))


def _part(start: int, end: int) -> pa.Table:
    count = end - start
    random = np.random.default_rng(start)
    airports = np.array(AIRPORTS)
    at = np.datetime64("2013-01-01", "us") + (np.arange(start, end) // 10) * np.timedelta64(1, "s")
    return pa.table(
        {
            "id": [f"k{number:09d}" for number in range(start, end)],
            "at": pa.array(at, pa.timestamp("us")),
            **{name: random.normal(size=count) for name in NUMBERS},
            **{name: random.integers(0, 1000, count) for name in INTEGERS},
            **{name: airports[random.integers(0, 3, count)] for name in WORDS},
            **{name: random.integers(0, 2, count) == 1 for name in FLAGS},
        }
    )


def in_memory(path: Path) -> pd.DataFrame:
    """Read a Parquet delivery into the declared types."""
    types = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}
    frame: pd.DataFrame = parquet.read_table(path).to_pandas(types_mapper=types.get)
    return frame.assign(at=frame["at"].dt.tz_localize("UTC"))
