"""Decoding of a V2 request into rows: the inverse of encoding, as strict as a server."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from slipway.errors import BadRequest
from slipway.stages.ports.raw_column import RawColumn
from slipway.stages.rollout.malformed_requests import malformed_requests
from slipway.stages.rollout.v2_decode import decode_rows
from slipway.stages.rollout.v2_encode import encode_rows
from slipway.values.value_types import ColumnType
from tests.support.row_identities import named_identity

COLUMNS = [
    RawColumn("wind", "number", required=True),
    RawColumn("depth", "number", required=False),
    RawColumn("port", "string", required=False),
]
OTHERS = {"crossing": None, "departs": None}
SECRET = "Lochinver"


def rows() -> pd.DataFrame:
    """Two rows with all kinds of values."""
    return pd.DataFrame(
        {
            "crossing": ["c1", "c2"],
            "departs": pd.DatetimeIndex([datetime(2013, 5, 1, tzinfo=UTC)] * 2),
            "wind": [0.1 + 0.2, 7.0],
            "depth": [np.nan, 3.0],
            "port": pd.Series([SECRET, None], dtype="str"),
        }
    )


def body(**changes: Any) -> bytes:
    """A valid request with changes of its column `wind`."""
    asked = encode_rows(rows(), COLUMNS, identity=named_identity("crossing", "departs"))
    inputs = [one | changes if one["name"] == "wind" else one for one in asked["inputs"]]
    return json.dumps({"inputs": inputs}).encode()


def read(data: bytes) -> pd.DataFrame:
    """Decoded rows."""
    return decode_rows(data, COLUMNS, others=OTHERS)


def test_an_encoded_request_decodes_unchanged() -> None:
    """To the last bit of a number; a missing value is missing."""
    found = read(body())
    assert list(found) == [column.name for column in COLUMNS]
    assert np.array_equal(found["wind"], rows()["wind"])
    assert np.array_equal(found["depth"], rows()["depth"], equal_nan=True)
    assert found["port"].tolist() == [SECRET, None]


def test_every_bad_input_is_refused() -> None:
    """All bad inputs of `verify`, and no error has a value."""
    one = encode_rows(rows().head(1), COLUMNS, identity=named_identity("crossing", "departs"))
    bad = malformed_requests(one, COLUMNS)
    assert len(bad) >= 8
    for name, data in bad.items():
        with pytest.raises(BadRequest) as refused:
            read(data)
        assert SECRET not in str(refused.value), name


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": [1.0, True]}, "a value that is not a number"),
        ({"data": [1.0, None]}, "null in a required column"),
        ({"data": [1.0]}, "declared shape"),
        ({"data": 5}, "declared shape"),
        ({"data": [1.0], "shape": [1]}, "different lengths"),
        ({"name": "port"}, "two of one name"),
        ({"name": "tide"}, "missing: wind; unknown: tide"),
    ],
)
def test_a_mistake_is_named(changes: dict[str, Any], message: str) -> None:
    """With its column, where it has one."""
    with pytest.raises(BadRequest, match=message):
        read(body(**changes))


@pytest.mark.parametrize("data", [b"", b"[]", b"5", b'{"inputs": {}}', b'{"inputs": [5]}', b"\xff"])
def test_anything_else_is_refused(data: bytes) -> None:
    """Only `BadRequest` is raised."""
    with pytest.raises(BadRequest):
        read(data)


@pytest.mark.parametrize(("given", "sent"), [({}, {}), ({"probe": True}, {"probe": True})])
def test_only_a_probe_says_that_it_is_one(given: dict[str, bool], sent: dict[str, bool]) -> None:
    """What clients send is logged as theirs."""
    asked = encode_rows(rows(), COLUMNS, identity=named_identity("crossing", "departs"), **given)
    assert asked.get("parameters", {}) == sent


TYPED = [
    RawColumn("decks", "number", required=True, type="integer"),
    RawColumn("wind", "number", required=False, type="number"),
    RawColumn("refit", "string", required=False, type="boolean"),
    RawColumn("berth", "string", required=False, type="integer"),
]
TYPED_OTHERS: dict[str, ColumnType | None] = {"crossing": "integer", "departs": "timestamp"}


def typed_rows() -> pd.DataFrame:
    """Two rows as the features table has them."""
    return pd.DataFrame(
        {
            "crossing": pd.array([2**60 + 1, 7], dtype="Int64"),
            "departs": pd.DatetimeIndex([datetime(2013, 5, 1, tzinfo=UTC)] * 2),
            "decks": pd.array([2**60 + 1, -1], dtype="Int64"),
            "wind": [np.nan, 1e30],
            "refit": pd.array([True, None], dtype="boolean"),
            "berth": pd.array([None, 2**60 + 1], dtype="Int64"),
        }
    )


def typed_body(name: str | None = None, **changes: Any) -> bytes:
    """A valid request for them, with changes of one column."""
    asked = encode_rows(typed_rows(), TYPED, identity=named_identity("crossing", "departs"))
    inputs = [one | changes if one["name"] == name else one for one in asked["inputs"]]
    return json.dumps({"inputs": inputs}).encode()


def test_declared_types_travel_in_the_datatypes_of_the_metadata() -> None:
    """Integers and truth values keep their type and every digit, there and back."""
    sent = {
        one["name"]: (one["datatype"], one["data"]) for one in json.loads(typed_body())["inputs"]
    }
    assert sent["decks"] == ("INT64", [2**60 + 1, -1])
    assert sent["refit"] == ("BOOL", [True, None])
    assert sent["crossing"] == ("BYTES", [str(2**60 + 1), "7"])
    found = decode_rows(typed_body(), TYPED, others=TYPED_OTHERS)
    names = [column.name for column in TYPED]
    pd.testing.assert_frame_equal(found, typed_rows()[names], check_dtype=False)


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("wind", {"data": [1.0, 1e39]}, "a value in row 1 that is beyond"),
        ("decks", {"datatype": "FP64", "data": [7.0, 7.5]}, "row 1 that has a fraction part"),
        ("decks", {"data": [1, None]}, "no value in row 1"),
        ("refit", {"datatype": "BYTES", "data": ["TRUE", "yes"]}, "row 1 that is no boolean"),
        ("berth", {"datatype": "BF16"}, "an unknown datatype"),
        ("berth", {"datatype": 5}, "no datatype"),
        ("crossing", {"datatype": "FP64", "data": [7.5, 8.0]}, "row 0 that has a fraction part"),
        ("departs", {"data": ["now", "2013-05-01"]}, "row 0 that is no ISO 8601 date"),
    ],
)
def test_what_a_server_refuses_the_batch_platform_refuses(
    name: str, changes: dict[str, Any], message: str
) -> None:
    """With the column, the row and the server's reason; keys and event times included."""
    with pytest.raises(BadRequest, match=message) as refused:
        decode_rows(typed_body(name, **changes), TYPED, others=TYPED_OTHERS)
    assert name in str(refused.value)
