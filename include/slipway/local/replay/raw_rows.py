"""Read all rows of historical files, cells as the files have them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slipway.errors import BadParameter
from slipway.records.landed_names import PARQUET, is_ignored
from slipway.spec import DatasetSpec
from slipway.spec.csv import text_format
from slipway.spec.dataset import StreamName
from slipway.stages.ingest.absent_labels import with_absent_labels
from slipway.stages.ingest.faults import Faults
from slipway.stages.ingest.header import header_problem
from slipway.stages.ingest.identity_columns import IdentityColumns
from slipway.wiring import Container
from slipway.wiring.matching_stream import find_place
from slipway.wiring.proposed_delivery import ProposedDelivery, proposed_delivery

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa


@dataclass(frozen=True)
class FileArrival:
    """When a file of the past was handled by an installation, UTC.

    Attributes:
        first: When its batch was handled first.
        newest: When it was handled as it is now.
    """

    first: datetime
    newest: datetime


@dataclass(frozen=True)
class RowArrivals:
    """When the files of rows were handled, of shape (n_rows,); NaT where that is not recorded."""

    first: np.ndarray[Any, Any]
    newest: np.ndarray[Any, Any]

    @classmethod
    def of_files(cls, files: Sequence[FileArrival | None], sizes: Sequence[int]) -> RowArrivals:
        """Return the arrivals of files for each of their rows."""
        import numpy as np

        def of_rows(moments: Sequence[datetime | None]) -> np.ndarray[Any, Any]:
            plain = [None if one is None else one.replace(tzinfo=None) for one in moments]
            return np.repeat(np.array(plain, "datetime64[us]"), sizes)

        return cls(
            of_rows([None if one is None else one.first for one in files]),
            of_rows([None if one is None else one.newest for one in files]),
        )


@dataclass(frozen=True)
class RawRows:
    """Rows of a stream, cells as the files have them.

    Attributes:
        table: Declared columns.
        sizes: Rows of each file, in the order of the table.
        broken: Number of lines that are no rows.
        arrived: When their files were handled; None: that is not looked at.
    """

    table: pa.Table
    sizes: Sequence[int]
    broken: int
    arrived: RowArrivals | None = None


def read_history(
    place: Path,
    spec: DatasetSpec,
    container: Container,
    *,
    arrived: Mapping[Path, FileArrival] | None = None,
) -> dict[StreamName, RawRows]:
    """Return the rows of every file, by stream.

    Args:
        place: A file, a folder of files, or one with folders `features` and `labels`.
        spec: Dataset.
        container: Project.
        arrived: When files were handled, by their paths; None: that is not looked at.

    Raises:
        NotFound: There is no such file.
        BadParameter: A file fits no stream, or there is none of features.
        BadBatch: A file cannot be read.
    """
    parts: dict[StreamName, list[tuple[pa.Table, int]]] = {}
    files: dict[StreamName, list[FileArrival | None]] = {}
    for file in history_files(place):
        stream = next((one for one in spec.streams.delivered if one == file.parent.name), None)
        with proposed_delivery(file) as proposed:
            found = find_place(proposed, container, dataset=spec.dataset, stream=stream, file=file)
            parts.setdefault(found.stream, []).append(_read(proposed, spec, found.stream))
            files.setdefault(found.stream, []).append((arrived or {}).get(file))
    if "features" not in parts:
        raise BadParameter(
            f"there are no features of {spec.dataset}",
            expected="files that can be deliveries",
            where=str(place),
        )
    found_rows: dict[StreamName, RawRows] = {}
    for stream, read in parts.items():
        sizes = [table.num_rows for table, _ in read]
        found_rows[stream] = RawRows(
            _joined([table for table, _ in read]),
            sizes,
            sum(broken for _, broken in read),
            RowArrivals.of_files(files[stream], sizes) if arrived else None,
        )
    return found_rows


def typed(table: pa.Table, name: str, spec: DatasetSpec) -> pa.Array:
    """Return a column of features or labels in its declared type; refused cells are missing."""
    from slipway.values.arrays import cast_array

    declared = {**spec.streams.labels.columns, **spec.streams.features.columns}[name]
    column = table[name].combine_chunks()
    return cast_array(column, declared.type, text_format(spec.csv, declared)).values


def identity_columns(
    table: pa.Table, spec: DatasetSpec, stream: StreamName, *, arrived: datetime | None = None
) -> dict[str, pa.Array]:
    """Return the columns of key and, for features, event time, as ingest derives them.

    Args:
        table: Rows.
        spec: Dataset.
        stream: `features` or `labels`.
        arrived: Moment of their delivery, where that is the event time.
    """
    key, time = spec.identity.key, spec.identity.time
    parts = {name: typed(table, name, spec) for name in _parts(spec, stream)}
    derived = IdentityColumns(spec.identity, stream, arrived).derive(parts, Faults(), first=0)
    wanted = (key.column, time.column) if stream == "features" else (key.column,)
    return {name: derived.get(name, parts.get(name)) for name in wanted}


def _parts(spec: DatasetSpec, stream: StreamName) -> list[str]:
    key, time = spec.identity.key, spec.identity.time
    names = [part.name for part in key.parts] or [key.column]
    if stream == "features" and time.source != "arrival":
        names += [part.name for part in time.parts] or [time.column]
    return list(dict.fromkeys(names))


def history_files(place: Path) -> list[Path]:
    """Return the files of history, in the order of their names."""
    if not place.is_dir() or place.suffix.lower() in PARQUET:
        return [place]
    found: list[Path] = []
    for one in sorted(place.iterdir()):
        if not is_ignored(one.name):
            found += history_files(one)
    return found


def _read(
    proposed: ProposedDelivery, spec: DatasetSpec, stream: StreamName
) -> tuple[pa.Table, int]:
    import pyarrow as pa

    from slipway.adapters.sources.open_delivery import open_delivery

    opened = open_delivery(proposed.path, proposed.suffix, csv=spec.csv)
    declared = list(spec.streams.file(stream).columns)
    if stream == "features":
        opened = with_absent_labels(opened, spec)
    problem = header_problem(
        opened.names,
        declared,
        spec.csv,
        has_line=opened.has_header_line,
        indexes=opened.indexes,
    )
    if problem is not None:
        raise problem
    blocks, broken = [], 0
    for block in opened.rows(declared):
        broken += len(block.broken)
        if block.count:
            columns = {name: _array(block.columns[name]) for name in declared}
            blocks.append(pa.table(columns))
    return _joined(blocks), broken


def _array(cells: pa.Array | Sequence[object]) -> pa.Array:
    import pyarrow as pa

    if isinstance(cells, pa.Array):
        return cells.dictionary_decode() if pa.types.is_dictionary(cells.type) else cells
    texts = (str(one).lower() if isinstance(one, bool) else one for one in cells)
    return pa.array([None if one is None else str(one) for one in texts], pa.string())


def _joined(tables: Sequence[pa.Table]) -> pa.Table:
    """Join tables; a column of several types becomes one of texts."""
    import pyarrow as pa

    names = tables[0].column_names
    columns = {name: list(_of_one_type([table[name] for table in tables])) for name in names}
    return pa.table({name: pa.chunked_array(chunks) for name, chunks in columns.items()})


def _of_one_type(columns: Sequence[pa.ChunkedArray]) -> Iterator[pa.Array]:
    import pyarrow as pa

    types = {column.type for column in columns if not pa.types.is_null(column.type)}
    kind = next(iter(types)) if len(types) == 1 else pa.string()
    for column in columns:
        yield from (column.cast(kind) if column.type != kind else column).chunks
