"""Decode V2's binary tensor data extension: columns sent as bytes after the JSON.

Runs in model servers only.
Sizes are checked before any value is read, so a request cannot allocate more memory than it sent.
Source: the Open Inference Protocol's "Binary Tensor Data Extension".
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from math import isfinite, isinf
from typing import Any

from slipway.serving.v2.errors import Malformed, Mismatch
from slipway.serving.v2.tensors import FLOATS, INTEGERS, Tensor, quoted_name, refuse_datatype

SIZE = "binary_data_size"
# Format character of the struct module by datatype; values are little-endian.
CODES = dict(
    zip(
        ("FP16", "FP32", "FP64", "BOOL", *INTEGERS),
        ("e", "f", "d", "?", "b", "h", "i", "q", "B", "H", "I", "Q"),
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
        Mismatch: A value is infinite or not UTF-8.
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
        refuse_datatype(tensor)
    packing = f"<{rows}{code}"
    needed = struct.calcsize(packing)
    if needed != len(raw):
        raise _bad_binary(tensor, expected=f"{needed} bytes for {rows} rows", found=f"{len(raw)}")
    values: list[Any] = list(struct.unpack(packing, raw))
    if tensor.datatype not in FLOATS or all(map(isfinite, values)):
        return values
    infinite = next((row for row, value in enumerate(values) if isinf(value)), None)
    if infinite is not None:
        raise Mismatch(
            f"column {quoted_name(tensor.name)} has an infinite number in row {infinite}",
            expected="a finite number, or NaN for a missing value",
        )
    return [value if isfinite(value) else None for value in values]


def _strings(tensor: Tensor, raw: bytes, *, rows: int) -> list[str]:
    """Values of a BYTES column: each string follows its 4-byte length."""
    values = []
    at = 0
    length_at = LENGTH.unpack_from
    try:
        for _ in range(rows):
            begin = at + LENGTH.size
            at = begin + length_at(raw, at)[0]
            values.append(raw[begin:at].decode())
    except struct.error:
        raise _bad_binary(tensor, expected=f"{rows} strings", found=f"{len(values)}") from None
    except UnicodeDecodeError:
        # A length beyond the end may have cut the string in the middle of a character.
        if at <= len(raw):
            raise Mismatch(
                f"column {quoted_name(tensor.name)} has an invalid string in row {len(values)}",
                expected="UTF-8",
            ) from None
    if at != len(raw):
        raise _bad_binary(tensor, expected=f"{rows} strings that take exactly {len(raw)} bytes")
    return values


def _bad_binary(
    tensor: Tensor, *, expected: str, found: str | None = None, hint: str | None = None
) -> Malformed:
    return Malformed(
        f"column {quoted_name(tensor.name)} has invalid binary data",
        expected=expected,
        found=found,
        hint=hint,
    )
