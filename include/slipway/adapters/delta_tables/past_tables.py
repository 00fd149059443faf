"""A dataset's tables as they stood at a moment of their past: nothing newer can be read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NoReturn

import pandas as pd

from slipway.adapters.delta_tables.tables import DeltaTables
from slipway.errors import NotFound


class PastTables(DeltaTables):
    """Tables whose newest version is a pinned one.

    Args:
        root: Root of the store that holds the tables.
        versions: Pinned version by table; a table that is missing did not exist yet.
    """

    def __init__(self, root: str, versions: Mapping[str, int]) -> None:
        super().__init__(root)
        self.versions = dict(versions)

    def version(self, table: str) -> int | None:
        """Return the pinned version of a table, or None if it did not exist yet."""
        return self.versions.get(table)

    def read(
        self,
        table: str,
        *,
        version: int | None = None,
        columns: Sequence[str] | None = None,
        where: Sequence[tuple[str, str, Any]] = (),
    ) -> pd.DataFrame:
        """Return rows as `DeltaTables.read` does."""
        return super().read(table, version=self._need(table, version), columns=columns, where=where)

    def stream(
        self,
        table: str,
        *,
        version: int,
        columns: Sequence[str],
        where: Sequence[tuple[str, str, Any]] = (),
        chunk_rows: int,
    ) -> Iterator[pd.DataFrame]:
        """Yield rows as `DeltaTables.stream` does."""
        known = self._need(table, version)
        return super().stream(
            table, version=known, columns=columns, where=where, chunk_rows=chunk_rows
        )

    def newest(
        self, table: str, column: str, *, version: int | None = None, besides: str | None = None
    ) -> datetime | None:
        """Return the greatest timestamp of a column, or None if there is none."""
        if table not in self.versions:
            return None
        known = self._need(table, version)
        return super().newest(table, column, version=known, besides=besides)

    def count(self, table: str, *, version: int | None = None, present: str | None = None) -> int:
        """Return the number of rows; 0 if the table did not exist yet."""
        if table not in self.versions:
            return 0
        return super().count(table, version=self._need(table, version), present=present)

    def columns(self, table: str, *, version: int) -> tuple[str, ...]:
        """Return the names of a version's columns."""
        return super().columns(table, version=self._need(table, version))

    def notes(self, table: str, *, version: int) -> list[Mapping[str, str]]:
        """Return the notes of the commits up to a version, oldest first."""
        return super().notes(table, version=self._need(table, version))

    def publish(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse: the past cannot be changed.

        Raises:
            NotFound: Always.
        """
        raise NotFound("tables of the past cannot be written")

    def _need(self, table: str, version: int | None) -> int:
        """The version to read: the pinned one, or an older one.

        Raises:
            NotFound: The table, or the version, did not exist yet.
        """
        newest = self.versions.get(table)
        if newest is None or (version is not None and version > newest):
            raise NotFound(
                f"{table} had no such version then",
                expected="none" if newest is None else f"0 to {newest}",
                found=None if version is None else str(version),
            )
        return newest if version is None else version
