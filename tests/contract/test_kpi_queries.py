"""KPI queries on DuckDB: one number from the views, and nothing else within reach."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from slipway.adapters.kpi_queries import DuckDbQueries
from slipway.errors import NotComputable

MAY, JUNE = datetime(2013, 5, 1, tzinfo=UTC), datetime(2013, 6, 1, tzinfo=UTC)
BOUNDS = {"start": MAY, "end": JUNE, "version": 3}
ROWS = {
    "predictions": pd.DataFrame(
        {
            "key": ["a", "b", None],
            "event_time": pd.to_datetime([MAY, JUNE, MAY], utc=True),
            "score": [0.25, 0.75, 0.5],
            "version": [3, 3, 2],
        }
    ),
    "labels": pd.DataFrame({"key": ["a"], "late": pd.array([1], dtype="Int64")}),
}
TYPES = {
    "predictions": {"key": "string", "event_time": "timestamp", "score": "number"},
    "labels": {"key": "string", "late": "integer"},
}


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        ("SELECT avg(score) FROM predictions", 0.5),
        ("SELECT count(*) FROM predictions WHERE version = $version", 2.0),
        ("SELECT sum(late * score) FROM predictions JOIN labels USING (key)", 0.25),
        ("FROM predictions SELECT count(*) WHERE event_time >= $start AND event_time < $end", 2.0),
        ("SELECT count(DISTINCT date_trunc('day', event_time)) FROM predictions", 2.0),
        ("WITH few AS (SELECT 1 AS x) SELECT x > 0 FROM few", 1.0),
        ("SELECT max(score) FROM predictions WHERE version = 9", None),
        ("SELECT score FROM predictions WHERE version = 9", None),
        ("SELECT 'nan'::DOUBLE", None),
    ],
)
def test_a_query_gives_a_number(sql: str, value: float | None) -> None:
    """From rows and parameters; times are in UTC; NULL and NaN are no number."""
    assert DuckDbQueries().evaluate(sql, ROWS, BOUNDS) == value


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count(*) FROM read_text('{file}')",
        "SELECT count(*) FROM '{file}'",
        "SELECT count(*) FROM glob('/*')",
        "COPY predictions TO '{file}'",
        "ATTACH '{file}.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "PRAGMA database_list",
        "CREATE TABLE other AS SELECT 1",
        "DELETE FROM predictions",
        "SELECT 1; SELECT 2",
        "",
        "SELECT count(*) FROM hidden",
    ],
)
def test_a_query_reaches_no_file_network_setting_or_variable(sql: str, tmp_path: Path) -> None:
    """It is refused, and writes nothing."""
    hidden = pd.DataFrame({"x": [1]})
    secret = tmp_path / "secret.csv"
    secret.write_text("1\n")
    with pytest.raises(NotComputable):
        DuckDbQueries().evaluate(sql.format(file=secret), ROWS, BOUNDS)
    assert len(hidden) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["secret.csv"]


def test_an_error_tells_no_value_of_the_rows() -> None:
    """The tool's own words would name it."""
    rows = {"features": pd.DataFrame({"city": ["Atlantis"]})}
    with pytest.raises(NotComputable) as told:
        DuckDbQueries().evaluate("SELECT sum(city::INTEGER) FROM features", rows, BOUNDS)
    assert str(told.value) == "the query failed with ConversionException"
    assert told.value.__cause__ is None


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        ("SELECT 1, 2", "gives 2 columns; one number is expected"),
        ("SELECT score FROM predictions", "gives more than one row"),
        ("SELECT 'much'", "gives no number"),
    ],
)
def test_a_query_that_gives_no_single_number_is_not_computable(sql: str, problem: str) -> None:
    """Its shape is the reason."""
    with pytest.raises(NotComputable, match=problem):
        DuckDbQueries().evaluate(sql, ROWS, BOUNDS)


def test_a_query_ends_at_its_limits_of_time_and_memory() -> None:
    """Neither holds up the monitor."""
    began = time.monotonic()
    with pytest.raises(NotComputable, match=r"took longer than 0\.2 seconds"):
        DuckDbQueries(timeout_seconds=0.2).evaluate(
            "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range <> b.range",
            ROWS,
            BOUNDS,
        )
    assert time.monotonic() - began < 20
    with pytest.raises(NotComputable, match="needs more than 64MB of memory"):
        DuckDbQueries(memory_limit="64MB").evaluate(
            "SELECT len(list(range)) FROM range(100000000)", ROWS, BOUNDS
        )


@pytest.mark.parametrize(
    ("sql", "mistake"),
    [
        ("SELECT avg(score) FROM predictions WHERE event_time >= $start", None),
        ("SELECT avg(late) FROM labels JOIN predictions USING (key)", None),
        ("SELECT avg(points) FROM predictions", "points"),
        ("SELECT avg(score) FROM answers", "answers"),
        ("SELECT avg(key) FROM predictions", "avg"),
        ("SELEC 1", "syntax error"),
        ("SELECT count(*) FROM predictions WHERE score > $since", "since"),
        ("SELECT 1, 2", "2 columns"),
        ("DROP TABLE labels", "not one SELECT"),
    ],
)
def test_a_mistake_is_found_without_rows(sql: str, mistake: str | None) -> None:
    """By the declared types of the columns, for `slipway check`."""
    found = DuckDbQueries().mistake(sql, TYPES, BOUNDS)
    if mistake is None:
        assert found is None
    else:
        assert found is not None
        assert mistake in found
