"""Sticky key of a request: a header of the client, else the key of its first row."""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from slipway.values.row_keys import composed_key

KEY = b"x-slipway-key"
HEAD_BYTES = b"inference-header-content-length"
LARGEST_BODY_BYTES = 64 << 10
_FIRST = re.compile(rb'[\[ \t\r\n]*("(?:[^"\\]++|\\.)*+"|[^\[\],{}" \t\r\n]+)')


class _Parameters(msgspec.Struct):
    binary_data_size: int = 0


class _Tensor(msgspec.Struct):
    name: str
    datatype: str
    data: msgspec.Raw = msgspec.Raw()
    parameters: _Parameters | None = None


class _Body(msgspec.Struct):
    inputs: list[_Tensor]


_decoder = msgspec.json.Decoder(_Body)


def sticky_key(
    headers: Mapping[bytes, bytes], body: bytes, *, columns: Sequence[str]
) -> str | None:
    """Header `x-slipway-key`, else the first row's values of the key's columns, else None.

    Bodies above 64 KiB are not parsed.

    Args:
        headers: Headers of the request, by name in lower case.
        body: Body of the request.
        columns: Columns of the key; empty if unknown.
    """
    if KEY in headers:
        return headers[KEY].decode("latin-1")
    if not columns or len(body) > LARGEST_BODY_BYTES:
        return None
    try:
        head = int(headers.get(HEAD_BYTES, len(body)))
        found = _first(_decoder.decode(body[:head]), body[head:], columns)
    except (msgspec.MsgspecError, ValueError, RecursionError, struct.error):
        # The model server reports what is wrong with the body.
        return None
    values = [found.get(name) for name in columns]
    texts = [value for value in values if value is not None]
    # One column's value stays as it is: it has always decided.
    if len(texts) == len(columns) == 1:
        return texts[0]
    return composed_key(texts) if len(texts) == len(columns) else None


def _first(body: _Body, tail: bytes, columns: Sequence[str]) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    begin = 0
    for tensor in body.inputs:
        size = tensor.parameters.binary_data_size if tensor.parameters else 0
        if tensor.name in columns:
            is_binary = bool(size)
            found.setdefault(
                tensor.name,
                _binary(tensor.datatype, tail[begin:]) if is_binary else _scalar(tensor.data),
            )
            if len(found) == len(columns):
                break
        begin += size
    return found


def _scalar(data: msgspec.Raw) -> str | None:
    """First value of a column; the others are not parsed."""
    first = _FIRST.match(bytes(data))
    if first is None:
        return None
    value: Any = msgspec.json.decode(first[1])
    return str(value) if isinstance(value, str | int | float) else None


def _binary(datatype: str, data: bytes) -> str | None:
    if datatype == "INT64":
        return str(struct.unpack_from("<q", data)[0])
    if datatype != "BYTES":
        return None
    # Each element follows its length.
    (length,) = struct.unpack_from("<I", data)
    return data[4 : 4 + length].decode(errors="replace")
