"""Decode V2's binary tensor data extension: columns sent as bytes after the JSON.

Runs in model servers only.
Sizes are checked before any value is read, so a request cannot allocate more memory than it sent.
Source: the Open Inference Protocol's "Binary Tensor Data Extension".
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Any

from slipway.serving.v2.errors import Malformed, Mismatch
from slipway.serving.v2.tensors import Tensor, mismatch, quoted_name
from slipway.values.v2_tensors import INTEGERS, TYPES_OF, wrong_datatype

SIZE = "binary_data_size"
# Format character of the struct module by datatype; values are little-endian.
CODES = dict(
    zip(
        ("FP16", "FP32", "FP64", "BOOL", *INTEGERS),
        ("e", "f", "d", "B", "b", "h", "i", "q", "B", "H", "I", "Q"),
        strict=True,
    )
)
LENGTH = struct.Struct("<I")


def attach_binary_data(tensors: Iterable[Tensor], tail: memoryview, *, rows: int) -> None:
    """Set the data of each column that was sent as bytes.

    Args:
        tensors: Columns in request order; the shape of each declares `rows` rows.
        tail: The bytes after the JSON.
        rows: Number of values per column.

    Raises:
        Malformed: A size does not fit the bytes that were sent, or the shape.
        Mismatch: The datatype is unknown, or a boolean is neither 0 nor 1.
    """
    read = 0
    for tensor in tensors:
        size = _size_of(tensor)
        if size is None:
            if tensor.data is None:
                raise missing_data(tensor)
            continue
        if size > len(tail) - read:
            raise _bad_binary(
                tensor,
                expected=f"at most {len(tail) - read} bytes, the rest of the body",
                hint="binary data needs the header Inference-Header-Content-Length",
            )
        tensor.data = _values(tensor, tail[read : read + size], rows=rows)
        read += size
    if read < len(tail):
        raise Malformed(
            "the body has bytes after the last column",
            expected=f"{read} bytes after the JSON",
            found=f"{len(tail)}",
        )


def missing_data(tensor: Tensor) -> Malformed:
    """Error for a column with neither `data` nor binary data."""
    return Malformed(
        f"column {quoted_name(tensor.name)} has no data",
        expected=f"`data`, or the parameter `{SIZE}`",
    )


def _size_of(tensor: Tensor) -> int | None:
    size = (tensor.parameters or {}).get(SIZE)
    if size is None:
        return None
    if type(size) is not int or size < 0:
        raise _bad_binary(tensor, expected=f"{SIZE} as a number of bytes, 0 or more")
    if tensor.data is not None:
        raise _bad_binary(tensor, expected=f"either data or {SIZE}, not both")
    return size


def _values(tensor: Tensor, raw: memoryview, *, rows: int) -> list[Any]:
    if tensor.datatype == "BYTES":
        return _strings(tensor, bytes(raw), rows=rows)
    code = CODES.get(tensor.datatype)
    if code is None:
        raise mismatch(tensor, wrong_datatype(tensor.datatype, sorted(TYPES_OF)))
    packing = f"<{rows}{code}"
    needed = struct.calcsize(packing)
    if needed != len(raw):
        raise _bad_binary(tensor, expected=f"{needed} bytes for {rows} rows", found=f"{len(raw)}")
    values: list[Any] = list(struct.unpack(packing, raw))
    if tensor.datatype == "BOOL":
        return _booleans(tensor, values)
    return values


def _booleans(tensor: Tensor, values: list[int]) -> list[bool]:
    if max(values, default=0) > 1:
        row = next(row for row, value in enumerate(values) if value > 1)
        raise Mismatch(
            f"column {quoted_name(tensor.name)} has a value in row {row} that is a number other "
            "than 0 and 1, not a boolean",
            expected="a byte of 0 or 1",
        )
    return list(map(bool, values))


def _strings(tensor: Tensor, raw: bytes, *, rows: int) -> list[str | bytes]:
    """Values of a BYTES column: each string follows its 4-byte length."""
    values: list[str | bytes] = []
    at = 0
    length_at = LENGTH.unpack_from
    try:
        for _ in range(rows):
            begin = at + LENGTH.size
            at = begin + length_at(raw, at)[0]
            values.append(_text(raw[begin:at]))
    except struct.error:
        raise _bad_binary(tensor, expected=f"{rows} strings", found=f"{len(values)}") from None
    if at != len(raw):
        raise _bad_binary(tensor, expected=f"{rows} strings that take exactly {len(raw)} bytes")
    return values


def _text(data: bytes) -> str | bytes:
    """A string; bytes that are no UTF-8 as they are, for the column's declared type to refuse."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def _bad_binary(
    tensor: Tensor, *, expected: str, found: str | None = None, hint: str | None = None
) -> Malformed:
    return Malformed(
        f"column {quoted_name(tensor.name)} has invalid binary data",
        expected=expected,
        found=found,
        hint=hint,
    )
