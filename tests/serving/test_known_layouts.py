"""A request of a known layout is read in one call of the parser, with the same result."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from itertools import permutations
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.errors import BadRequest
from slipway.serving.v2 import protocol
from slipway.serving.v2.known_layouts import MOST
from slipway.serving.v2.protocol import Inputs
from slipway.serving.v2.signature import Signature
from slipway.stages.ports.raw_column import RawColumn
from slipway.values.value_types import ColumnType

TYPES: dict[str, tuple[str, ColumnType | None]] = {
    "wind": ("number", "number"),
    "cars": ("number", "integer"),
    "full": ("number", "boolean"),
    "line": ("string", "string"),
    "berth": ("string", "integer"),
    "night": ("string", "boolean"),
    "old": ("number", None),
}
SIGNATURE = Signature(
    columns=tuple(
        RawColumn(name, "string" if kind == "string" else "number", name == "line", declared)
        for name, (kind, declared) in TYPES.items()
    ),
    key="crossing",
    event_time="at",
)
CELLS: dict[str, tuple[str, Any]] = {
    "wind": ("FP64", 1.5),
    "cars": ("INT64", 3),
    "full": ("BOOL", True),
    "line": ("BYTES", "north"),
    "berth": ("INT64", 2),
    "night": ("BOOL", False),
    "old": ("FP64", 0.5),
    "crossing": ("BYTES", "c:1"),
    "at": ("BYTES", "2013-05-01T12:00:00Z"),
}
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.sampled_from([2**53, 2**53 + 1, -(2**63), 2**63, 1e30, 1.1e30, -0.0, 1e308]),
    st.text(max_size=3),
    st.sampled_from(["true", "07", "2013-05-01T12:00:00Z", "a:b", [1.0], {"a": 1}]),
)


def request(**changed: Any) -> dict[str, Any]:
    """A request of one row, with some cells changed."""
    return {
        "inputs": [
            {"name": name, "shape": [1], "datatype": kind, "data": [changed.get(name, cell)]}
            for name, (kind, cell) in CELLS.items()
        ]
    }


def knowing() -> Signature:
    """The signature, which has seen a request of that layout."""
    known = replace(SIGNATURE)
    protocol.decode(json.dumps(request()).encode(), known, max_rows=9)
    return known


KNOWN = knowing()


def decoded(body: bytes, signature: Signature) -> Inputs | str:
    """Decoded request, or the refusal."""
    try:
        return protocol.decode(body, signature, max_rows=9)
    except BadRequest as error:
        return f"{type(error).__name__}: {error}"


def assert_same(body: bytes) -> None:
    """Assert that both ways read a request alike, the sign of zero included."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(protocol, "fast_columns", lambda *_, **__: None)
        expected = decoded(body, replace(SIGNATURE))
    assert spelled(decoded(body, KNOWN)) == spelled(expected)


def spelled(found: Inputs | str) -> str:
    """What was read, with each number of a model as a float, which is what it takes."""
    if isinstance(found, str):
        return found
    columns = {
        name: [cell if cell is None or isinstance(cell, str) else float(cell) for cell in cells]
        for name, cells in found.columns.items()
    }
    return repr(msgspec.structs.replace(found, columns=columns))


@given(name=st.sampled_from(list(CELLS)), value=VALUES)
def test_every_value_is_read_alike(name: str, value: Any) -> None:
    """Whatever its type, size and spelling."""
    assert_same(json.dumps(request(**{name: value})).encode())


@given(
    place=st.integers(0, len(CELLS) - 1),
    change=st.fixed_dictionaries(
        {},
        optional={
            "name": st.sampled_from([*CELLS, "other"]),
            "shape": st.sampled_from([[1], [1.0], [2], [1, 1], [0], [], [-1], "1"]),
            "datatype": st.sampled_from(["FP64", "FP32", "INT64", "BYTES", "BOOL", "odd", None]),
            "data": st.lists(VALUES, max_size=2),
            "parameters": st.sampled_from([None, {}, {"a": 1}]),
        },
    ),
)
def test_every_other_form_is_read_alike(place: int, change: dict[str, Any]) -> None:
    """Another column, shape or datatype is no request of that layout."""
    body = request()
    body["inputs"][place] |= change
    assert_same(json.dumps(body).encode())


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ('"shape": [1]', '"shape": [2], "shape": [1]'),
        ('"data": [1.5]', '"data": [2.5], "data": [1.5]'),
        ('{"inputs"', '{"inputs": [], "inputs"'),
        ('{"inputs"', '{"id": "a", "id": "b", "inputs"'),
        ('{"inputs"', '{"id": "a:b", "inputs"'),
        ('{"inputs"', '{"parameters": {"probe": true}, "inputs"'),
        ('"c:1"', '"c\\u003a1"'),
        ('"wind"', '"wi\\u006ed"'),
        ('"name": "wind"', '"n\\u0061me": "wind"'),
        ('"name": "wind"', '"n\\u003ame": "wind"'),
        ('"north"', '"\\ud800"'),
        ('"north"', '""'),
        ("[1.5]", "[-0.0]"),
        ("[1.5]", "[-0]"),
        ("[1.5]", "[9007199254740993]"),
        ("[1.5]", "[1e400]"),
        ("[1.5]", "[NaN]"),
        ("[1.5]", "[15e-1]"),
        ("[1.5]", "[1.5, 2.5]"),
        ("[1.5]", "[1.5,]"),
        ("[3]", "[3.0]"),
        ("[3]", "[true]"),
        ("]}]}", "]}]} "),
        ("]}]}", "]}]}}"),
        ("]}]}", "]}"),
        ('{"inputs"', '\ufeff{"inputs"'),
    ],
)
def test_every_spelling_is_read_alike(text: str, other: str) -> None:
    """A key twice, what is escaped, numbers at their limits, and what is no JSON."""
    body = json.dumps(request())
    assert text in body
    assert_same(body.replace(text, other, 1).encode())


def test_a_known_layout_is_not_parsed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """With several rows, nulls and an id, too."""

    def never(*_: object) -> None:
        raise AssertionError("the general decoder was asked")

    monkeypatch.setattr(protocol, "_parse", never)
    body = request(wind=None) | {"id": "a:b"}
    for tensor in body["inputs"]:
        tensor |= {"shape": [2], "data": tensor["data"] * 2}
    found = decoded(json.dumps(body).encode(), KNOWN)
    assert isinstance(found, Inputs)
    assert (found.rows, found.request_id, found.columns["cars"]) == (2, "a:b", [3, 3])


def test_ever_new_layouts_displace_none() -> None:
    """A hostile client adds a few at most, and the first one stays known."""
    signature = knowing()
    body, first = request(), json.dumps(request()).encode()
    for order, _ in zip(permutations(body["inputs"]), range(math.factorial(5)), strict=False):
        other = json.dumps({"inputs": list(order)}).encode()
        assert isinstance(decoded(other, signature), Inputs)
    assert signature.layouts.decode(first, max_rows=9) is not None
    assert len(signature.layouts) == MOST
