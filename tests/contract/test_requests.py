"""Retrain requests, on every store."""

from __future__ import annotations

from functools import partial

import pytest

from slipway.errors import NotFound
from slipway.records import requests
from slipway.records.requests import Request
from slipway.records.store import Store
from tests.fakes.memory_store import MemoryStore
from tests.support.racing import race


def _file(store: Store, unique: str) -> Request:
    return requests.file_request(
        store,
        "delay",
        kind="drift",
        reason="2 of the last 3 windows drifted, the newest too.",
        at="2013-06-01T00:00:00+00:00",
        by="delay__monitor",
        unique=unique,
        evidence={"report": "reports/delay/2013-05.html"},
    )


def test_requests_are_numbered_from_one(any_store: Store) -> None:
    """A filed request can be read back."""
    first, second = _file(any_store, "a"), _file(any_store, "b")
    assert (first.number, second.number, second.run) == (1, 2, "request-000002")
    assert requests.read_request(any_store, "delay", 2) == second
    assert requests.all_requests(any_store, "delay") == [first, second]
    assert requests.all_requests(any_store, "other") == []


def test_filing_again_returns_the_first_filing(any_store: Store) -> None:
    """The same `unique` is the same request, also after its answer."""
    first = _file(any_store, "window-2013-05")
    requests.answer(any_store, first, outcome="promoted", reason="Better.")
    _file(any_store, "window-2013-06")
    assert _file(any_store, "window-2013-05") == first
    assert len(requests.all_requests(any_store, "delay")) == 2


def test_a_filing_cut_short_is_found(any_store: Store) -> None:
    """A filing that was killed between request and mark is completed, not repeated."""
    first = _file(any_store, "a")
    for entry in any_store.list("requests/delay"):
        if "unique" in entry.key:
            any_store.delete(entry.key)
    assert _file(any_store, "a") == first
    assert _file(any_store, "b").number == 2


def test_filing_reads_only_what_was_cut_short() -> None:
    """Apart from one listing, the cost does not grow with the number of old requests."""
    reads: list[str] = []

    class Counting(MemoryStore):
        def read(self, key: str) -> bytes:
            reads.append(key)
            return super().read(key)

    store = Counting()
    for number in range(20):
        _file(store, f"window-{number}")
    assert reads == []


def test_racing_filings_of_one_wish_are_one_request(any_store: Store) -> None:
    """All filings return the same request."""
    filed = race([partial(_file, any_store, "a")] * 6)
    assert filed == [requests.read_request(any_store, "delay", 1)] * 6
    assert len(requests.all_requests(any_store, "delay")) == 1


def test_racing_filings_of_many_wishes_all_arrive(any_store: Store) -> None:
    """No number is used twice and no request is lost."""
    filed = race([partial(_file, any_store, f"wish-{number}") for number in range(6)])
    assert sorted(one.number for one in filed if isinstance(one, Request)) == [1, 2, 3, 4, 5, 6]
    assert len(requests.all_requests(any_store, "delay")) == 6


def test_a_request_that_is_not_there_is_not_found(any_store: Store) -> None:
    """The error has model and number."""
    with pytest.raises(NotFound, match="delay has no request 7"):
        requests.read_request(any_store, "delay", 7)


def test_the_first_decision_stands(any_store: Store) -> None:
    """A second policy run gets the first decision."""
    request = _file(any_store, "a")
    assert requests.find_decision(any_store, request) is None
    first = requests.decide(
        any_store, request, action="accept", reason="Enough labels.", numbers={"labels": 900}
    )
    second = requests.decide(any_store, request, action="suppress", reason="Cooling down.")
    assert second == first == requests.find_decision(any_store, request)
    assert first.numbers == {"labels": 900}


def test_the_first_answer_stands(any_store: Store) -> None:
    """A late answer changes nothing."""
    request = _file(any_store, "a")
    assert requests.find_answer(any_store, request) is None
    first = requests.answer(any_store, request, outcome="refused", reason="Worse.")
    assert requests.answer(any_store, request, outcome="promoted", reason="Better.") == first
    assert requests.find_answer(any_store, request) == first


def test_a_request_goes_from_open_to_in_flight_to_answered(any_store: Store) -> None:
    """Each list has the requests in that state, oldest first."""
    suppressed, accepted, waiting, undecided = (_file(any_store, name) for name in "abcd")
    assert requests.in_flight(any_store, "delay") is None
    requests.decide(any_store, suppressed, action="suppress", reason="Cooling down.")
    for one in (accepted, waiting):
        requests.decide(any_store, one, action="accept", reason="Fine.")
    assert requests.open_requests(any_store, "delay") == [undecided]
    assert requests.accepted_unanswered(any_store, "delay") == [accepted, waiting]
    assert requests.in_flight(any_store, "delay") == accepted
    requests.answer(any_store, accepted, outcome="failed", reason="No rows.")
    assert requests.accepted_unanswered(any_store, "delay") == [waiting]
