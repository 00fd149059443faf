"""Requests to a model whose signature has declared types: the same values as ingest takes."""

from __future__ import annotations

import json
import struct
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from slipway.errors import BadRequest
from slipway.serving.v2 import protocol
from slipway.serving.v2.binary import SIZE
from slipway.serving.v2.model_metadata import model_metadata
from slipway.serving.v2.openapi import document
from slipway.serving.v2.protocol import decode
from slipway.serving.v2.schemas import example
from slipway.values.v2_tensors import DATATYPE, TYPES_OF
from slipway.values.value_types import ColumnType
from tests.support.declared_requests import GOOD, SIGNATURE, read, request

KINDS: tuple[ColumnType, ...] = get_args(ColumnType)


@pytest.mark.parametrize(
    ("name", "datatype", "sent", "value"),
    [
        ("night", "BOOL", True, "true"),
        ("night", "BYTES", "FALSE", "false"),
        ("night", "BYTES", "1", "true"),
        ("night", "INT8", 0, "false"),
        ("night", "FP32", 1.0, "true"),
        ("berth", "INT64", 5, "5"),
        ("berth", "UINT8", 5, "5"),
        ("berth", "FP64", 5.0, "5"),
        ("berth", "FP64", 5, "5"),
        ("berth", "BYTES", "005", "5"),
        ("berth", "BYTES", "5.0", "5"),
        ("berth", "BYTES", "", None),
        ("berth", "BYTES", "9223372036854775807", "9223372036854775807"),
        ("port", "BYTES", "", None),
        ("port", "BYTES", " Oban\u00a0", " Oban\u00a0"),
        ("port", "UINT64", 2**64 - 1, "18446744073709551615"),
        ("refit", "BOOL", False, 0),
        ("refit", "BYTES", "true", 1),
        ("refit", "INT64", 1, 1),
        ("refit", "BYTES", "NA", None),
        ("decks", "FP64", 3.0, 3),
        ("decks", "INT64", 2**63 - 1, 2**63 - 1),
        ("decks", "BYTES", "+7", 7),
        ("wind", "INT64", 2**53, 2.0**53),
        ("wind", "FP32", 1e30, 1e30),
        ("wind", "FP64", 1e30, 1e30),
        ("wind", "BYTES", "-1e30", -1e30),
        ("wind", "FP64", None, None),
    ],
)
def test_a_value_is_taken_in_every_datatype_that_holds_it(
    name: str, datatype: str, sent: Any, value: Any
) -> None:
    """Categories are canonical texts, truth values in numeric columns are 0 and 1."""
    assert read(**{name: (datatype, [sent])}).columns[name] == [value]


@pytest.mark.parametrize(
    ("name", "datatype", "sent", "reason"),
    [
        ("night", "BYTES", "yes", "row 0 that is no boolean"),
        ("night", "INT64", 2, "row 0 that is a number other than 0 and 1, not a boolean"),
        ("night", "BYTES", "NA", "'night' has no value in row 0"),
        ("berth", "FP64", 5.5, "row 0 that has a fraction part, so it is no integer"),
        ("berth", "FP64", 2.0**53 + 2, "row 0 that is a float beyond 2^53"),
        ("berth", "FP64", 2**60, "row 0 that is a float beyond 2^53"),
        ("berth", "UINT64", 2**63, "row 0 that is an integer beyond 64 bits"),
        ("berth", "BOOL", True, "row 0 that is a boolean, not an integer"),
        ("port", "FP64", 7.0, "row 0 that is a number with a fraction part, not a text"),
        ("port", "BOOL", True, "row 0 that is a boolean, not a text"),
        ("wind", "BOOL", True, "row 0 that is a boolean, not a number"),
        ("wind", "INT64", 2**53 + 1, "row 0 that is an integer beyond 2^53"),
        ("wind", "FP64", 1e39, "row 0 that is beyond \u00b11e30"),
        ("wind", "FP32", -3.4e38, "row 0 that is beyond \u00b11e30"),
        ("wind", "FP64", 1.0000000000000002e30, "row 0 that is beyond \u00b11e30"),
        ("wind", "FP32", 1e39, "a number out of range in row 0"),
        ("wind", "FP64", "7", "a value of a wrong type in row 0"),
        ("wind", "BYTES", "7,5", "row 0 that has a comma where a decimal point is expected"),
        ("crossing", "FP64", 7.5, "row 0 that has a fraction part"),
        ("crossing", "BYTES", "c1", "row 0 that is no integer"),
        ("crossing", "BYTES", "NA", "'crossing' has no value in row 0"),
        ("crossing", "BOOL", True, "row 0 that is a boolean, not an integer"),
        ("departs", "BYTES", "now", "row 0 that is no ISO 8601 date with a time"),
        ("departs", "BYTES", "2024", "row 0 that is no ISO 8601 date with a time"),
        ("departs", "BYTES", "2013-W18-3", "row 0 that is no ISO 8601 date with a time"),
        ("departs", "BYTES", "2016-12-31T23:59:60Z", "row 0 that is a leap second"),
        ("departs", "INT64", 5, "row 0 that is no date with a time"),
    ],
)
def test_a_value_that_ingest_refuses_is_refused_with_its_reason(
    name: str, datatype: str, sent: Any, reason: str
) -> None:
    """The error names column, row and reason, never the value."""
    with pytest.raises(BadRequest) as refused:
        read(**{name: (datatype, [sent])})
    assert reason in str(refused.value)
    assert f"column {name!r}" in str(refused.value)


@pytest.mark.parametrize("name", ["wind", "night", "port"])
def test_an_unknown_datatype_has_one_wording(name: str) -> None:
    """BF16 as well as any other, in JSON and in binary, whatever the column takes."""
    told = set()
    for tensor, tail in (
        ({"datatype": "BF16", "data": [1.0]}, b""),
        ({"datatype": "odd", "data": [1.0]}, b""),
        ({"datatype": "BF16", "parameters": {SIZE: 2}}, b"\0\0"),
    ):
        rest = [one for one in request()["inputs"] if one["name"] != name]
        body = {"inputs": [{"name": name, "shape": [1], **tensor}, *rest]}
        head = json.dumps(body).encode()
        with pytest.raises(BadRequest, match="an unknown datatype") as refused:
            decode(head + tail, SIGNATURE, max_rows=1, json_bytes=len(head) if tail else None)
        told.add(str(refused.value))
    assert len(told) == 1


def test_a_byte_that_is_no_truth_value_is_refused() -> None:
    """A BOOL byte of 2 is neither true nor false."""
    rest = [one for one in request()["inputs"] if one["name"] != "night"]
    tensor = {"name": "night", "shape": [1], "datatype": "BOOL", "parameters": {SIZE: 1}}
    head = json.dumps({"inputs": [tensor, *rest]}).encode()
    with pytest.raises(BadRequest, match="row 0 that is a number other than 0 and 1"):
        decode(head + b"\2", SIGNATURE, max_rows=1, json_bytes=len(head))
    read_back = decode(head + b"\1", SIGNATURE, max_rows=1, json_bytes=len(head))
    assert read_back.columns["night"] == ["true"]


def test_infinity_and_nan_of_a_binary_column() -> None:
    """NaN is a missing number; infinity is beyond the range."""
    rest = [one for one in request()["inputs"] if one["name"] != "wind"]
    tensor = {"name": "wind", "shape": [1], "datatype": "FP16", "parameters": {SIZE: 2}}
    head = json.dumps({"inputs": [tensor, *rest]}).encode()
    found = decode(
        head + struct.pack("<e", float("nan")), SIGNATURE, max_rows=1, json_bytes=len(head)
    )
    assert found.columns["wind"] == [None]
    with pytest.raises(BadRequest, match="beyond \u00b11e30"):
        decode(head + struct.pack("<e", float("-inf")), SIGNATURE, max_rows=1, json_bytes=len(head))


DATATYPES = [*sorted(TYPES_OF), "odd"]


CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3) | st.integers(),
    st.sampled_from([0.0, -0.0, 1.0, 2.5, 1e30, -1e31, 2.0**53, 2.0**60]),
    st.sampled_from(["true", "FALSE", "0", "-0", "07", "7", "-12", "", "NA", "1e3", "x"]),
    st.sampled_from(["2013-05-01T12:00:00Z", "2013-05-01", "now", "2013-02-30T00:00:00Z"]),
    st.text(max_size=3),
)


@given(
    columns=st.dictionaries(
        st.sampled_from([*GOOD, "crossing", "departs"]),
        st.tuples(st.sampled_from(DATATYPES), st.lists(CELLS, min_size=2, max_size=2)),
        max_size=3,
    )
)
def test_the_fast_check_reads_what_the_full_check_reads(
    columns: dict[str, tuple[str, list[Any]]],
) -> None:
    """For any cells in any datatypes, to the sign of zero."""
    good = {name: (datatype, data * 2) for name, (datatype, data) in GOOD.items()} | columns
    body = {
        "inputs": [
            {"name": name, "shape": [2], "datatype": datatype, "data": data}
            for name, (datatype, data) in good.items()
        ]
    }

    def told() -> str:
        try:
            found = decode(json.dumps(body).encode(), SIGNATURE, max_rows=2)
        except BadRequest as error:
            return str(error)
        values = {
            name: [float(one) if type(one) is int else one for one in data]
            for name, data in found.columns.items()
        }
        return repr((values, found.keys, found.event_times_us))

    fast = told()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(protocol, "fast_columns", lambda *_, **__: None)
        assert told() == fast


def test_what_the_metadata_names_takes_the_fast_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each column in its own datatype, floats and canonical texts beside it."""

    def never(*_: object) -> None:
        raise AssertionError("the full decoder was asked")

    monkeypatch.setattr(protocol, "columns_by_name", never)
    assert read(crossing=("INT64", [7]), departs=("BYTES", ["2013-05-01T12:00:00Z"])).keys == ["7"]
    read(decks=("FP64", [2.0]), berth=("BYTES", ["5"]), night=("BYTES", ["false"]))


def test_metadata_and_document_name_the_declared_datatypes() -> None:
    """INT64 for integers, BOOL for truth values; the example is taken, and fits the schema."""
    about = model_metadata("delay", 3, SIGNATURE, engine="onnx")
    named = {one["name"]: one["datatype"] for one in about["inputs"]}
    types = {column.name: column.type for column in SIGNATURE.columns}
    assert {name: named[name] for name in types} == {
        name: DATATYPE[kind or "string"] for name, kind in types.items()
    }
    assert (named["crossing"], named["departs"]) == ("INT64", "BYTES")
    asked = example(SIGNATURE)
    assert decode(json.dumps(asked).encode(), SIGNATURE, max_rows=1).keys == ["1"]
    made = document("delay", 3, SIGNATURE, max_rows=5, max_body_bytes=1000)
    schema = {"$ref": "#/components/schemas/InferRequest", "components": made["components"]}
    validator = Draft202012Validator(schema)
    assert validator.is_valid(asked)
    assert validator.is_valid(request(berth=("BYTES", ["5"]), night=("UINT8", [1])))
    assert not validator.is_valid(request(night=("BOOL", [["yes", 1]])))
    assert not validator.is_valid(request(wind=("FP64", [1e39])))
    assert not validator.is_valid(request(port=("FP64", [7.0])))
