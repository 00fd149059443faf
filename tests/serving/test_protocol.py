"""The V2 decoder: what fits is read, everything else is refused as the client's mistake."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.errors import BadRequest
from slipway.serving.protocol import (
    Column,
    Inputs,
    Malformed,
    Signature,
    TooLarge,
    decode,
)
from slipway.serving.tensors import Mismatch

SIGNATURE = Signature(
    columns=(
        Column("distance", "number", required=True),
        Column("temperature", "number", required=False),
        Column("carrier", "string", required=True),
    ),
    key="flight_id",
    event_time="at",
)
SECRET = "s3cret"


def good(**data: list[Any]) -> dict[str, Any]:
    """A request of two rows, with some columns' data replaced."""
    columns = {"distance": [100.5, 2], "temperature": [None, 1.0], "carrier": ["AA", "DL"]} | data
    types = {"carrier": "BYTES", "flight_id": "BYTES", "at": "BYTES"}
    inputs = [
        {"name": name, "shape": [len(values)], "datatype": types.get(name, "FP64"), "data": values}
        for name, values in columns.items()
    ]
    return {"inputs": inputs}


def changed(name: str, **change: Any) -> dict[str, Any]:
    """A request with one column changed."""
    request = good()
    [tensor] = [tensor for tensor in request["inputs"] if tensor["name"] == name]
    tensor.update(change)
    return request


def read(request: dict[str, Any] | bytes) -> Inputs:
    """The decoded request."""
    body = request if isinstance(request, bytes) else json.dumps(request).encode()
    return decode(body, SIGNATURE, max_rows=3)


def test_what_fits_is_read_as_it_was_sent() -> None:
    """Values, keys and event times arrive; a time without an offset is UTC."""
    inputs = read(
        good(flight_id=["a", "b"], at=["2013-05-01T12:00:00+02:00", "1970-01-01T00:00:01"])
        | {"id": "mine", "parameters": {"probe": True}}
    )
    assert inputs.rows == 2
    assert inputs.columns == {
        "distance": [100.5, 2],
        "temperature": [None, 1.0],
        "carrier": ["AA", "DL"],
    }
    assert (inputs.request_id, inputs.probe, inputs.keys) == ("mine", True, ["a", "b"])
    assert inputs.event_times_us == [1_367_402_400_000_000, 1_000_000]


@pytest.mark.parametrize(
    ("change", "values"),
    [
        ({"shape": [2, 1], "data": [[1.0], [2.0]]}, [1.0, 2.0]),
        ({"shape": [2, 1]}, [100.5, 2]),
        ({"datatype": "INT64", "data": [1, 2]}, [1, 2]),
        ({"datatype": "BOOL", "data": [True, False]}, [1, 0]),
    ],
)
def test_what_v2_allows_beside_is_read_too(change: dict[str, Any], values: list[Any]) -> None:
    """Nested columns, integers and booleans are numbers as well."""
    assert read(changed("distance", **change)).columns["distance"] == values


BAD: dict[str, tuple[dict[str, Any] | bytes, type[BadRequest], str]] = {
    "missing column": ({"inputs": good()["inputs"][:2]}, Mismatch, "carrier"),
    "extra column": (good(extra=[1.0, 2.0]), Mismatch, "extra"),
    "text for a number": (changed("distance", data=[1.0, SECRET]), Mismatch, "distance"),
    "number for text": (changed("carrier", data=["AA", 5]), Mismatch, "carrier"),
    "boolean for a number": (changed("distance", data=[True, 1.0]), Mismatch, "distance"),
    "fraction for an integer": (
        changed("distance", datatype="INT64", data=[1.5, 1]),
        Mismatch,
        "distance",
    ),
    "object for a number": (changed("distance", data=[{}, 1.0]), Mismatch, "distance"),
    "wrong datatype": (changed("distance", datatype="BYTES"), Mismatch, "distance"),
    "unknown datatype": (changed("distance", datatype=SECRET), Mismatch, "distance"),
    "null where none is allowed": (changed("distance", data=[1.0, None]), Mismatch, "distance"),
    "null text": (changed("carrier", data=[None, "AA"]), Mismatch, "carrier"),
    "null key": (good(flight_id=[None, "b"]), Mismatch, "flight_id"),
    "not a time": (good(at=[SECRET, "2013-05-01"]), Mismatch, "at"),
    "time out of range": (good(at=["9999-12-31T23:59:59-23:59", "2013-05-01"]), Mismatch, "at"),
    "shape beside the data": (changed("distance", shape=[3]), Mismatch, "distance"),
    "shape of two columns": (changed("distance", shape=[1, 2]), Mismatch, "distance"),
    "no shape": (changed("distance", shape=[]), Mismatch, "distance"),
    "other length": (changed("carrier", shape=[1], data=["AA"]), Mismatch, "carrier"),
    "huge integer": (changed("distance", data=[10**400, 1.0]), Mismatch, "distance"),
    "no rows": (good(distance=[], temperature=[], carrier=[]), Mismatch, "rows"),
    "too many rows": (
        good(distance=[1.0] * 4, temperature=[1.0] * 4, carrier=["A"] * 4),
        TooLarge,
        "rows",
    ),
    "unknown output": (good() | {"outputs": [{"name": SECRET}]}, Mismatch, "output"),
    "sent twice": ({"inputs": good()["inputs"] * 2}, Malformed, "twice"),
    "no inputs": ({"inputs": []}, Malformed, "inputs"),
    "inputs of a wrong type": ({"inputs": SECRET}, Malformed, "inputs"),
    "a field that V2 does not have": (good() | {"rows": 2}, Malformed, "rows"),
    "NaN": (json.dumps(changed("distance", data=[float("nan"), 1.0])).encode(), Malformed, ""),
    "Infinity": (json.dumps(changed("distance", data=[float("inf"), 1.0])).encode(), Malformed, ""),
    "overflow": (json.dumps(good()).replace("100.5", "1e999").encode(), Malformed, ""),
    "not JSON": (b"{", Malformed, ""),
    "not UTF-8": (b'{"inputs": "\xff"}', Malformed, ""),
    "half a surrogate": (b'{"inputs": [], "id": "\\ud800"}', Malformed, ""),
    "nested without end": (b'{"parameters": {"a":' + b"[" * 100_000, Malformed, ""),
    "empty": (b"", Malformed, ""),
}


@pytest.mark.parametrize("name", BAD)
def test_what_does_not_fit_is_refused(name: str) -> None:
    """A refusal is of the right kind, names the column, and repeats no value."""
    request, kind, named = BAD[name]
    with pytest.raises(kind) as refused:
        read(request)
    assert named in str(refused.value)
    assert SECRET not in str(refused.value)


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
    """Nothing but a BadRequest leaves the decoder, whatever JSON it is given."""
    try:
        inputs = read(json.dumps(request).encode())
    except BadRequest:
        return
    assert all(len(values) == inputs.rows for values in inputs.columns.values())


@given(body=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    """Nothing but a BadRequest leaves the decoder, whatever bytes it is given."""
    with pytest.raises(BadRequest):
        read(body)


@given(data=st.data())
def test_one_change_is_read_or_refused(data: st.DataObject) -> None:
    """A good request with any one part replaced is read or refused, never an accident."""
    request = good(flight_id=["a", "b"], at=["2013-05-01", "2013-05-02"])
    tensor = data.draw(st.sampled_from(request["inputs"]))
    part = data.draw(st.sampled_from(sorted(tensor)))
    tensor[part] = data.draw(JSON if part != "data" else st.lists(JSON, min_size=2, max_size=2))
    try:
        read(json.dumps(request).encode())
    except BadRequest:
        return
