"""Write the rows of a view to temporary Parquet files, a frame at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import dataset

from slipway.errors import NotComputable

if TYPE_CHECKING:
    from slipway.values.value_types import ColumnType

_TYPES: Mapping[ColumnType, pa.DataType] = {
    "string": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us"),
}


def write_view(
    folder: Path, frames: Iterable[pd.DataFrame], columns: Mapping[str, ColumnType]
) -> dataset.Dataset:
    """Return the rows of a view as files, with times in UTC without a zone.

    Frames of one schema share a file; a column that no frame has is left out.

    Args:
        folder: Folder to create.
        frames: Rows.
        columns: Columns of the view with the types of one without rows.

    Raises:
        NotComputable: Frames disagree about a column's type.
    """
    folder.mkdir()
    writers: dict[pa.Schema, pq.ParquetWriter] = {}
    paths: list[str] = []
    with ExitStack() as stack:
        for frame in frames:
            kept = [name for name in columns if name in frame]
            table = pa.Table.from_pandas(_plain(frame[kept]), preserve_index=False)
            table = table.replace_schema_metadata(None)
            if table.schema not in writers:
                paths.append(str(folder / f"{len(paths)}.parquet"))
                writer = pq.ParquetWriter(paths[-1], table.schema)
                writers[table.schema] = stack.enter_context(writer)
            writers[table.schema].write_table(table)
    if not writers:
        schema = pa.schema([(name, _TYPES[kind]) for name, kind in columns.items()])
        return dataset.dataset(schema.empty_table())
    try:
        schema = pa.unify_schemas(list(writers), promote_options="permissive")
    except pa.ArrowException as error:
        raise NotComputable("the rows disagree about a column's type", found=str(error)) from error
    return dataset.dataset(paths, schema=schema, format="parquet")


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with times in UTC without a zone, in which SQL compares them with parameters."""
    zoned = frame.select_dtypes("datetimetz").columns
    return frame.assign(
        **{name: frame[name].dt.tz_convert(UTC).dt.tz_localize(None) for name in zoned}
    )
