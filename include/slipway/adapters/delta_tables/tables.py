"""deltalake: a dataset's streams as Delta tables, one commit for each batch.

S3's address and credentials come from the standard `AWS_*` variables.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from slipway.adapters.delta_tables.types import refuse_other_types, to_arrow, to_pandas
from slipway.errors import CommitConflict, NotFound, StoreUnavailable, Superseded
from slipway.records.runs import Attempt

_BATCH = "_batch"
_OPTIONS = {
    "AWS_CONDITIONAL_PUT": "etag",
    "connect_timeout": "5s",
    "timeout": "60s",
    "max_retries": "3",
    "retry_timeout": "30s",
}
_CONFIGURATION: dict[str, str | None] = {
    # Statistics on every column: by default only the first 32 have them.
    "delta.dataSkippingNumIndexedCols": "-1",
    # A snapshot pins a version for good: by default its log entry goes after thirty days.
    "delta.enableExpiredLogCleanup": "false",
}


class DeltaTables:
    """Fulfils the stages' `Tables`; a table is named `<dataset>/<stream>`.

    Args:
        root: Root of the store: a local folder, or `s3://bucket/prefix`.
    """

    def __init__(self, root: str) -> None:
        self._root = root.rstrip("/") if "://" in root else str(Path(root).expanduser().resolve())

    def publish(
        self,
        table: str,
        frame: pd.DataFrame,
        *,
        batch: str,
        writer: str,
        attempt: Attempt,
        note: Mapping[str, str],
    ) -> int:
        """Replace a batch's rows in one commit; a version of the table that holds them.

        Args:
            table: `<dataset>/<stream>`.
            frame: Its rows, each column of one type; timestamps carry a time zone.
            batch: Its id, written to the column `_batch`.
            writer: Names the piece of work; its attempts are numbered within it.
            attempt: Who commits; an older one than has committed is refused.
            note: Goes into the commit, for the table's history.

        Raises:
            BadBatch: A column has a type that the table cannot take.
            CommitConflict: Another commit came first.
            Superseded: A newer attempt owns this work.
        """
        rows = to_arrow(frame.assign(**{_BATCH: batch}), table=table)
        current = self._open(table) or self._create(table, rows.schema)
        refuse_other_types(rows.schema, pa.schema(current.schema()), table=table)
        _refuse_late(current, writer=writer, attempt=attempt, table=table)
        commit = CommitProperties(
            custom_metadata=dict(note), app_transactions=[Transaction(writer, attempt.number)]
        )
        attempt.check()
        with _ours("write", table):
            try:
                # The snapshot that was checked, not the table's address: a newer attempt's commit
                # in between is a conflict.
                _replace_batch(current, rows, batch=batch, commit=commit)
            except CommitFailedError as error:
                raise self._lost(table, writer=writer, attempt=attempt) from error
        return self._need(table).version()

    def version(self, table: str) -> int | None:
        """Newest version of a table, or None when there is no table yet."""
        current = self._open(table)
        return None if current is None else current.version()

    def read(
        self,
        table: str,
        *,
        version: int | None = None,
        columns: Sequence[str] | None = None,
        where: Sequence[tuple[str, str, Any]] = (),
    ) -> pd.DataFrame:
        """Rows of a table in no promised order, of shape (n_rows, n_columns).

        Integers are `Int64`, truth values `boolean`, strings `str`, timestamps UTC microseconds.

        Args:
            table: `<dataset>/<stream>`.
            version: An older state; the newest when None.
            columns: Which to read; all when None.
            where: Conditions that all hold, such as `("distance", ">=", 500)`.

        Raises:
            NotFound: There is no such table or version.
        """
        opened = self._need(table, version=version)
        return _rows(opened, table, columns=columns, where=where)

    def newest(self, table: str, column: str, *, version: int | None = None) -> datetime | None:
        """Greatest timestamp of a column, or None when there is none.

        File statistics say which file holds it, rounded down to milliseconds;
        only that file's column is read, for the microseconds.

        Raises:
            NotFound: There is no such version.
        """
        opened = self._open(table, version=version)
        if opened is None:
            return None
        greatest_of_file = f"max.{column}"
        files = _files(opened, table)
        if greatest_of_file not in files or files[greatest_of_file].isna().all():
            return None
        where = [(column, ">=", files[greatest_of_file].max())]
        rows = _rows(opened, table, columns=[column], where=where)
        greatest: pd.Timestamp = rows[column].max()
        return greatest.to_pydatetime()

    def count(self, table: str, *, version: int | None = None) -> int:
        """Number of rows, from file statistics; 0 when there is no table yet.

        Raises:
            NotFound: There is no such version.
        """
        opened = self._open(table, version=version)
        return 0 if opened is None else int(_files(opened, table)["num_records"].sum())

    def _create(self, table: str, schema: pa.Schema) -> DeltaTable:
        with _ours("create", table), suppress(CommitFailedError):
            DeltaTable.create(
                self._uri(table),
                schema,
                mode="ignore",
                partition_by=[_BATCH],
                configuration=_CONFIGURATION,
                storage_options=_OPTIONS,
            )
        return self._need(table)

    def _lost(self, table: str, *, writer: str, attempt: Attempt) -> CommitConflict:
        current = self._open(table)
        if current is not None:
            _refuse_late(current, writer=writer, attempt=attempt, table=table)
        return CommitConflict(
            f"another writer committed to {table} first",
            where=self._uri(table),
            hint="a retry reads what it wrote and can commit",
        )

    def _need(self, table: str, *, version: int | None = None) -> DeltaTable:
        opened = self._open(table, version=version)
        if opened is None:
            raise NotFound(
                f"there is no table {table}",
                where=self._uri(table),
                hint="it appears with the first batch that is ingested",
            )
        return opened

    def _open(self, table: str, *, version: int | None = None) -> DeltaTable | None:
        with _ours("open", table):
            try:
                opened = DeltaTable(self._uri(table), storage_options=_OPTIONS)
            except TableNotFoundError:
                return None
            if version is None or version == opened.version():
                return opened
            if not 0 <= version < opened.version():
                raise NotFound(
                    f"{table} has no version {version}",
                    expected=f"0 to {opened.version()}",
                    where=self._uri(table),
                )
            opened.load_as_version(version)
            return opened

    def _uri(self, table: str) -> str:
        return f"{self._root}/tables/{table}"


@contextmanager
def _ours(verb: str, table: str) -> Iterator[None]:
    try:
        yield
    except (DeltaError, OSError, pa.ArrowException) as error:
        raise StoreUnavailable(
            f"the store could not {verb} table {table}",
            found=type(error).__name__,
            hint="check SLIPWAY_STORE and, for S3, the AWS_… variables",
        ) from error


def _rows(
    opened: DeltaTable,
    table: str,
    *,
    columns: Sequence[str] | None,
    where: Sequence[tuple[str, str, Any]],
) -> pd.DataFrame:
    with _ours("read", table):
        rows = opened.to_pyarrow_table(
            columns=None if columns is None else list(columns), filters=list(where) or None
        )
    return to_pandas(rows)


def _files(opened: DeltaTable, table: str) -> pd.DataFrame:
    """Statistics of each data file, of shape (n_files, n_statistics)."""
    with _ours("read", table):
        frame: pd.DataFrame = pa.table(opened.get_add_actions(flatten=True)).to_pandas()
    return frame


def _refuse_late(current: DeltaTable, *, writer: str, attempt: Attempt, table: str) -> None:
    committed = current.transaction_version(writer)
    if committed is not None and committed > attempt.number:
        raise Superseded(
            f"attempt {attempt.number} may not commit to {table}",
            expected=f"attempt {committed} or a newer one",
            found=f"attempt {committed} has committed already",
            hint="nothing is lost: the newer attempt's rows are in the table",
        )


def _replace_batch(
    snapshot: DeltaTable, rows: pa.Table, *, batch: str, commit: CommitProperties
) -> None:
    quoted = batch.replace("'", "''")
    write_deltalake(
        snapshot,
        rows,
        mode="overwrite",
        predicate=f"{_BATCH} = '{quoted}'",
        schema_mode="merge",
        commit_properties=commit,
    )
