"""Tables in a list of versions."""

from __future__ import annotations

import math
import operator
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pandas as pd

from slipway.errors import BadBatch, NotFound, Superseded
from slipway.records.attempts import Attempt

# One for all of them, so that a test can copy what it has prepared.
_ALONE = threading.Lock()
_COMPARE = {
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "in": lambda column, allowed: column.isin(list(allowed)),
}


@dataclass
class _Table:
    versions: list[dict[str, pd.DataFrame]] = field(default_factory=lambda: [{}])
    committed: dict[str, int] = field(default_factory=dict)
    notes: list[Mapping[str, str]] = field(default_factory=list)


class MemoryTables:
    """A fake of the `Tables` port."""

    def __init__(self) -> None:
        self._tables: dict[str, _Table] = {}

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
        """Replace a batch's rows; the new version."""
        published = _normalised(pd.concat(rows).assign(_batch=batch))
        attempt.check()
        with _ALONE:
            known = self._tables.setdefault(table, _Table())
            if known.committed.get(writer, 0) > attempt.number:
                raise Superseded(f"attempt {attempt.number} may not commit to {table}")
            if known.committed.get(f"delivery/{batch}", 0) > (delivery or math.inf):
                raise Superseded(f"delivery {delivery} may not replace batch {batch} of {table}")
            self._refuse_other_types(table, published)
            known.committed[writer] = attempt.number
            if delivery is not None:
                known.committed[f"delivery/{batch}"] = delivery
            known.versions.append({**known.versions[-1], batch: published})
            known.notes.append(dict(note))
            return len(known.versions) - 1

    def version(self, table: str) -> int | None:
        """Newest version; None before the first."""
        known = self._tables.get(table)
        return None if known is None else len(known.versions) - 1

    def columns(self, table: str, *, version: int) -> tuple[str, ...]:
        """Names of the columns of a version."""
        return tuple(self.read(table, version=version).columns)

    def notes(self, table: str, *, version: int) -> list[Mapping[str, str]]:
        """Notes of the commits up to a version."""
        self.read(table, version=version)
        return self._tables[table].notes[:version]

    def read(
        self,
        table: str,
        *,
        version: int | None = None,
        columns: Sequence[str] | None = None,
        where: Sequence[tuple[str, str, Any]] = (),
    ) -> pd.DataFrame:
        """Rows of a version, newest by default."""
        known = self._tables.get(table)
        if known is None or (version is not None and not 0 <= version < len(known.versions)):
            raise NotFound(f"there is no version {version} of {table}")
        parts = known.versions[-1 if version is None else version].values()
        rows = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
        for column, comparison, value in where:
            rows = rows[_COMPARE[comparison](rows[column], value).fillna(value=False).astype(bool)]
        rows = rows.reset_index(drop=True)
        return rows if columns is None else rows[list(columns)]

    def stream(
        self,
        table: str,
        *,
        version: int,
        columns: Sequence[str],
        where: Sequence[tuple[str, str, Any]] = (),
        chunk_rows: int,
    ) -> Iterator[pd.DataFrame]:
        """Rows of a version in chunks."""
        rows = self.read(table, version=version, columns=columns, where=where)
        for first in range(0, len(rows), chunk_rows):
            yield rows.iloc[first : first + chunk_rows]

    def newest(
        self, table: str, column: str, *, version: int | None = None, besides: str | None = None
    ) -> datetime | None:
        """Greatest timestamp of a column; None without any."""
        if table not in self._tables:
            return None
        rows = self.read(table, version=version)
        rows = rows[rows["_batch"] != besides] if len(rows) else rows
        if column not in rows or rows[column].isna().all():
            return None
        greatest: pd.Timestamp = rows[column].max()
        return greatest.to_pydatetime()

    def count(self, table: str, *, version: int | None = None, present: str | None = None) -> int:
        """Number of rows, of those with a value of a column; 0 before the first version."""
        if table not in self._tables:
            return 0
        rows = self.read(table, version=version)
        if present is None:
            return len(rows)
        return int(rows[present].notna().sum()) if present in rows else 0

    def _refuse_other_types(self, table: str, rows: pd.DataFrame) -> None:
        for stored in self._tables[table].versions[-1].values():
            for column in rows.columns.intersection(stored.columns):
                if stored[column].dtype != rows[column].dtype:
                    raise BadBatch(f"column {column} has another type than in the table")


def _normalised(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({name: _kept(frame[name]) for name in frame})


def _kept(column: pd.Series) -> pd.Series:
    kind = column.dtype
    if isinstance(kind, pd.DatetimeTZDtype):
        return column.dt.tz_convert("UTC").dt.as_unit("us")
    if pd.api.types.is_bool_dtype(kind):
        return column.astype("boolean")
    if pd.api.types.is_integer_dtype(kind):
        return column.astype("Int64")
    if pd.api.types.is_float_dtype(kind):
        return column.astype("float64")
    if isinstance(kind, pd.StringDtype | pd.CategoricalDtype):
        return column.astype("str")
    if pd.api.types.is_object_dtype(kind) and pd.api.types.infer_dtype(column) == "string":
        return column.astype("str")
    raise BadBatch(f"column {column.name} cannot be stored")
