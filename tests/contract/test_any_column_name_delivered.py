"""Columns of any name in a delivery of each format, and in the quarantine."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from tests.support.any_named_shop import (
    ESTIMATORS,
    KEY,
    TARGET,
    TIME,
    files_of,
    loaded,
    shop_in,
    some_rows,
)
from tests.support.any_names import CATEGORIES, NUMBERS
from tests.support.command_line import Make


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.parquet"])
def test_a_delivery_may_name_its_columns_as_it_likes(
    project: Make, tmp_path: Path, name: str
) -> None:
    """In each format; expectations see every column, and bad rows are kept under these names."""
    spec, _ = loaded(project, ESTIMATORS[0])
    shop, frame = shop_in(tmp_path, spec), some_rows()
    frame.loc[:4, CATEGORIES] = "c"
    verdict = shop.deliver(name, files_of(frame)[name])
    assert verdict.action == "ingested", verdict.reason
    assert verdict.numbers["quarantined"] == 5
    assert verdict.numbers["failed_expectations"] == len(CATEGORIES)
    read = shop.labelled().sort_values(TIME, ignore_index=True)
    names = [*NUMBERS, *CATEGORIES, TARGET]
    expected = frame.iloc[5:].reset_index(drop=True)
    pd.testing.assert_frame_equal(read[names], expected[names], check_dtype=False)
    kept = next(Path(shop.root).glob("quarantine/**/*.parquet"))
    assert {*names, KEY, TIME} <= set(pq.read_schema(kept).names)
