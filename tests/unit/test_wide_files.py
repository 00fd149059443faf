"""Headers and tables of thousands of columns are looked through once, not once a column."""

from __future__ import annotations

import time

import pyarrow as pa

from slipway.adapters.delta_tables.column_types import check_column_types
from slipway.adapters.sources.columns import positions_of
from slipway.spec.csv import Csv
from slipway.stages.ingest.header import header_problem

NAMES = tuple(f"column_{number}" for number in range(40_000))
GENEROUS_SECONDS = 5.0
"""A search for each column takes five times as long or more on a fast machine."""


def test_a_wide_header_is_looked_through_once() -> None:
    """Whether it fits, and where its columns are."""
    began = time.perf_counter()
    assert header_problem(NAMES, NAMES, Csv()) is None
    assert positions_of(NAMES, NAMES[::-1]) == list(range(len(NAMES)))[::-1]
    assert time.perf_counter() - began < GENEROUS_SECONDS


def test_the_types_of_a_wide_table_are_looked_up() -> None:
    """In a table of columns by name."""
    schema = pa.schema([(name, pa.float64()) for name in NAMES[:10_000]])
    began = time.perf_counter()
    check_column_types(schema, schema, table="wide/features")
    assert time.perf_counter() - began < GENEROUS_SECONDS
