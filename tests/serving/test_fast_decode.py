"""The fast decoder of plain requests gives the results of the full decoder."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.errors import BadRequest
from slipway.serving.v2 import json_codec, protocol
from slipway.serving.v2.protocol import Inputs
from slipway.serving.v2.signature import Signature
from slipway.stages.ports.raw_column import RawColumn
from tests.serving.model_versions import flights, request_of

SIGNATURE = Signature(
    columns=(
        RawColumn("distance", "number", required=True),
        RawColumn("temperature", "number", required=False),
        RawColumn("carrier", "string", required=True),
        RawColumn("origin", "string", required=False),
    ),
    key="flight_id",
    event_time="scheduled_departure",
)
NAMES = ["distance", "temperature", "carrier", "origin", "flight_id", "scheduled_departure", "x"]
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=3),
    st.sampled_from(["2013-05-01T12:00:00Z", [1.0], ["AA"]]),
)
TENSORS = st.fixed_dictionaries(
    {
        "name": st.sampled_from(NAMES),
        "shape": st.sampled_from([[1], [2], [1, 1], [0], [], [-1]]),
        "datatype": st.sampled_from(["FP64", "FP32", "INT64", "BYTES", "BOOL", "odd"]),
        "data": st.lists(VALUES, max_size=2),
    },
    optional={"parameters": st.sampled_from([{}, {"a": 1}, {"binary_data_size": 4}])},
)


def decoded(body: dict[str, Any]) -> Inputs | str:
    """Decoded request, or the refusal."""
    try:
        return protocol.decode(json.dumps(body).encode(), SIGNATURE, max_rows=100)
    except BadRequest as error:
        return f"{type(error).__name__}: {error}"


def looked_at(body: dict[str, Any]) -> Inputs | str:
    """The same by the full decoder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(protocol, "fast_columns", lambda *_, **__: None)
        return decoded(body)


@pytest.mark.parametrize("rows", [1, 2, 11, 101])
@pytest.mark.parametrize("probe", [False, True])
def test_both_ways_come_to_the_same(*, rows: int, probe: bool) -> None:
    """Values, keys, event times and their order are equal for one row and for many."""
    body = {**request_of(flights(rows), probe=probe), "id": "mine"}
    body["inputs"].reverse()
    assert decoded(body) == looked_at(body)
    assert isinstance(decoded(body), Inputs) == (rows <= 100)


@given(
    place=st.integers(0, 5),
    other=TENSORS,
    how=st.sampled_from(["instead", "too", "without"]),
    rows=st.integers(1, 2),
)
def test_both_ways_refuse_the_same(place: int, other: dict[str, Any], how: str, rows: int) -> None:
    """The refusal does not depend on the decoder."""
    body = request_of(flights(rows))
    if how != "too":
        del body["inputs"][place]
    if how != "without":
        body["inputs"].insert(place, other)
    assert decoded(body) == looked_at(body)


@pytest.mark.parametrize("rows", [1, 2, 100])
def test_what_clients_usually_send_takes_the_fast_way(
    rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With an id, with nulls in optional columns, and with colons in texts."""

    def never(*_: object) -> None:
        raise AssertionError("the full decoder was asked")

    monkeypatch.setattr(protocol, "columns_by_name", never)
    monkeypatch.setattr(json_codec, "_check_keys", never)
    body = request_of(flights(rows)) | {"id": "a:b"}
    for tensor in body["inputs"]:
        if tensor["name"] in ("temperature", "origin"):
            tensor["data"][0] = None
    assert isinstance(decoded(body), Inputs)


@pytest.mark.parametrize(
    "more",
    [
        {"id": "mine", "parameters": {"probe": True, "a": 1}},
        {"outputs": [{"name": "score"}, {"name": "score:", "parameters": {"a": "b:c"}}]},
        {"inputs": [{"name": "a", "shape": [1], "datatype": "BYTES", "data": ["b:c"]}]},
        {"inputs": [{"name": "a", "shape": [1], "datatype": "FP64", "parameters": {"b": 8}}]},
        {"model_name": "delay", "model_version": "3"},
    ],
)
def test_counting_tells_that_no_key_is_there_twice(
    more: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever V2 allows beside, so that its text is parsed once."""
    calls: list[bytes] = []
    monkeypatch.setattr(json_codec, "_check_keys", calls.append)
    body = json.dumps({"inputs": []} | more)
    json_codec.parse(body.encode())
    assert calls == []
    json_codec.parse(body.replace('"inputs"', '"inputs": [], "inputs"', 1).encode())
    assert len(calls) == 1
