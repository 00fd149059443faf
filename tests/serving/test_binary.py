"""Binary tensors: bytes behind the JSON are read as sent, and wrong sizes are refused."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.errors import BadRequest
from slipway.serving.v2.binary import CODES, SIZE
from slipway.serving.v2.errors import Malformed, Mismatch, TooLarge
from slipway.serving.v2.protocol import Inputs, decode, encode_answer
from slipway.serving.v2.signature import Signature
from slipway.stages.ports.raw_column import RawColumn

SIGNATURE = Signature(
    columns=(
        RawColumn("distance", "number", required=True),
        RawColumn("temperature", "number", required=False),
        RawColumn("carrier", "string", required=True),
    ),
    key="flight_id",
    event_time=None,
)
SECRET = b"s3cret"


def packed(*texts: bytes) -> bytes:
    """Strings in V2's encoding of BYTES."""
    return b"".join(struct.pack("<I", len(text)) + text for text in texts)


def doubles(*values: float) -> bytes:
    """Numbers in V2's encoding of FP64."""
    return struct.pack(f"<{len(values)}d", *values)


GOOD: dict[str, tuple[str, bytes]] = {
    "distance": ("FP64", doubles(1.5, 2.5)),
    "temperature": ("FP64", doubles(math.nan, 3.0)),
    "carrier": ("BYTES", packed(b"AA", "ö".encode())),
}


def request(
    columns: dict[str, tuple[str, bytes]],
    *,
    rows: int = 2,
    change: Callable[[dict[str, Any]], None] = lambda _: None,
) -> tuple[bytes, int]:
    """A body, and the length of its JSON."""
    inputs = [
        {"name": name, "shape": [rows], "datatype": kind, "parameters": {SIZE: len(data)}}
        for name, (kind, data) in columns.items()
    ]
    body: dict[str, Any] = {"inputs": inputs}
    change(body)
    head = json.dumps(body).encode()
    return head + b"".join(data for _, data in columns.values()), len(head)


def read(body: bytes, json_bytes: int | None) -> Inputs:
    """The decoded request."""
    return decode(body, SIGNATURE, max_rows=3, json_bytes=json_bytes)


def test_bytes_are_read_as_they_were_sent() -> None:
    """Numbers and strings are equal; NaN is a missing value where one is allowed."""
    inputs = read(*request(GOOD))
    assert inputs.columns == {
        "distance": [1.5, 2.5],
        "temperature": [None, 3.0],
        "carrier": ["AA", "ö"],
    }


@pytest.mark.parametrize(("datatype", "code"), sorted(CODES.items()))
def test_every_datatype_is_little_endian(datatype: str, code: str) -> None:
    """Each V2 number type is read at its width."""
    column = datatype, struct.pack(f"<2{code}", 1, 0)
    assert read(*request({**GOOD, "distance": column})).columns["distance"] == [1, 0]


def test_bytes_and_json_may_stand_side_by_side() -> None:
    """Each column is in JSON or in binary."""
    body, json_bytes = request(
        {name: GOOD[name] for name in ("distance", "temperature")},
        change=lambda body: body["inputs"].insert(
            1, {"name": "carrier", "shape": [2], "datatype": "BYTES", "data": ["AA", "DL"]}
        ),
    )
    inputs = read(body, json_bytes)
    assert inputs.columns["carrier"] == ["AA", "DL"]
    assert inputs.columns["temperature"] == [None, 3.0]


def set_size(place: int, size: Any) -> Callable[[dict[str, Any]], None]:
    """A function that changes the declared size of one column."""
    return lambda body: body["inputs"][place]["parameters"].update({SIZE: size})


def also_data(body: dict[str, Any]) -> None:
    """A request with a column's data in both places."""
    body["inputs"][0]["data"] = [1.0, 2.0]


BAD: dict[str, tuple[tuple[bytes, int | None], type[BadRequest], str]] = {
    "size beyond the body": (request(GOOD, change=set_size(2, 10**9)), Malformed, "carrier"),
    "size that takes from the next": (request(GOOD, change=set_size(0, 24)), Malformed, "distance"),
    "size that leaves bytes": (request(GOOD, change=set_size(1, 8)), Malformed, "temperature"),
    "negative size": (request(GOOD, change=set_size(0, -16)), Malformed, "distance"),
    "size that is text": (request(GOOD, change=set_size(0, "s3cret")), Malformed, "distance"),
    "size that is half": (request(GOOD, change=set_size(0, 16.5)), Malformed, "distance"),
    "no size": (request(GOOD, change=set_size(0, None)), Malformed, "distance"),
    "data twice": (request(GOOD, change=also_data), Malformed, "distance"),
    "more rows than bytes": (request(GOOD, rows=3), Malformed, "distance"),
    "too many rows": (request(GOOD, rows=4), TooLarge, "rows"),
    "no rows": (
        request(dict.fromkeys(GOOD, ("FP64", b"")) | {"carrier": ("BYTES", b"")}, rows=0),
        Mismatch,
        "rows",
    ),
    "negative rows": (request(GOOD, rows=-2), Mismatch, "distance"),
    "NaN where one is needed": (
        request({**GOOD, "distance": ("FP64", doubles(1.0, math.nan))}),
        Mismatch,
        "'distance' has no value in row 1",
    ),
    "infinity": (
        request({**GOOD, "temperature": ("FP64", doubles(math.nan, -math.inf))}),
        Mismatch,
        "'temperature' has an infinite number in row 1",
    ),
    "infinity of half width": (
        request({**GOOD, "temperature": ("FP16", b"\x00\x00\x00\x7c")}),
        Mismatch,
        "temperature",
    ),
    "integer that is not exact": (
        request({**GOOD, "distance": ("INT64", struct.pack("<2q", 1, 2**53 + 1))}),
        Mismatch,
        "2^53",
    ),
    "not UTF-8": (
        request({**GOOD, "carrier": ("BYTES", packed(SECRET, b"\xff"))}),
        Mismatch,
        "'carrier' has an invalid string in row 1",
    ),
    "length beyond the column": (
        request({**GOOD, "carrier": ("BYTES", struct.pack("<I", 2**32 - 1) + SECRET)}),
        Malformed,
        "carrier",
    ),
    "length that cuts a character": (
        request({**GOOD, "carrier": ("BYTES", packed(SECRET) + struct.pack("<I", 2) + b"\xc3")}),
        Malformed,
        "carrier",
    ),
    "half a length": (request({**GOOD, "carrier": ("BYTES", b"\x01\x00")}), Malformed, "carrier"),
    "one string of two": (
        request({**GOOD, "carrier": ("BYTES", packed(SECRET))}),
        Malformed,
        "carrier",
    ),
    "three strings for two": (
        request({**GOOD, "carrier": ("BYTES", packed(SECRET, SECRET, SECRET))}),
        Malformed,
        "carrier",
    ),
    "datatype that has no width": (
        request({**GOOD, "distance": ("BF16", b"\x00" * 4)}),
        Mismatch,
        "distance",
    ),
    "strings for numbers": (
        request({**GOOD, "distance": ("BYTES", packed(SECRET, SECRET))}),
        Mismatch,
        "distance",
    ),
    "header beyond the body": ((request(GOOD)[0], 10**6), Malformed, "Content-Length"),
    "header that cuts the JSON": ((request(GOOD)[0], 20), Malformed, ""),
    "header of nothing": ((request(GOOD)[0], 0), Malformed, ""),
    "no header": ((request(GOOD)[0], None), Malformed, ""),
    "bytes behind the last column": (
        (request(GOOD)[0] + SECRET, request(GOOD)[1]),
        Malformed,
        "after the last column",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_does_not_fit_is_refused(name: str) -> None:
    """The error has the right status and the column, and no value."""
    (body, json_bytes), kind, named = BAD[name]
    with pytest.raises(kind) as refused:
        read(body, json_bytes)
    assert named in str(refused.value)
    assert SECRET.decode() not in str(refused.value)


@pytest.mark.parametrize(
    ("asked", "binary"),
    [
        ({}, False),
        ({"parameters": {"binary_data_output": True}}, True),
        ({"outputs": []}, False),
        ({"outputs": [{"name": "score"}], "parameters": {"binary_data_output": True}}, True),
        ({"outputs": [{"name": "score", "parameters": {"binary_data": True}}]}, True),
        (
            {
                "outputs": [{"name": "score", "parameters": {"binary_data": False}}],
                "parameters": {"binary_data_output": True},
            },
            False,
        ),
    ],
)
def test_an_answer_is_binary_where_it_is_asked_for(asked: dict[str, Any], *, binary: bool) -> None:
    """An output's own parameter outweighs the request's."""
    assert read(*request(GOOD, change=lambda body: body.update(asked))).outputs == {"score": binary}


def test_an_answer_is_one_output() -> None:
    """Scores in JSON with the model's name and version."""
    encoded = encode_answer("delay", 3, "mine", [0.25, 1.0])
    assert encoded.json_bytes is None
    assert json.loads(encoded.body) == {
        "model_name": "delay",
        "model_version": "3",
        "id": "mine",
        "outputs": [{"name": "score", "shape": [2], "datatype": "FP64", "data": [0.25, 1.0]}],
    }


def test_a_binary_answer_stands_behind_its_json() -> None:
    """The header is the length of the JSON; each score has eight bytes."""
    encoded = encode_answer("delay", 3, "mine", [0.25, -1.0], outputs={"score": True})
    assert encoded.json_bytes is not None
    head = json.loads(encoded.body[: encoded.json_bytes])
    [output] = head["outputs"]
    assert output == {
        "name": "score",
        "shape": [2],
        "datatype": "FP64",
        "parameters": {SIZE: 16},
    }
    assert encoded.body[encoded.json_bytes :] == doubles(0.25, -1.0)


@given(
    data=st.data(),
    place=st.integers(0, 2),
    size=st.integers(-2, 40) | st.integers(),
    rows=st.integers(-1, 4),
)
def test_any_sizes_are_read_or_refused(
    data: st.DataObject, place: int, size: int, rows: int
) -> None:
    """The decoder raises only `BadRequest`, for any sizes and bytes."""
    body, json_bytes = request(GOOD, rows=rows, change=set_size(place, size))
    tail = data.draw(st.just(body[json_bytes:]) | st.binary(max_size=64))
    header = data.draw(st.just(json_bytes) | st.integers(0, len(body) + 3))
    try:
        inputs = read(body[:json_bytes] + tail, header)
    except BadRequest:
        return
    assert all(len(values) == inputs.rows for values in inputs.columns.values())


@given(tail=st.binary(min_size=8, max_size=64))
def test_any_bytes_of_strings_are_read_or_refused(tail: bytes) -> None:
    """Any length prefixes are read or refused."""
    try:
        inputs = read(*request({**GOOD, "carrier": ("BYTES", tail)}))
    except BadRequest:
        return
    assert len(inputs.columns["carrier"]) == 2
