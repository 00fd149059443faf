"""Keys and event times that a server derives from the columns of a request."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from slipway.serving.v2.errors import Mismatch
from slipway.serving.v2.protocol import Inputs, decode
from slipway.serving.v2.signature import Signature
from slipway.spec.identity import KEY, Part, RowIdentity, RowKey, RowTime
from slipway.stages.ports.raw_column import RawColumn
from slipway.values.date_and_time import DateAndTimeForm
from slipway.values.row_keys import row_digest

COLUMNS = (
    RawColumn("wind", "number", required=False, type="number"),
    RawColumn("store", "string", required=True, type="integer"),
)
FORM = DateAndTimeForm(time_format="%H%M", timezone="Europe/Berlin")
DAY_AND_CLOCK = (Part("day", "string"), Part("clock", "integer"))
COMPOSED = RowIdentity(
    RowKey(KEY, "string", "columns", (Part("store", "integer"), Part("day", "string"))),
    RowTime("_event_time", "columns", DAY_AND_CLOCK, FORM),
)
DIGEST = RowIdentity(
    RowKey(
        KEY,
        "string",
        "row",
        (Part("wind", "number"), Part("store", "integer"), Part("at", "timestamp")),
    ),
    RowTime("at"),
)
SENT: dict[str, tuple[str, list[Any]]] = {
    "wind": ("FP64", [1.5, None]),
    "store": ("INT64", [7, 8]),
    "day": ("BYTES", ["2013-05-01", "2013-05-02"]),
    "clock": ("INT64", [1405, 45]),
}
AT = ("BYTES", ["2013-05-01T14:00:00+02:00", "2013-05-01"])


def read(identity: RowIdentity, sent: dict[str, tuple[str, list[Any]]], **more: Any) -> Inputs:
    """A decoded request of two rows."""
    signature = Signature(
        COLUMNS, identity.key.column, identity.time.column, "string", identity=identity
    )
    tensors = [
        {"name": name, "shape": [len(data)], "datatype": datatype, "data": data}
        for name, (datatype, data) in sent.items()
    ]
    return decode(json.dumps({"inputs": tensors, **more}).encode(), signature, max_rows=9)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"parameters": {"probe": True}},
    ],
    ids=["fast check", "full check"],
)
@pytest.mark.parametrize("store", [("INT64", [7, 8]), ("BYTES", ["7", "+8"]), ("FP64", [7.0, 8.0])])
def test_a_key_is_composed_of_canonical_texts(
    store: tuple[str, list[Any]], more: dict[str, Any]
) -> None:
    """However a client spells the parts, and whichever check reads them."""
    found = read(COMPOSED, {**SENT, "store": store}, **more)
    assert found.keys == ["7|2013-05-01", "8|2013-05-02"]
    assert found.columns["store"] == ["7", "8"]
    times = [datetime(2013, 5, 1, 12, 5, tzinfo=UTC), datetime(2013, 5, 1, 22, 45, tzinfo=UTC)]
    assert found.event_times_us == [int(time.timestamp()) * 1_000_000 for time in times]


CALENDAR = (
    Part("year", "integer"),
    Part("month", "string"),
    Part("day", "integer"),
    Part("store", "integer"),
)
PARTED = RowIdentity(
    RowKey("id", "string"),
    RowTime(
        "_event_time",
        "columns",
        CALENDAR,
        DateAndTimeForm(timezone="Europe/Berlin", parts=("year", "month", "day", "hour")),
    ),
)
IN_PARTS: dict[str, tuple[str, list[Any]]] = {
    "wind": ("FP64", [1.5, None]),
    "store": ("INT64", [7, 8]),
    "year": ("INT64", [2013, 2013]),
    "month": ("BYTES", ["05", "May"]),
    "day": ("INT64", [1, 31]),
}


def test_a_time_is_made_of_its_parts() -> None:
    """One of them is an input of the model as well, and alone says nothing of a time."""
    times = [datetime(2013, 5, 1, 5, tzinfo=UTC), datetime(2013, 5, 31, 6, tzinfo=UTC)]
    micros = [int(time.timestamp()) * 1_000_000 for time in times]
    assert read(PARTED, IN_PARTS).event_times_us == micros
    as_texts = {**IN_PARTS, "year": ("BYTES", ["2013", "+2013"]), "day": ("FP64", [1.0, 31.0])}
    assert read(PARTED, as_texts).event_times_us == micros
    inputs = {name: IN_PARTS[name] for name in ("wind", "store")}
    assert read(PARTED, inputs).event_times_us is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"day": None}, "lacks column 'day' of the event time"),
        ({"day": ("INT64", [1, None])}, "column 'day' has no value in row 1"),
        ({"month": ("BYTES", ["05", "NA"])}, "column 'month' has no value in row 1"),
        ({"month": ("BYTES", ["13", "1"])}, "'month' has a value in row 0 that is no month from 1"),
        ({"month": ("BYTES", ["5", "2"])}, "'day' has a value in row 1 that is beyond the last"),
        ({"year": ("INT64", [2013, 13])}, "'year' has a value in row 1 that is no year of four"),
        ({"day": ("FP64", [1.5, 2.0])}, "column 'day' has a value in row 0 that"),
        (
            {"month": ("BYTES", ["3", "3"]), "store": ("INT64", [2, 2])},
            "columns 'year', 'month', 'day' and 'store' have a time in row 1 that is a local time",
        ),
    ],
)
def test_parts_without_a_time_are_refused_by_name(changes: dict[str, Any], message: str) -> None:
    """The column and the row, and no value."""
    sent = {name: one for name, one in {**IN_PARTS, **changes}.items() if one is not None}
    with pytest.raises(Mismatch, match=message):
        read(PARTED, sent)


def test_a_digest_is_of_all_columns_missing_ones_among_them() -> None:
    """As ingest has it of a delivered row."""
    found = read(DIGEST, {**{name: SENT[name] for name in ("wind", "store")}, "at": AT})
    first = {"wind": 1.5, "store": 7, "at": datetime(2013, 5, 1, 12, tzinfo=UTC)}
    second = {"wind": None, "store": 8, "at": datetime(2013, 5, 1, tzinfo=UTC)}
    assert found.keys == [row_digest(first), row_digest(second)]


def test_without_the_parts_there_is_neither_key_nor_time() -> None:
    """`store` is there as an input of the model alone."""
    sent = {name: SENT[name] for name in ("wind", "store")}
    assert (read(COMPOSED, sent).keys, read(COMPOSED, sent).event_times_us) == (None, None)
    assert (read(DIGEST, sent).keys, read(DIGEST, sent).event_times_us) == (None, None)


def test_what_the_key_lacks_is_known() -> None:
    """Of a derived key its parts, of another one itself; nothing where it is there."""
    sent = {name: SENT[name] for name in ("wind", "store")}
    assert read(COMPOSED, sent).absent_of_key == ("day",)
    assert read(DIGEST, sent).absent_of_key == ("at",)
    assert read(PARTED, sent, parameters={"probe": True}).absent_of_key == ("id",)
    assert read(DIGEST, {**sent, "at": AT}).absent_of_key == ()


def test_a_part_of_both_may_be_sent_for_the_key_alone() -> None:
    """`day` belongs to the key as well, so the request says nothing of its time."""
    sent = {name: SENT[name] for name in ("wind", "store", "day")}
    found = read(COMPOSED, sent)
    assert found.keys == ["7|2013-05-01", "8|2013-05-02"]
    assert found.event_times_us is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"day": None}, "lacks column 'day' of the event time"),
        ({"day": ("BYTES", ["2013-05-01", ""])}, "column 'day' has no value in row 1"),
        ({"day": ("BYTES", ["1.5.2013", "2013-05-01"])}, "in row 0 that is no day"),
        ({"clock": ("INT64", [2405, 45])}, "column 'clock' has a value in row 0 that"),
        ({"clock": ("BYTES", ["14:05", "45"])}, "column 'clock' has a value in row 0 that"),
        ({"_key": ("BYTES", ["a", "b"])}, "no input column '_key'"),
        (
            {"day": ("BYTES", ["2013-03-31", "2013-05-01"]), "clock": ("INT64", [230, 45])},
            "columns 'day' and 'clock' have a time in row 0 that is a local time that the clock",
        ),
    ],
)
def test_what_cannot_be_derived_is_refused_by_name(changes: dict[str, Any], message: str) -> None:
    """The column and the row, and no value."""
    sent = {name: one for name, one in {**SENT, **changes}.items() if one is not None}
    with pytest.raises(Mismatch, match=message):
        read(COMPOSED, sent)
