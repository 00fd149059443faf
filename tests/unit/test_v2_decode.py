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

COLUMNS = [
    RawColumn("wind", "number", required=True),
    RawColumn("depth", "number", required=False),
    RawColumn("port", "string", required=False),
]
OTHERS = ["crossing", "departs"]
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
    asked = encode_rows(rows(), COLUMNS, key="crossing", event_time="departs")
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
    one = encode_rows(rows().head(1), COLUMNS, key="crossing", event_time="departs")
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
    asked = encode_rows(rows(), COLUMNS, key="crossing", event_time="departs", **given)
    assert asked.get("parameters", {}) == sent
