"""A dataset's streams as Delta tables: one commit for each batch.

S3's address and credentials come from the standard `AWS_*` variables.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

import pandas as pd
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError

from slipway.adapters.delta_tables.column_types import check_column_types, to_arrow, to_pandas
from slipway.adapters.delta_tables.commit_notes import read_notes
from slipway.adapters.delta_tables.delta_errors import translate_errors
from slipway.adapters.delta_tables.fencing import (
    check_delivery,
    check_fencing_token,
    delivery_fence,
)
from slipway.adapters.delta_tables.table_dataset import as_filter, open_dataset
from slipway.adapters.delta_tables.tables_folder import TablesFolder, data_files, row_count
from slipway.errors import CommitConflict
from slipway.records.attempts import Attempt
from slipway.records.scratch_folder import says_full_disk
from slipway.stages.ports.scores import DataFile
from slipway.values.value_types import LATEST

_BATCH = "_batch"


class DeltaTables:
    """Fulfils the `Tables` port; a table is named `<dataset>/<stream>`.

    Args:
        root: Root of the store: a local folder, or `s3://bucket/prefix`.
    """

    def __init__(self, root: str) -> None:
        self._folder = TablesFolder(root)

    def publish(
        self,
        table: str,
        rows: Iterable[pd.DataFrame],
        *,
        batch: str,
        writer: str,
        attempt: Attempt,
        note: Mapping[str, str],
        delivery: int | None = None,
    ) -> int:
        """Replace a batch's rows in one commit; return a version of the table that holds them.

        Args:
            table: `<dataset>/<stream>`.
            rows: Rows of the batch in frames of the same columns and types; timestamps carry a
                time zone. One frame is in memory at a time.
            batch: Id of the batch, written to the column `_batch`.
            writer: Name of the piece of work; its attempts are numbered within it.
            attempt: Attempt that commits; its number is the fencing token.
            note: Metadata of the commit, for the table's history.
            delivery: Number of the delivery in the dataset's order; a fencing token of its batch.

        Raises:
            BadBatch: A column has a type that the table cannot take.
            CommitConflict: Another commit came first.
            Superseded: A newer attempt owns this work, or a later delivery of the batch has been
                committed.
        """
        reader = _arrow_reader(rows, table=table, batch=batch)
        current = self._folder.find(table) or self._folder.create(
            table, reader.schema, partition_by=[_BATCH]
        )
        check_column_types(reader.schema, pa.schema(current.schema()), table=table)
        check_fencing_token(current, writer=writer, number=attempt.number, table=table)
        check_delivery(current, batch=batch, number=delivery, table=table)
        fences = {writer: attempt.number, delivery_fence(batch): delivery}
        commit = CommitProperties(
            custom_metadata=dict(note),
            app_transactions=[
                Transaction(name, number) for name, number in fences.items() if number is not None
            ],
        )
        attempt.check()
        with translate_errors("write", table):
            try:
                # The snapshot that was checked, not the table's address: a newer attempt's commit
                # in between is a conflict.
                _replace_batch(current, reader, batch=batch, commit=commit)
            except CommitFailedError as error:
                if says_full_disk(error):
                    raise
                raise self._commit_conflict(table, writer=writer, attempt=attempt) from error
        return self._folder.need(table).version()

    def version(self, table: str) -> int | None:
        """Return the newest version of a table, or None if it does not exist."""
        current = self._folder.find(table)
        return None if current is None else current.version()

    def columns(self, table: str, *, version: int) -> tuple[str, ...]:
        """Return the names of a version's columns.

        Raises:
            NotFound: There is no such table or version.
        """
        opened = self._folder.need(table, version=version)
        return tuple(field.name for field in opened.schema().fields)

    def notes(self, table: str, *, version: int) -> list[Mapping[str, str]]:
        """Return the notes of the commits up to a version, oldest first.

        Each commit's entry of the log is read, so this is for rare questions about the past.

        Raises:
            NotFound: There is no such table or version.
        """
        self._folder.need(table, version=version)
        return read_notes(self._folder.uri(table), version=version)

    def read(
        self,
        table: str,
        *,
        version: int | None = None,
        columns: Sequence[str] | None = None,
        where: Sequence[tuple[str, str, Any]] = (),
    ) -> pd.DataFrame:
        """Return rows of a table in no promised order, of shape (n_rows, n_columns).

        Integers are `Int64`, truth values `boolean`, strings `str`, timestamps UTC microseconds.

        Args:
            table: `<dataset>/<stream>`.
            version: Version to read; the newest when None.
            columns: Columns to read; all when None.
            where: Conditions that all hold, such as `("distance", ">=", 500)`.

        Raises:
            NotFound: There is no such table or version.
        """
        return _rows(self._folder.need(table, version=version), table, columns=columns, where=where)

    def newest(
        self, table: str, column: str, *, version: int | None = None, besides: str | None = None
    ) -> datetime | None:
        """Return the greatest timestamp of a column, or None if there is none.

        File statistics, rounded down to milliseconds, show which file holds it;
        only that file's column is read, for the microseconds.

        Args:
            table: `<dataset>/<stream>`.
            column: Column of timestamps.
            version: Version to read; the newest when None.
            besides: Batch to leave out.

        Raises:
            NotFound: There is no such version.
        """
        opened = self._folder.find(table, version=version)
        if opened is None:
            return None
        greatest_of_file = f"max.{column}"
        files = data_files(opened, table)
        files = files[files[f"partition.{_BATCH}"] != besides]
        if greatest_of_file not in files or files[greatest_of_file].isna().all():
            return None
        where = [(column, ">=", files[greatest_of_file].max())]
        if besides is not None:
            where.append((_BATCH, "!=", besides))
        rows = _rows(opened, table, columns=[column], where=where)
        greatest: pd.Timestamp = rows[column].max()
        return greatest.to_pydatetime()

    def files(self, table: str, column: str, *, version: int) -> list[DataFile]:
        """Return a version's data files with their span of a timestamp column, reading no data.

        Raises:
            NotFound: There is no such version.
        """
        files = data_files(self._folder.need(table, version=version), table)
        least, greatest = f"min.{column}", f"max.{column}"
        if least not in files:
            return []
        known = files.dropna(subset=[least, greatest])
        # Statistics are rounded down to milliseconds.
        rounded = timedelta(milliseconds=1)
        return [
            DataFile(
                path,
                batch,
                first.to_pydatetime(),
                min(last.to_pydatetime(), LATEST - rounded) + rounded,
            )
            for path, batch, first, last in zip(
                *(known[name] for name in ("path", f"partition.{_BATCH}", least, greatest)),
                strict=True,
            )
        ]

    def stream(
        self,
        table: str,
        *,
        version: int,
        columns: Sequence[str],
        where: Sequence[tuple[str, str, Any]] = (),
        chunk_rows: int,
    ) -> Iterator[pd.DataFrame]:
        """Yield the rows of a version in chunks, keeping none in memory.

        Args:
            table: `<dataset>/<stream>`.
            version: Version to read.
            columns: Columns to read.
            where: Conditions that all hold.
            chunk_rows: Largest number of rows in a frame.

        Raises:
            NotFound: There is no such table or version.
        """
        opened = self._folder.need(table, version=version)
        with translate_errors("read", table):
            condition = as_filter(where)
            batches = open_dataset(opened, condition).to_batches(
                columns=list(columns),
                filter=condition,
                batch_size=chunk_rows,
                # The defaults read whole files ahead into memory.
                batch_readahead=1,
                fragment_readahead=1,
            )
            for batch in batches:
                if batch.num_rows:
                    yield to_pandas(pa.Table.from_batches([batch]))

    def count(self, table: str, *, version: int | None = None, present: str | None = None) -> int:
        """Return the number of rows, from file statistics; 0 if the table does not exist.

        With `present`, only rows with a value of that column count.

        Raises:
            NotFound: There is no such version.
        """
        opened = self._folder.find(table, version=version)
        return 0 if opened is None else row_count(data_files(opened, table), present=present)

    def _commit_conflict(self, table: str, *, writer: str, attempt: Attempt) -> CommitConflict:
        current = self._folder.find(table)
        if current is not None:
            check_fencing_token(current, writer=writer, number=attempt.number, table=table)
        return CommitConflict(
            f"another writer committed to {table} first",
            where=self._folder.uri(table),
            hint="a retry reads its rows and can commit",
        )


def _rows(
    opened: DeltaTable,
    table: str,
    *,
    columns: Sequence[str] | None,
    where: Sequence[tuple[str, str, Any]],
) -> pd.DataFrame:
    with translate_errors("read", table):
        condition = as_filter(where)
        rows = open_dataset(opened, condition).to_table(
            columns=None if columns is None else list(columns), filter=condition
        )
    return to_pandas(rows)


def _arrow_reader(rows: Iterable[pd.DataFrame], *, table: str, batch: str) -> pa.RecordBatchReader:
    """Rows as Arrow batches, converted one frame at a time."""
    parts = (to_arrow(frame.assign(**{_BATCH: batch}), table=table) for frame in rows)
    first = next(parts)
    batches = chain(first.to_batches(), chain.from_iterable(part.to_batches() for part in parts))
    return pa.RecordBatchReader.from_batches(first.schema, batches)


def _replace_batch(
    snapshot: DeltaTable, rows: pa.RecordBatchReader, *, batch: str, commit: CommitProperties
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
