"""Find, open and create the Delta tables below the root of a store."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError, TableNotFoundError

from slipway.adapters.delta_tables.delta_errors import translate_errors
from slipway.adapters.delta_tables.table_properties import STORAGE_OPTIONS, TABLE_PROPERTIES
from slipway.errors import NotFound


class TablesFolder:
    """All tables below the root of a store.

    Args:
        root: Root of the store: a local folder, or `s3://bucket/prefix`.
    """

    def __init__(self, root: str) -> None:
        self._root = root.rstrip("/") if "://" in root else str(Path(root).expanduser().resolve())

    def uri(self, table: str) -> str:
        """Return the address of a table."""
        return f"{self._root}/tables/{table}"

    def find(self, table: str, *, version: int | None = None) -> DeltaTable | None:
        """Open a table at its newest or an older version; return None if it does not exist.

        Raises:
            NotFound: The table has no such version.
        """
        with translate_errors("open", table):
            try:
                opened = DeltaTable(self.uri(table), storage_options=STORAGE_OPTIONS)
            except TableNotFoundError:
                return None
            if version is None or version == opened.version():
                return opened
            if not 0 <= version < opened.version():
                raise NotFound(
                    f"{table} has no version {version}",
                    expected=f"0 to {opened.version()}",
                    where=self.uri(table),
                )
            opened.load_as_version(version)
            return opened

    def need(self, table: str, *, version: int | None = None) -> DeltaTable:
        """Open a table that has to exist.

        Raises:
            NotFound: There is no such table or version.
        """
        opened = self.find(table, version=version)
        if opened is None:
            raise NotFound(
                f"there is no table {table}",
                where=self.uri(table),
                hint="it appears with the first batch that is ingested",
            )
        return opened

    def create(self, table: str, schema: pa.Schema, *, partition_by: Sequence[str]) -> DeltaTable:
        """Create a table unless it exists, and open it."""
        with translate_errors("create", table), suppress(CommitFailedError):
            DeltaTable.create(
                self.uri(table),
                schema,
                mode="ignore",
                partition_by=list(partition_by),
                configuration=TABLE_PROPERTIES,
                storage_options=STORAGE_OPTIONS,
            )
        return self.need(table)


def data_files(opened: DeltaTable, table: str) -> pd.DataFrame:
    """Return the statistics of each data file, of shape (n_files, n_statistics)."""
    with translate_errors("read", table):
        frame: pd.DataFrame = pa.table(opened.get_add_actions(flatten=True)).to_pandas()
    return frame


def row_count(files: pd.DataFrame, *, present: str | None) -> int:
    """Return the number of rows in data files, of those with a value of a column if one is named.

    Args:
        files: From `data_files`.
        present: Name of the column; files from before it was declared have no value of it.
    """
    rows = files["num_records"]
    if present is None:
        return int(rows.sum())
    missing = f"null_count.{present}"
    return int((rows - files[missing].fillna(rows)).sum()) if missing in files else 0
