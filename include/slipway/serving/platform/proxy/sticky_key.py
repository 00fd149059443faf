"""Sticky key of a request: a header of the client, else the key of its first row."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

import msgspec

KEY = b"x-slipway-key"
HEAD_BYTES = b"inference-header-content-length"
LARGEST_BODY_BYTES = 64 << 10


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


def sticky_key(headers: Mapping[bytes, bytes], body: bytes, *, column: str | None) -> str | None:
    """Header `x-slipway-key`, else the first row's value of the key column, else None.

    Bodies above 64 KiB are not parsed.

    Args:
        headers: Headers of the request, by name in lower case.
        body: Body of the request.
        column: Name of the key column, or None if unknown.
    """
    if KEY in headers:
        return headers[KEY].decode("latin-1")
    if column is None or len(body) > LARGEST_BODY_BYTES:
        return None
    try:
        head = int(headers.get(HEAD_BYTES, len(body)))
        return _first(_decoder.decode(body[:head]), body[head:], column)
    except (msgspec.MsgspecError, ValueError, RecursionError, struct.error):
        # The model server reports what is wrong with the body.
        return None


def _first(body: _Body, tail: bytes, column: str) -> str | None:
    begin = 0
    for tensor in body.inputs:
        size = tensor.parameters.binary_data_size if tensor.parameters else 0
        if tensor.name == column:
            return _binary(tensor.datatype, tail[begin:]) if size else _scalar(tensor.data)
        begin += size
    return None


def _scalar(data: msgspec.Raw) -> str | None:
    value: Any = msgspec.json.decode(data)
    while isinstance(value, list) and value:
        value = value[0]
    return str(value) if isinstance(value, str | int | float) else None


def _binary(datatype: str, data: bytes) -> str | None:
    if datatype == "INT64":
        return str(struct.unpack_from("<q", data)[0])
    if datatype != "BYTES":
        return None
    # Each element follows its length.
    (length,) = struct.unpack_from("<I", data)
    return data[4 : 4 + length].decode(errors="replace")
