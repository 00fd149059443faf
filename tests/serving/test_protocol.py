"""The V2 decoder: valid requests are read, all others are client errors."""

from __future__ import annotations

import json
from typing import Any

import pytest

from slipway.errors import BadRequest
from slipway.serving.v2.errors import Malformed, Mismatch, TooLarge
from tests.serving.v2_requests import SECRET, changed, good, read


def test_what_fits_is_read_as_it_was_sent() -> None:
    """Values, keys and event times are equal; a time without an offset is UTC."""
    inputs = read(
        good(flight_id=["a", "b"], at=["2013-05-01T12:00:00.000789+02:00", "1970-01-01T00:00:01"])
        | {"id": "mine", "parameters": {"probe": True}}
    )
    assert inputs.rows == 2
    assert inputs.columns == {
        "distance": [100.5, 2],
        "temperature": [None, 1.0],
        "carrier": ["AA", "DL"],
    }
    assert (inputs.request_id, inputs.probe, inputs.keys) == ("mine", True, ["a", "b"])
    assert inputs.event_times_us == [1_367_402_400_000_789, 1_000_000]


@pytest.mark.parametrize(
    ("change", "values"),
    [
        ({"shape": [2, 1], "data": [[1.0], [2.0]]}, [1.0, 2.0]),
        ({"shape": [2, 1]}, [100.5, 2]),
        ({"shape": [2.0]}, [100.5, 2]),
        ({"datatype": "INT64", "data": [1, 2]}, [1, 2]),
        ({"datatype": "INT64", "data": [2**53, -(2**62)]}, [2**53, -(2**62)]),
        ({"datatype": "UINT8", "data": [0, 255]}, [0, 255]),
        ({"datatype": "FP32", "data": [3.4e38, -0.5]}, [3.4e38, -0.5]),
        ({"datatype": "BOOL", "data": [True, False]}, [1, 0]),
    ],
)
def test_what_v2_allows_beside_is_read_too(change: dict[str, Any], values: list[Any]) -> None:
    """Nested columns; integers and booleans as numbers."""
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
    "integer that is not exact": (
        changed("distance", datatype="INT64", data=[2**53 + 1, 1]),
        Mismatch,
        "2^53",
    ),
    "integer that is not exact beside a fraction": (
        changed("distance", data=[1.5, -(2**53) - 1]),
        Mismatch,
        "'distance' has an integer in row 1",
    ),
    "beyond INT8": (changed("distance", datatype="INT8", data=[1, 128]), Mismatch, "INT8"),
    "below UINT64": (changed("distance", datatype="UINT64", data=[1, -1]), Mismatch, "UINT64"),
    "beyond FP32": (changed("distance", datatype="FP32", data=[1.0, 1e39]), Mismatch, "FP32"),
    "negative shape": (changed("distance", shape=[-2]), Mismatch, "distance"),
    "absurd shape": (changed("distance", shape=[10**30]), Mismatch, "distance"),
    "shape of fractions": (changed("distance", shape=[2.5]), Mismatch, "distance"),
    "shape of text": (changed("distance", shape=SECRET), Malformed, "distance"),
    "no data": (changed("distance", data=None), Malformed, "distance"),
    "data that are no list": (changed("carrier", data=SECRET), Malformed, "carrier"),
    "an input without a name": ({"inputs": [{"shape": [1]}]}, Malformed, "name"),
    "an input that is text": ({"inputs": [SECRET]}, Malformed, "inputs[0]"),
    "a unicode name": (good(**{"räv🦊": [1.0, 2.0]}), Mismatch, "räv🦊"),
    "a long name": (good(**{"x" * 5000: [1.0, 2.0]}), Mismatch, "x" * 64 + "…'"),
    "many extra columns": (
        good(**{f"extra{n}": [1.0, 2.0] for n in range(900)}),
        Mismatch,
        "and 895 more",
    ),
    "output twice": (good() | {"outputs": [{"name": "score"}] * 2}, Malformed, "twice"),
    "classes": (
        good() | {"outputs": [{"name": "score", "parameters": {"classification": 2}}]},
        Malformed,
        "classification",
    ),
    "a flag that is none": (
        good() | {"parameters": {"binary_data_output": SECRET}},
        Malformed,
        "binary_data_output",
    ),
    "parameters in parameters": (good() | {"parameters": {"a": {"b": SECRET}}}, Malformed, ""),
    "a long id": (good() | {"id": SECRET * 100}, Malformed, "id"),
    "an id that is a number": (good() | {"id": 5}, Malformed, "id"),
    "a field of an input that V2 does not have": (changed("carrier", rows=2), Malformed, "carrier"),
    "binary without a header": (
        changed("distance", data=None, parameters={"binary_data_size": 16}),
        Malformed,
        "distance",
    ),
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
    "a value that became a key": (
        b'{"inputs": [{"name": "a", "d 5.25, s3cret]}, me": 1}]}',
        Malformed,
        "an unknown field - at `$.inputs[0]`",
    ),
    "NaN": (json.dumps(changed("distance", data=[float("nan"), 1.0])).encode(), Malformed, ""),
    "Infinity": (json.dumps(changed("distance", data=[float("inf"), 1.0])).encode(), Malformed, ""),
    "overflow": (json.dumps(good()).replace("100.5", "1e999").encode(), Malformed, ""),
    "not JSON": (b"{", Malformed, ""),
    "not UTF-8": (b'{"inputs": "\xff"}', Malformed, ""),
    "not UTF-8 behind what is no column": (b'{"inputs": [{}, "\xff"]}', Malformed, "inputs[0]"),
    "nested behind what is no column": (b'{"inputs": [{},' + b"[" * 3000, Malformed, "inputs[0]"),
    "a name that is a list": ({"inputs": [{"name": [SECRET]}]}, Malformed, "inputs[0].name"),
    "half a surrogate": (b'{"inputs": [], "id": "\\ud800"}', Malformed, ""),
    "nested without end": (b'{"parameters": {"a":' + b"[" * 100_000, TooLarge, "lists"),
    "empty": (b"", Malformed, ""),
}


@pytest.mark.parametrize("name", BAD)
def test_what_does_not_fit_is_refused(name: str) -> None:
    """The error has the right status and the column, and no value."""
    request, kind, named = BAD[name]
    with pytest.raises(kind) as refused:
        read(request)
    assert named in str(refused.value)
    assert SECRET not in str(refused.value)


def twice(key: str, value: str) -> bytes:
    """Text of a valid request with a second value for one key of its first column."""
    text = json.dumps(good(at=["2013-05-01T12:00:00", "2013-05-02T12:00:00"]) | {"id": "a:b"})
    return text.replace('{"name"', f'{{"{key}"{value}, "name"', 1).encode()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("data", ": [7.0, 8.0]"),
        ("data", "  : [7.0, 8.0]"),
        ("d\\u0061ta", ": [7.0, 8.0]"),
        ("shape", ":[2]"),
        ("parameters", ': {"a": 1, "a": 2}'),
        ("parameters", ': {"a": "\\u003a", "a": "\\u003a\\u003A"}'),
    ],
)
def test_a_key_that_is_sent_twice_is_refused(key: str, value: str) -> None:
    """Parsers differ in which of two values they take, so both are refused."""
    with pytest.raises(Malformed, match="twice in one object"):
        read(twice(key, value))


def test_colons_in_strings_are_no_keys() -> None:
    """Strings, names and parameters may contain colons, escaped or not."""
    text = json.dumps(good(carrier=["A:A", 'D"":"L'], flight_id=["x:", ":"]))
    text = text.replace("A:A", "A\\u003aA")
    request = json.loads(text) | {"id": "a:b", "parameters": {"c:d": "e:f"}}
    assert read(text.encode()).columns["carrier"] == ["A:A", 'D"":"L']
    assert read(request).request_id == "a:b"


def test_a_key_may_be_an_integer_that_float64_cannot_hold() -> None:
    """A key is logged as text and keeps every digit."""
    request = good(flight_id=[2**63 - 1, 2**53 + 1])
    request["inputs"][-1]["datatype"] = "INT64"
    assert read(request).keys == [str(2**63 - 1), str(2**53 + 1)]
