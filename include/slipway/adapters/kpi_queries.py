"""KPI queries on DuckDB, in memory: a SELECT sees the views it is given, and nothing else.

Files, network, extensions and settings are out of its reach, and so are Python's variables.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import duckdb

from slipway.errors import NotComputable

if TYPE_CHECKING:
    import pandas as pd

    from slipway.stages.ports.kpi_queries import Parameters, Views
    from slipway.values.value_types import ColumnType

MEMORY_LIMIT = "1GB"
TIMEOUT_SECONDS = 60.0

_CLOSED = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
    "temp_directory": "",
    "threads": "1",
}
_TYPES: Mapping[ColumnType, str] = {
    "string": "VARCHAR",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "timestamp": "TIMESTAMP",
}


class DuckDbQueries:
    """Adapter of `KpiQueries`.

    Args:
        timeout_seconds: Longest time of a query.
        memory_limit: Most memory of a query, in DuckDB's words.
    """

    def __init__(
        self, *, timeout_seconds: float = TIMEOUT_SECONDS, memory_limit: str = MEMORY_LIMIT
    ) -> None:
        self._timeout_seconds, self._memory_limit = timeout_seconds, memory_limit

    def mistake(self, sql: str, views: Views, parameters: Parameters) -> str | None:
        """See the port; the views are empty, so the tool's own words hold no value."""
        with self._connection() as connection:
            for name, columns in views.items():
                listed = ", ".join(
                    f"{_quoted(one)} {_TYPES[kind]}" for one, kind in columns.items()
                )
                connection.execute(f"CREATE TABLE {_quoted(name)} ({listed})")
            connection.execute("SET lock_configuration = true")
            try:
                statement = _only_select(connection, sql)
                found = connection.execute(statement, _used(statement, parameters))
                return _shape_mistake(found.description)
            except NotComputable as error:
                return error.message
            except duckdb.Error as error:
                return str(error).partition("\n")[0]

    def evaluate(
        self, sql: str, rows: Mapping[str, pd.DataFrame], parameters: Parameters
    ) -> float | None:
        """See the port."""
        with self._connection() as connection:
            for name, frame in rows.items():
                connection.register(name, _plain(frame))
            connection.execute("SET lock_configuration = true")
            try:
                statement = _only_select(connection, sql)
                with self._interrupted(connection):
                    found = connection.execute(statement, _used(statement, parameters))
                    wrong, answer = _shape_mistake(found.description), found.fetchmany(2)
            except duckdb.InterruptException as error:
                raise NotComputable(
                    f"the query took longer than {self._timeout_seconds:g} seconds"
                ) from error
            except duckdb.OutOfMemoryException as error:
                raise NotComputable(
                    f"the query needs more than {self._memory_limit} of memory"
                ) from error
            except duckdb.Error as error:
                # The tool's own words may hold values of the rows.
                raise NotComputable(f"the query failed with {type(error).__name__}") from None
        if wrong is not None or len(answer) > 1:
            raise NotComputable(wrong or "the query gives more than one row")
        return _number(answer[0][0]) if answer else None

    @contextmanager
    def _connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        config: dict[str, Any] = {**_CLOSED, "memory_limit": self._memory_limit}
        connection = duckdb.connect(":memory:", config=config)
        try:
            yield connection
        finally:
            connection.close()

    @contextmanager
    def _interrupted(self, connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
        """Interrupt what runs longer than the time-out."""
        timer = threading.Timer(self._timeout_seconds, connection.interrupt)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


def _only_select(connection: duckdb.DuckDBPyConnection, sql: str) -> Any:
    statements = connection.extract_statements(sql)
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise NotComputable("the query is not one SELECT")
    return statements[0]


def _used(statement: Any, parameters: Parameters) -> dict[str, Any]:
    """The parameters that a statement names; DuckDB refuses others."""
    given = {
        name: value for name, value in parameters.items() if name in statement.named_parameters
    }
    return {
        name: value.astimezone(UTC).replace(tzinfo=None) if isinstance(value, datetime) else value
        for name, value in given.items()
    }


def _shape_mistake(description: Any) -> str | None:
    count = len(description or ())
    return None if count == 1 else f"the query gives {count} columns; one number is expected"


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with times in UTC without a zone, in which SQL compares them with parameters."""
    zoned = frame.select_dtypes("datetimetz").columns
    return frame.assign(
        **{name: frame[name].dt.tz_convert(UTC).dt.tz_localize(None) for name in zoned}
    )


def _number(value: Any) -> float | None:
    if value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise NotComputable("the query gives no number") from None
    return number if math.isfinite(number) else None


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
