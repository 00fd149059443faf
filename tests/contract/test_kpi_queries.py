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


def evaluate(
    sql: str, rows: dict[str, pd.DataFrame] = ROWS, queries: DuckDbQueries | None = None
) -> float | None:
    """The number of a query over rows that come in frames of one row each."""
    queries = queries or DuckDbQueries()
    views = {name: dict.fromkeys(frame, "string") for name, frame in rows.items()}
    frames = {
        name: [frame.iloc[[number]] for number in range(len(frame))] for name, frame in rows.items()
    }
    with queries.fill(views, frames) as filled:
        return filled.evaluate(sql, BOUNDS)


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
    assert evaluate(sql) == value


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
        evaluate(sql.format(file=secret))
    assert len(hidden) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["secret.csv"]


def test_an_error_tells_no_value_of_the_rows() -> None:
    """The tool's own words would name it."""
    rows = {"features": pd.DataFrame({"city": ["Atlantis"]})}
    with pytest.raises(NotComputable) as told:
        evaluate("SELECT sum(city::INTEGER) FROM features", rows)
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
        evaluate(sql)


def test_a_query_ends_at_its_limits_of_time_and_memory() -> None:
    """Neither holds up the monitor."""
    began = time.monotonic()
    with pytest.raises(NotComputable, match=r"took longer than 0\.2 seconds"):
        evaluate(
            "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range <> b.range",
            queries=DuckDbQueries(timeout_seconds=0.2),
        )
    assert time.monotonic() - began < 20
    with pytest.raises(NotComputable, match="needs more than 64MB of memory"):
        evaluate(
            "SELECT len(list(range)) FROM range(100000000)",
            queries=DuckDbQueries(memory_limit="64MB"),
        )


def test_a_join_that_has_no_room_in_memory_goes_to_disk_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So a window of any size has its number, exactly."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    keys = [f"order-{number:012d}-of-a-window" for number in range(300_000)]
    frames = {"a": [pd.DataFrame({"key": keys, "x": 1.0})], "b": [pd.DataFrame({"key": keys})]}
    views = {"a": {"key": "string", "x": "number"}, "b": {"key": "string"}}
    with DuckDbQueries(memory_limit="40MB").fill(views, frames) as filled:  # type: ignore[arg-type]
        assert filled.evaluate("SELECT sum(x) FROM a JOIN b USING (key)", BOUNDS) == 300_000
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "sql",
    [
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n",
        "SELECT sum(range) FROM range(1000000000000)",
    ],
    ids=["recursive", "range"],
)
def test_the_check_of_a_query_ends_where_the_query_does_not(sql: str) -> None:
    """Some queries run for long, or for ever, over views without a row, too."""
    began = time.monotonic()
    mistake = DuckDbQueries(timeout_seconds=0.2).mistake(sql, TYPES, BOUNDS)
    assert mistake == "the query took longer than 0.2 seconds over empty views"
    assert time.monotonic() - began < 20


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


@pytest.mark.parametrize(
    ("sql", "columns"),
    [
        ("SELECT avg(Score) FROM predictions", {"score"}),
        ("SELECT count(*) FROM predictions p WHERE p.score < 1", {"score"}),
        ("SELECT sum(late) FROM labels JOIN predictions USING (key)", {"late", "key"}),
        ("SELECT avg(x) FROM (SELECT score + version AS x FROM predictions)", None),
        ("SELECT avg(y) FROM (SELECT * FROM predictions) AS t(y)", None),
        ("SELECT max(p.score) FROM (SELECT p FROM predictions p)", None),
        ("SELECT count(predictions) FROM predictions", None),
        ("SELECT sum(late) FROM labels NATURAL JOIN predictions", None),
        ("SELECT avg(COLUMNS('s.*')) FROM predictions", None),
        ("SELECT avg(c) FROM predictions AS t(a, b, c)", None),
        ("SELECT avg(#3) FROM predictions", None),
        ("SELECT x FROM query('SELECT avg(score) AS x FROM predictions')", None),
        ("SELEC 1", None),
        ("SELECT 1", set()),
    ],
)
def test_the_columns_that_a_query_may_read_are_found(sql: str, columns: set[str] | None) -> None:
    """All of them where it does not name what it reads; of an unread view one."""
    used = DuckDbQueries().used(sql, TYPES)
    if columns is None:
        assert used == TYPES
    else:
        assert {name for view in used.values() for name in view} - columns <= {"key"}
        assert {name for view in used.values() for name in view} >= columns


def test_rows_of_two_types_are_joined_or_not_computable() -> None:
    """Whole and other numbers are numbers; a missing value has any type; texts are none of them."""
    frames = [pd.DataFrame({"x": one}) for one in ([1, 2], [0.5], [None])]
    with DuckDbQueries().fill({"v": {"x": "number", "y": "string"}}, {"v": frames}) as filled:
        assert filled.evaluate("SELECT sum(x) FROM v", BOUNDS) == 3.5
        assert filled.evaluate("SELECT count(*) FROM v", BOUNDS) == 4
    frames.append(pd.DataFrame({"x": ["many"]}))
    with (
        pytest.raises(NotComputable, match="disagree about a column's type"),
        DuckDbQueries().fill({"v": {"x": "number"}}, {"v": frames}),
    ):
        pass


def test_a_view_without_rows_has_its_declared_types() -> None:
    """A query over it finds its columns, and no value."""
    with DuckDbQueries().fill(TYPES, {name: [] for name in TYPES}) as filled:
        assert filled.evaluate("SELECT avg(score) FROM predictions", BOUNDS) is None
        sql = "SELECT count(*) FROM predictions WHERE event_time >= $start"
        assert filled.evaluate(sql, BOUNDS) == 0
