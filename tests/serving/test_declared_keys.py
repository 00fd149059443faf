"""Keys and event times of a request, by their declared types."""

from __future__ import annotations

import json
from typing import Any

import pytest

from slipway.errors import BadRequest
from slipway.serving.v2.protocol import decode
from slipway.serving.v2.signature import Signature
from tests.support.declared_requests import SIGNATURE, read, request


@pytest.mark.parametrize(
    ("datatype", "sent"), [("FP64", 7.0), ("INT64", 7), ("BYTES", "007"), ("BYTES", "7.0")]
)
def test_a_key_is_logged_as_its_canonical_text(datatype: str, sent: Any) -> None:
    """A key that came as a float joins the labels all the same."""
    assert read(crossing=(datatype, [sent])).keys == ["7"]


def test_an_exact_key_keeps_every_digit() -> None:
    """A text key takes integers of 64 bits, an integer key the largest of them."""
    assert read(crossing=("INT64", [2**63 - 1])).keys == [str(2**63 - 1)]
    signature = Signature(SIGNATURE.columns, "crossing", None, key_type="string")
    body = json.dumps(request(crossing=("UINT64", [2**64 - 1]))).encode()
    assert decode(body, signature, max_rows=1).keys == [str(2**64 - 1)]
    body = json.dumps(request(crossing=("FP64", [7.0]))).encode()
    with pytest.raises(BadRequest, match="not a text"):
        decode(body, signature, max_rows=1)


@pytest.mark.parametrize(
    ("name", "sent", "accepted"),
    [
        ("wind", "1,5", "as text with a decimal point and no other separator"),
        ("decks", "1.234.567", "a whole number of 64 bits, as text without separators"),
        ("refit", "ja", "true or false, 1 or 0, and no other word"),
        ("departs", "01.05.2013 12:00", "ISO 8601, for example 2013-05-01T12:00:00+00:00"),
    ],
)
def test_a_text_in_a_dialect_of_csv_is_told_the_form_of_requests(
    name: str, sent: str, accepted: str
) -> None:
    """JSON has forms of its own, whatever `csv` says of deliveries."""
    with pytest.raises(BadRequest) as refused:
        read(**{name: ("BYTES", [sent])})
    assert f"column {name!r}" in str(refused.value)
    assert accepted in str(refused.value)


def test_an_empty_text_is_no_key() -> None:
    """As in a delivery, where its row is bad."""
    signature = Signature(SIGNATURE.columns, "crossing", None, key_type="string")
    body = json.dumps(request(crossing=("BYTES", [""]))).encode()
    with pytest.raises(BadRequest, match="crossing"):
        decode(body, signature, max_rows=1)


@pytest.mark.parametrize(
    "sent",
    [
        *("2013-05-01T12:00:00Z", "2013-05-01 14:00:00.000000+02:00", "2013-05-01T12:00"),
        *("2013-05-01 12:00:00 UTC", "2013-05-01T12:00:00.0000009", "2013-05-01T17:30:00+0530"),
    ],
)
def test_an_event_time_is_read_as_ingest_reads_it(sent: str) -> None:
    """In UTC without an offset, cut to microseconds."""
    assert read(departs=("BYTES", [sent])).event_times_us == [1_367_409_600_000_000]
