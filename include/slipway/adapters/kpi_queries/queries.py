"""KPI queries on DuckDB: a SELECT sees the views it is given, and nothing else.

Files, network, extensions and settings are out of its reach, and so are Python's variables. Rows of
the views lie in temporary Parquet files that Arrow reads, by the columns of the query.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
from pyarrow import dataset

from slipway.adapters.kpi_queries.named_columns import named_columns
from slipway.adapters.kpi_queries.view_files import write_view
from slipway.errors import NotComputable
from slipway.records.scratch_folder import scratch_folder

if TYPE_CHECKING:
    import pandas as pd

    from slipway.stages.ports.kpi_queries import FilledViews, Parameters, Views
    from slipway.values.value_types import ColumnType

MEMORY_LIMIT = "1GB"
TIMEOUT_SECONDS = 60.0
MOST_SPILLED = "10GB"
"""Most disk for what joins and groups have no memory for, beside the rows of the views."""
CHECK_SECONDS = 10.0
"""Longest time of a query over empty views, which only shows whether it can be carried out."""

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


@dataclass(frozen=True)
class _Views:
    """Views whose rows are in files.

    Attributes:
        queries: What carries out the queries.
        files: Files of each view.
        spill: Folder for what a join has no memory for.
    """

    queries: DuckDbQueries
    files: Mapping[str, dataset.Dataset]
    spill: Path

    def evaluate(self, sql: str, parameters: Parameters) -> float | None:
        """See the port."""
        return self.queries.evaluate(sql, self.files, parameters, spill=self.spill)


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
        seconds = min(CHECK_SECONDS, self._timeout_seconds)
        with self._connection() as connection:
            for name, columns in views.items():
                listed = ", ".join(
                    f"{_quoted(one)} {_TYPES[kind]}" for one, kind in columns.items()
                )
                connection.execute(f"CREATE TABLE {_quoted(name)} ({listed})")
            connection.execute("SET lock_configuration = true")
            try:
                statement = _only_select(connection, sql)
                with _interrupted(connection, seconds):
                    found = connection.execute(statement, _used(statement, parameters))
                return _shape_mistake(found.description)
            except NotComputable as error:
                return error.message
            except duckdb.InterruptException:
                return f"the query took longer than {seconds:g} seconds over empty views"
            except duckdb.Error as error:
                return str(error).partition("\n")[0]

    def used(self, sql: str, views: Views) -> Views:
        """See the port; all columns where the query does not name those that it reads."""
        with self._connection() as connection:
            names = named_columns(connection, sql, views)
        if names is None:
            return views
        kept = {
            view: {name: kind for name, kind in columns.items() if name.casefold() in names}
            for view, columns in views.items()
        }
        return {
            view: columns or dict(list(views[view].items())[:1]) for view, columns in kept.items()
        }

    @contextmanager
    def fill(
        self, views: Views, rows: Mapping[str, Iterable[pd.DataFrame]]
    ) -> Iterator[FilledViews]:
        """See the port."""
        with scratch_folder("slipway-kpis-", needs="the rows of a window") as scratch:
            files = {
                name: write_view(scratch / f"view{number}", frames, views[name])
                for number, (name, frames) in enumerate(rows.items())
            }
            yield _Views(self, files, scratch / "spilled")

    def evaluate(
        self,
        sql: str,
        files: Mapping[str, dataset.Dataset],
        parameters: Parameters,
        *,
        spill: Path,
    ) -> float | None:
        """Return the number of a query over filled views; see the port.

        Args:
            sql: The query.
            files: Files of each view.
            parameters: Values of the parameters that it may use.
            spill: Folder for what has no room in memory.
        """
        with self._connection(spill) as connection:
            for name, file in files.items():
                connection.register(name, file)
            connection.execute("SET lock_configuration = true")
            try:
                statement = _only_select(connection, sql)
                with _interrupted(connection, self._timeout_seconds):
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
    def _connection(self, spill: Path | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
        config: dict[str, Any] = {**_CLOSED, "memory_limit": self._memory_limit}
        if spill is not None:
            config |= {"temp_directory": str(spill), "max_temp_directory_size": MOST_SPILLED}
        connection = duckdb.connect(":memory:", config=config)
        try:
            yield connection
        finally:
            connection.close()


@contextmanager
def _interrupted(connection: duckdb.DuckDBPyConnection, seconds: float) -> Iterator[None]:
    """Interrupt what runs longer than a time-out."""
    timer = threading.Timer(seconds, connection.interrupt)
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
