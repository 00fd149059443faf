"""What every Delta table of a store has in common: where it is, its options, fences and errors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pandas as pd
import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from slipway.errors import NotFound, StoreUnavailable, Superseded

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


class TablesFolder:
    """Every table below the root of a store.

    Args:
        root: Root of the store: a local folder, or `s3://bucket/prefix`.
    """

    def __init__(self, root: str) -> None:
        self._root = root.rstrip("/") if "://" in root else str(Path(root).expanduser().resolve())

    def uri(self, table: str) -> str:
        """Address of a table."""
        return f"{self._root}/tables/{table}"

    def find(self, table: str, *, version: int | None = None) -> DeltaTable | None:
        """A table as it is, or was; None when there is no such table.

        Raises:
            NotFound: The table has no such version.
        """
        with ours("open", table):
            try:
                opened = DeltaTable(self.uri(table), storage_options=_OPTIONS)
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
        """A table that has to be there.

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
        """The table, made now if nobody has made it."""
        with ours("create", table), suppress(CommitFailedError):
            DeltaTable.create(
                self.uri(table),
                schema,
                mode="ignore",
                partition_by=list(partition_by),
                configuration=_CONFIGURATION,
                storage_options=_OPTIONS,
            )
        return self.need(table)


@contextmanager
def ours(verb: str, table: str) -> Iterator[None]:
    """Turns what the Delta libraries raise into our own.

    Raises:
        StoreUnavailable: Something could not be read or written.
    """
    try:
        yield
    except (DeltaError, OSError, pa.ArrowException) as error:
        raise StoreUnavailable(
            f"the store could not {verb} table {table}",
            found=type(error).__name__,
            hint="check SLIPWAY_STORE and, for S3, the AWS_… variables",
        ) from error


def data_files(opened: DeltaTable, table: str) -> pd.DataFrame:
    """Statistics of each data file, of shape (n_files, n_statistics)."""
    with ours("read", table):
        frame: pd.DataFrame = pa.table(opened.get_add_actions(flatten=True)).to_pandas()
    return frame


def refuse_late(current: DeltaTable, *, writer: str, number: int, table: str) -> None:
    """Make sure that a writer's newest commit so far is not newer than the one to come.

    Raises:
        Superseded: It is.
    """
    committed = current.transaction_version(writer)
    if committed is not None and committed > number:
        raise Superseded(
            f"attempt {number} may not commit to {table}",
            expected=f"attempt {committed} or a newer one",
            found=f"attempt {committed} has committed already",
            hint="nothing is lost: the newer attempt's rows are in the table",
        )
