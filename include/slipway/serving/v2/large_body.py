"""Decode a large JSON body without holding the interpreter for long.

Runs in model servers only, in the thread of the model. A parser in C lets no other thread run
before it returns, so the work of each call is bounded first: the objects and lists of a body by the
columns and rows that a request can have, the values of a column by the rows that its shape
declares. All that is no data is small, and is parsed once the data are cut out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Any, cast

import msgspec
import numpy as np

from slipway.serving.v2 import json_codec
from slipway.serving.v2.errors import Mismatch, TooLarge
from slipway.serving.v2.json_codec import InferRequest
from slipway.serving.v2.rows import columns_by_name, count_rows, misshapen
from slipway.serving.v2.tensors import Tensor, mismatch
from slipway.values.v2_tensors import TYPES_OF, BadTensor, wrong_datatype

DIRECT_BYTES = 4 << 10
"""Up to this size a body is parsed in one call; the worst one takes 7 ms."""

SPARE = 4096
"""Objects and lists beyond those of a request, so that common mistakes are still named."""

HEAD_BYTES, COLUMN_BYTES = 64 << 10, 1 << 10
"""Limit on all that is no data: for a body, and for each column of the model."""

CUT_BYTES = 64
"""Shorter data are parsed with the rest."""

MOST_EXPONENTS = 500
"""A number close to the limits of float64, such as 1e308, takes the parser 8 µs."""

MOST_DIGITS = 1100
"""The exact value of a float64 has fewer; an integer takes the square of its digits."""

LONG_CELL = 100
"""Mean bytes of a column's numbers from which their digits are counted."""

_BRACKETS = re.compile(rb'"(?:[^"\\]++|\\.)*+"|([{\[])', re.DOTALL)
_NESTED = re.compile(rb"\[[ \t\r\n]*\[")
_DIGITS = re.compile(rb"[0-9]+")

_Text = str | None
_Number = bool | int | float | None
_ONE = msgspec.Meta(min_length=1, max_length=1)
_DECODERS: dict[tuple[bool, bool], msgspec.json.Decoder[Any]] = {
    (True, False): msgspec.json.Decoder(list[_Text]),
    (True, True): msgspec.json.Decoder(list[Annotated[list[_Text], _ONE]]),
    (False, False): msgspec.json.Decoder(list[_Number]),
    (False, True): msgspec.json.Decoder(list[Annotated[list[_Number], _ONE]]),
}
"""By whether a column holds texts, and whether each value is in a list of its own."""

# Python reads 1e308 in 0.2 µs, but only values without a declared type are given to it.
_exponents = msgspec.json.Decoder(list[Any], float_hook=float)


class _Column(msgspec.Struct):
    data: msgspec.Raw = msgspec.Raw()


class _Columns(msgspec.Struct):
    inputs: list[_Column]


_columns = msgspec.json.Decoder(_Columns)


class _Unread:
    """Data of a column that are not parsed yet; as long as they have values, or texts at least."""

    def __init__(self, raw: msgspec.Raw, *, is_text: bool) -> None:
        self.raw = bytes(raw)
        if is_text:
            # An escaped quote stands behind a backslash, and so do some that end a text.
            self._length = (self.raw.count(b'"') - self.raw.count(b'\\"') + 1) // 2
        else:
            self._length = self.raw.count(b",") + 1

    def __len__(self) -> int:
        return self._length


def parse_large(body: bytes, *, columns: int, max_rows: int) -> InferRequest:
    """Decode an infer request whose columns are then of the shape that they declare.

    Args:
        body: JSON.
        columns: Columns that a request may have.
        max_rows: Limit on rows.

    Raises:
        Malformed: The body is not a V2 request.
        Mismatch: The shapes or the data of columns do not match.
        TooLarge: It has more than `max_rows` rows, or too much that is no data.
    """
    _check_brackets(body, opened=b"{", most=SPARE + 2 * columns)
    _check_brackets(body, opened=b"[", most=SPARE + columns * (max_rows + 2))
    head, cut = _cut_data(body, most=HEAD_BYTES + COLUMN_BYTES * columns)
    request = json_codec.parse(head)
    unread = []
    for tensor, raw in zip(request.inputs, cut, strict=True):
        if raw is not None:
            data = _Unread(raw, is_text=tensor.datatype == "BYTES")
            tensor.data = cast(Any, data)
            unread.append((tensor, data))
    if unread:
        columns_by_name(request.inputs)
        rows = count_rows(request.inputs, max_rows=max_rows)
        for tensor, data in unread:
            tensor.data = _values(tensor, data, rows=rows)
    return request


def _check_brackets(text: bytes, *, opened: bytes, most: int) -> None:
    if text.count(opened) > most and _has_more(text, opened=opened, than=most):
        raise TooLarge(
            "the body has more lists or objects than a request to this model can have",
            expected=f"at most {most} of {opened.decode()}",
            hint="send fewer rows at a time",
        )


def _has_more(text: bytes, *, opened: bytes, than: int) -> bool:
    """Whether more brackets are opened outside of texts; stops as soon as it is known."""
    found: Iterator[Any] = (one for one in _BRACKETS.finditer(text) if one[1] == opened)
    return next(islice(found, than, None), None) is not None


def _cut_data(body: bytes, *, most: int) -> tuple[bytes, list[msgspec.Raw | None]]:
    """Return the body with empty lists as the data of columns, and the data by column."""
    columns = json_codec.decode_body(body, _columns).inputs
    data = [one.data if len(memoryview(one.data)) > CUT_BYTES else None for one in columns]
    cut = [one for one in data if one is not None]
    size = len(body) - sum(len(memoryview(one)) for one in cut)
    if size > most:
        raise TooLarge(
            "the body has too many bytes that are no data of columns",
            expected=f"at most {most}",
            found=str(size),
        )
    start, parts, at = _address(body), [], 0
    for one in cut:
        begin = _address(one) - start
        parts += [body[at:begin], b"[]"]
        at = begin + len(memoryview(one))
    return b"".join([*parts, body[at:]]), data


def _address(text: bytes | msgspec.Raw) -> int:
    return int(np.frombuffer(text, np.uint8).ctypes.data)


def _values(tensor: Tensor, data: _Unread, *, rows: int) -> list[Any]:
    """Values of a column, as many as its shape declares at most."""
    if tensor.datatype not in TYPES_OF:
        raise mismatch(tensor, wrong_datatype(tensor.datatype, sorted(TYPES_OF)))
    is_text = tensor.datatype == "BYTES"
    raw = data.raw
    if len(data) > rows:
        raise _not_numbers(tensor) if b'"' in raw and not is_text else misshapen(tensor)
    if raw.count(b"[") > rows + 1 and _has_more(raw, opened=b"[", than=rows + 1):
        raise misshapen(tensor)
    is_nested = len(tensor.shape) > 1 and _NESTED.match(raw) is not None
    decoder = _DECODERS[is_text, is_nested]
    if not is_text:
        _check_digits(tensor, raw, rows=rows)
        if raw.count(b"e") + raw.count(b"E") > MOST_EXPONENTS:
            decoder = _exponents
    values: list[Any] = json_codec.decode_column(raw, decoder, tensor)
    # So many lists would otherwise be looked at again and again by the garbage collector.
    return [value for [value] in values] if is_nested and decoder is not _exponents else values


def _check_digits(tensor: Tensor, raw: bytes, *, rows: int) -> None:
    if len(raw) <= LONG_CELL * rows:
        return
    if max(map(len, _DIGITS.findall(raw)), default=0) > MOST_DIGITS:
        raise mismatch(
            tensor, BadTensor("has a number of too many digits", expected=f"at most {MOST_DIGITS}")
        )


def _not_numbers(tensor: Tensor) -> Mismatch:
    bad = BadTensor("has a value of a wrong type", expected=tensor.datatype, found="a string")
    return mismatch(tensor, bad)
