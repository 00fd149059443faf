"""The sticky key of a request."""

from __future__ import annotations

import json
import struct
import time
from typing import Any

import pytest

from slipway.serving.platform.proxy.sticky_key import sticky_key


def body(*data: Any, name: str = "flight_id") -> bytes:
    """A V2 request whose key column is the second one."""
    before = {"name": "distance", "shape": [1], "datatype": "FP64", "data": [1.5]}
    key = {"name": name, "shape": [len(data)], "datatype": "BYTES", "data": list(data)}
    return json.dumps({"id": "r1", "inputs": [before, key], "parameters": {"a": 1}}).encode()


def test_the_header_comes_first() -> None:
    """The client's header is the key, whatever the body has."""
    headers = {b"x-slipway-key": b"customer-7"}
    assert sticky_key(headers, body("f1"), columns=("flight_id",)) == "customer-7"


@pytest.mark.parametrize(
    ("data", "key"), [(["f1", "f2"], "f1"), ([["f3"], ["f4"]], "f3"), ([17], "17")]
)
def test_the_first_row_is_the_key(data: list[Any], key: str) -> None:
    """Without a header, the first row's value in the key column."""
    assert sticky_key({}, body(*data), columns=("flight_id",)) == key


def test_the_same_key_as_binary() -> None:
    """A binary tensor names the same key as the JSON one."""
    text, number = b"f\xc3\xb6", struct.pack("<q", 17)
    tail = struct.pack("<d", 1.5) + struct.pack("<I", len(text)) + text + number
    sizes = {"distance": ("FP64", 8), "flight_id": ("BYTES", 4 + len(text)), "leg": ("INT64", 8)}
    inputs = [
        {"name": name, "shape": [1], "datatype": kind, "parameters": {"binary_data_size": size}}
        for name, (kind, size) in sizes.items()
    ]
    head = json.dumps({"inputs": inputs}).encode()
    headers = {b"inference-header-content-length": str(len(head)).encode()}
    found = [sticky_key(headers, head + tail, columns=(name,)) for name in sizes]
    assert found == [None, "fö", "17"]


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"{",
        b'{"inputs": 3}',
        b"[" * 60_000,
        body(None),
        body([]),
        body("f1", name="other"),
        body("f" * 70_000),
        b'{"inputs": [{"name": "flight_id", "datatype": "BYTES"}]}',
        b'{"inputs": [{"name": "k", "datatype": "BYTES", "parameters": {"binary_data_size": 4}}]}',
        b'{"inputs": [{"name": "flight_id", "datatype": "BYTES", "data": [\xff]}]}',
    ],
)
def test_no_key_is_no_error(sent: bytes) -> None:
    """A body without a readable key has none; the server reports the error."""
    assert {sticky_key({}, sent, columns=(name,)) for name in ("flight_id", "k")} == {None}


def test_wrong_header_lengths() -> None:
    """An invalid header length is left for the server to refuse."""
    for length in (b"x", b"-1", b"99999999"):
        headers = {b"inference-header-content-length": length}
        assert sticky_key(headers, body("f1"), columns=("flight_id",)) in {None, "f1"}
    assert sticky_key({}, body("f1"), columns=()) is None


def test_a_key_of_several_columns_is_sticky_as_a_whole() -> None:
    """All of its columns, in the order of the key; without one of them there is none."""
    sent = body("f1", "f2")
    assert sticky_key({}, sent, columns=("flight_id", "distance")) == "f1|1.5"
    assert sticky_key({}, sent, columns=("flight_id", "leg")) is None


def test_only_the_first_value_is_parsed() -> None:
    """So numbers that parse slowly hold the reverse proxy for less than 20 ms."""
    sent = body(0.5).replace(b"[0.5]", b"[ " + b"1e308, " * 9_000 + b"1]")
    took = []
    for _ in range(3):
        began = time.thread_time()
        assert sticky_key({}, sent, columns=("flight_id",)) == "1e+308"
        took.append(time.thread_time() - began)
    assert min(took) < 0.02
