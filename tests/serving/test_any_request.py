"""The V2 decoder on any JSON and any bytes: read, or refused as a client's error."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.errors import BadRequest
from tests.serving.v2_requests import good, read

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


TENSORS = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["distance", "temperature", "carrier", "flight_id", "at", "x"]),
        "shape": st.lists(st.integers(-1, 3), max_size=3),
        "datatype": st.sampled_from(["FP64", "INT64", "BOOL", "BYTES", "x"]),
        "data": st.lists(JSON, max_size=3),
    }
)


@given(request=st.fixed_dictionaries({"inputs": st.lists(TENSORS | JSON, max_size=6)}) | JSON)
def test_any_json_is_read_or_refused(request: Any) -> None:
    """The decoder raises only `BadRequest`, for any JSON."""
    try:
        inputs = read(json.dumps(request).encode())
    except BadRequest:
        return
    assert all(len(values) == inputs.rows for values in inputs.columns.values())


@given(body=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    """The decoder raises only `BadRequest`, for any bytes."""
    with pytest.raises(BadRequest):
        read(body)


@given(data=st.data())
def test_one_change_is_read_or_refused(data: st.DataObject) -> None:
    """A valid request with any one part replaced is read or refused."""
    request = good(flight_id=["a", "b"], at=["2013-05-01", "2013-05-02"])
    tensor = data.draw(st.sampled_from(request["inputs"]))
    part = data.draw(st.sampled_from(sorted(tensor)))
    tensor[part] = data.draw(JSON if part != "data" else st.lists(JSON, min_size=2, max_size=2))
    try:
        read(json.dumps(request).encode())
    except BadRequest:
        return
