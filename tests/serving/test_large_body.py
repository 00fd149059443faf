"""Large bodies are read as small ones are, and none holds the interpreter for long."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.errors import BadRequest
from slipway.serving.v2 import large_body, protocol
from slipway.serving.v2.errors import Mismatch, TooLarge
from slipway.serving.v2.protocol import Inputs
from tests.serving.model_versions import flights, request_of
from tests.serving.test_fast_decode import NAMES, SIGNATURE, TENSORS

BYTES = 16 << 20
ROWS = 20_000
CPU_SECONDS = 0.7
"""Processor time for the worst body, of which a sixth is needed on an idle machine."""


def decoded(body: bytes, *, max_rows: int = ROWS) -> Inputs:
    """The decoded request."""
    return protocol.decode(body, SIGNATURE, max_rows=max_rows)


def with_data(data: bytes, *, rows: int = 1, name: str = "distance", **change: Any) -> bytes:
    """A request of some rows with other data, as text, in one column."""
    body = request_of(flights(rows))
    for tensor in body["inputs"]:
        if tensor["name"] == name:
            tensor.update({"data": "@", **change})
    return json.dumps(body).encode().replace(b'"@"', data)


def filled(value: bytes) -> bytes:
    """A list of one value that fills a body."""
    return b"[" + value * (BYTES // len(value) - 1000) + value.rstrip(b",") + b"]"


OBJECTS = b",".join(b'"%d":1' % number for number in range(1_100_000))
TEXTS = {"name": "carrier"}
ATTACKS: dict[str, bytes] = {
    "lists without end": b"[" * BYTES,
    "objects without end": b'{"a":' * (BYTES // 5),
    "lists in lists as data": with_data(b"[" * (BYTES // 2) + b"]" * (BYTES // 2)),
    "empty lists": with_data(filled(b"[],")),
    "values in lists of their own": with_data(filled(b"[0],")),
    "nulls in lists of their own": with_data(filled(b"[null],"), **TEXTS),
    "many deep lists": with_data(filled(b"[" * 500 + b"]" * 500 + b",")),
    "objects as data": with_data(filled(b'{"a":0},')),
    "many short texts": with_data(filled(b'"a",'), **TEXTS),
    "texts that end in a backslash": with_data(filled(b'"\\\\",'), **TEXTS),
    "one row with many values": with_data(filled(b"1.5,")),
    "numbers of 4,300 digits": with_data(filled(b"9" * 4300 + b",")),
    "numbers of 4,300 digits, a row each": with_data(
        b"[" + b",".join([b"9" * 4300] * 3800) + b"]", rows=3800
    ),
    "a number without end": with_data(b"[" + b"9" * BYTES + b"]"),
    "a fraction without end": with_data(b"[0." + b"1" * BYTES + b"]"),
    "numbers at the end of float64": with_data(filled(b"1e308,")),
    "columns without end": b'{"inputs":['
    + b'{"name":"","shape":[],"datatype":""},' * (BYTES // 38)
    + b'{"name":"","shape":[],"datatype":""}]}',
    "one column again and again": b'{"inputs":['
    + b'{"name":"a","shape":[1],"datatype":"FP64","data":[1]},' * (BYTES // 55)
    + b'{"name":"a","shape":[1],"datatype":"FP64","data":[1]}]}',
    "a shape without end": with_data(b"[0]").replace(b"[1]", filled(b"1,"), 1),
    "outputs without end": b'{"outputs":' + filled(b'{"name":"score"},') + b',"inputs":[]}',
    "one key again and again": b'{"inputs":[]' + b',"id":"a"' * (BYTES // 9) + b"}",
    "parameters without end": b'{"inputs":[],"parameters":{' + OBJECTS + b"}}",
    "parameters of a column without end": with_data(b"[0]", parameters={"@": 1}).replace(
        b'"@": 1', OBJECTS
    ),
    "a name without end": with_data(b"[0]").replace(b'"distance"', b'"' + b"a" * BYTES + b'"'),
    "an escaped name without end": b'{"' + b"\\u0041" * (BYTES // 6) + b'":1}',
    "nothing but spaces": b" " * BYTES,
}


@pytest.mark.parametrize("name", ATTACKS)
def test_no_body_takes_long_to_be_refused(name: str) -> None:
    """The work of the parser is bounded before it begins."""
    began = time.thread_time()
    with pytest.raises(BadRequest):
        decoded(ATTACKS[name])
    assert time.thread_time() - began < CPU_SECONDS


def test_the_largest_body_of_numbers_that_parse_slowly_is_read_quickly() -> None:
    """Each of 20,000 numbers at the end of float64 would take the parser 5 µs."""
    slow = b"[" + b",".join([b"5e-324"] * ROWS) + b"]"
    body = with_data(slow, rows=ROWS)
    began = time.thread_time()
    inputs = decoded(body)
    assert time.thread_time() - began < CPU_SECONDS
    assert set(inputs.columns["distance"]) == {5e-324}


def test_a_limit_of_what_is_no_data_holds_for_spaces_too() -> None:
    """Spaces beside the data count, spaces between values do not."""
    body = json.dumps(request_of(flights(2))).encode()
    assert decoded(body.replace(b'"data": [', b'"data": [' + b" " * 200_000)).rows == 2
    with pytest.raises(TooLarge, match="no data of columns"):
        decoded(b" " * 200_000 + body)


def test_brackets_and_quotes_in_texts_are_no_values() -> None:
    """Texts of many brackets, braces, commas and escaped quotes are read as they are."""
    body = request_of(flights(3))
    texts = ['[{",\\' * 30_000, "]]}}" * 5, 'null,"']
    for tensor in body["inputs"]:
        if tensor["name"] == "carrier":
            tensor["data"] = texts
    assert decoded(json.dumps(body).encode()).columns["carrier"] == texts
    for tensor in body["inputs"]:
        tensor["shape"] = [3, 1]
        tensor["data"] = [[value] for value in tensor["data"]]
    assert decoded(json.dumps(body).encode()).columns["carrier"] == texts


@pytest.mark.parametrize(
    ("data", "change", "error"),
    [
        (b'["x"]', {}, "of a wrong type"),
        (b"[[]]", {"shape": [1, 1]}, "of a wrong type in row 0"),
        (b"[{}]", {}, "of a wrong type in row 0"),
        (b"[1.0, 2.0]", {}, "wrong shape"),
        (b"[1.0]", {"datatype": "odd"}, "wrong datatype"),
    ],
)
def test_a_mistake_in_a_large_body_names_its_column(
    data: bytes, change: dict[str, Any], error: str
) -> None:
    """As one in a small body."""
    padded = data.replace(b"[", b"[" + b" " * 5000, 1)
    with pytest.raises(Mismatch, match=f"'distance'.*{error}") as refused:
        decoded(with_data(padded, **change))
    assert refused.value.expected


def outcome(body: bytes) -> Inputs | None:
    """The decoded request; None if it is refused, as of two mistakes either may be named."""
    try:
        return decoded(body, max_rows=100)
    except BadRequest:
        return None


@given(
    place=st.integers(0, len(NAMES) - 2),
    other=TENSORS,
    how=st.sampled_from(["instead", "too", "without"]),
    rows=st.integers(1, 2),
)
def test_both_ways_read_and_refuse_the_same(
    place: int, other: dict[str, Any], how: str, rows: int
) -> None:
    """Neither what is read nor what is refused depends on the size."""
    body = request_of(flights(rows))
    if how != "too":
        del body["inputs"][place]
    if how != "without":
        body["inputs"].insert(place, other)
    text = json.dumps(body).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(protocol, "DIRECT_BYTES", 0)
        patch.setattr(large_body, "CUT_BYTES", 0)
        as_large = outcome(text)
    assert as_large == outcome(text)
