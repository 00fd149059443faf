"""Encode rows, such as quarantined ones, as Parquet (pyarrow)."""

from __future__ import annotations

import io

import pandas as pd
import pyarrow as pa
from pyarrow import parquet


def pack_rows(frame: pd.DataFrame) -> bytes:
    """Return a frame as the bytes of a Parquet file; values of mixed types become text."""
    # Not by `assign`, which takes no column `self`.
    packed = frame.copy(deep=False)
    for name in frame.columns[frame.dtypes == "object"]:
        packed[name] = frame[name].map(_text, na_action="ignore").astype("str")
    table = pa.Table.from_pandas(packed, preserve_index=False)
    sink = io.BytesIO()
    parquet.write_table(table.replace_schema_metadata(None), sink)
    return sink.getvalue()


def _text(value: object) -> str:
    """A value as text; what is no Unicode, such as half of a surrogate pair, is spelt out."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return str(value).encode("utf-8", "backslashreplace").decode()
