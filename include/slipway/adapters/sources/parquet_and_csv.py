"""Read a delivery's bytes, Parquet or CSV, as a frame (pyarrow)."""

from __future__ import annotations

import csv
import io

import pandas as pd
import pyarrow as pa
from pyarrow import csv as arrow_csv
from pyarrow import parquet

from slipway.errors import BadBatch

_PANDAS_TYPES = {
    pa.bool_(): pd.BooleanDtype(),
    pa.int8(): pd.Int8Dtype(),
    pa.int16(): pd.Int16Dtype(),
    pa.int32(): pd.Int32Dtype(),
    pa.int64(): pd.Int64Dtype(),
    pa.uint8(): pd.UInt8Dtype(),
    pa.uint16(): pd.UInt16Dtype(),
    pa.uint32(): pd.UInt32Dtype(),
    pa.uint64(): pd.UInt64Dtype(),
}


def read_delivery(data: bytes, suffix: str) -> pd.DataFrame:
    """Return a delivery's rows, of shape (n_rows, n_columns), in the columns that it holds.

    Integers and truth values keep their nulls. The columns of a CSV are all strings, so that no
    leading zero and no long number is lost before they are cast to the types of the spec.

    Args:
        data: Content of the file.
        suffix: `.parquet` or `.csv`.

    Raises:
        BadBatch: It cannot be read, names a column twice, or holds no row.
    """
    table = _read_csv(data) if suffix == ".csv" else _read_parquet(data)
    if table.num_rows == 0:
        raise BadBatch("the file holds no rows", expected="at least one row")
    names = table.column_names
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadBatch(f"the file names a column twice: {', '.join(twice)}")
    try:
        frame: pd.DataFrame = _plain(table).to_pandas(
            types_mapper=_PANDAS_TYPES.get, timestamp_as_object=False, date_as_object=False
        )
    except (pa.ArrowException, LookupError, ValueError, OverflowError) as error:
        raise BadBatch(
            "the file cannot be read as plain columns",
            expected="dates within reach of microseconds, and time zones that exist",
            found=type(error).__name__,
        ) from error
    return frame


def _read_parquet(data: bytes) -> pa.Table:
    if not data:
        raise BadBatch("the file is empty", expected="Parquet")
    try:
        # Metadata of pandas may request an index or types: only the columns count.
        return parquet.read_table(pa.BufferReader(data)).replace_schema_metadata(None)
    except (pa.ArrowException, OSError) as error:
        raise BadBatch(
            "the file cannot be read as Parquet",
            expected="a complete Parquet file",
            found=f"{len(data)} bytes that are truncated or of another format",
            hint="deliver it again; write it under another name first, then rename it",
        ) from error


def _read_csv(data: bytes) -> pa.Table:
    ragged: list[arrow_csv.InvalidRow] = []

    def note(row: arrow_csv.InvalidRow) -> str:
        ragged.append(row)
        return "error"

    header = _header(data)
    try:
        return arrow_csv.read_csv(
            pa.BufferReader(data),
            # One thread: with more, a bad row's number is not known.
            read_options=arrow_csv.ReadOptions(use_threads=False),
            parse_options=arrow_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=note),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(header, pa.string()),
                strings_can_be_null=True,
                null_values=[""],
            ),
        )
    except pa.ArrowException as error:
        # Arrow's message quotes the row.
        found = "bytes that are not UTF-8, or a quote that is never closed"
        if ragged:
            row = ragged[0]
            found = f"{row.actual_columns} values in line {row.number}"
        raise BadBatch(
            "the file cannot be read as CSV",
            expected=f"{len(header)} values in each line, as the header has, in UTF-8",
            found=found,
        ) from error


def _header(data: bytes) -> list[str]:
    try:
        lines = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig", newline="")
        header = next((row for row in csv.reader(lines) if row), None)
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadBatch(
            "the file cannot be read as CSV", expected="text in UTF-8 that begins with a header"
        ) from error
    if header is None:
        raise BadBatch("the file is empty", expected="a header and at least one row")
    return header


def _plain(table: pa.Table) -> pa.Table:
    """Return the table without dictionaries, decimals and other encodings of plain values."""
    fields = [field.with_type(_plain_type(field.type)) for field in table.schema]
    return table.cast(pa.schema(fields))


def _plain_type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return _plain_type(kind.value_type)
    if pa.types.is_decimal(kind) or pa.types.is_float16(kind):
        return pa.float64()
    if pa.types.is_null(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return pa.string()
    if pa.types.is_date(kind):
        return pa.timestamp("us")
    return kind
