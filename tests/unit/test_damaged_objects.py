"""Objects of the store that are JSON of another form end what reads them with a clear error."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from slipway.errors import Tampered
from slipway.records import requests
from slipway.records.approvals import find_approval
from slipway.records.arrival_moments import arrival_of
from slipway.records.arrivals import find_registration
from slipway.records.delivery_order import number_of
from slipway.records.landing_area import Delivery
from slipway.records.outcomes import find_outcome
from slipway.records.requests import Request
from slipway.records.run_records import RunRef, find_record
from slipway.records.stage_errors import find_error
from slipway.records.store import Store
from slipway.records.verified_versions import find_verification
from slipway.records.withdrawals import find_withdrawal
from tests.fakes.memory_store import MemoryStore

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DELIVERY = Delivery("sales", "features", "one", "landing/one.csv", ".csv", 1, NOW, "b" * 12)
REQUEST = Request("delay", 1, "person", "reason", NOW.isoformat(), "ann", "unique", {})
READERS: dict[str, Callable[[Store], object]] = {
    "requests/delay/000001.json": lambda store: requests.all_requests(store, "delay"),
    "requests/delay/000001.decision.json": lambda store: requests.find_decision(store, REQUEST),
    "requests/delay/000001.answer.json": lambda store: requests.find_answer(store, REQUEST),
    "requests/delay/000001.approval.json": lambda store: find_approval(store, REQUEST),
    "requests/delay/000001.withdrawn.json": lambda store: find_withdrawal(store, REQUEST),
    "runs/delay/a/train/record.json": lambda store: find_record(
        store, RunRef("delay", "a", "train")
    ),
    f"verified/delay/{'a' * 64}.json": lambda store: find_verification(store, "delay", "a" * 64),
    f"order/sales/features/one/{'b' * 12}.json": lambda store: number_of(store, DELIVERY),
    "moments/sales/one.json": lambda store: arrival_of(store, DELIVERY),
    f"arrivals/sales/features/one/r0001-{'b' * 12}.json": lambda store: find_registration(
        store, DELIVERY
    ),
    "outcomes/o.json": lambda store: find_outcome(store, "outcomes/o.json"),
    "outcomes/e.json": lambda store: find_error(store, "outcomes/e.json"),
}


@pytest.mark.parametrize("form", [b"[]", b"3", b"{}", b'{"number": "' + b"9" * 4900 + b'"}'])
@pytest.mark.parametrize("key", READERS)
def test_an_object_of_another_form_is_named(key: str, form: bytes) -> None:
    """Which object it is and what helps, in place of an error of Python."""
    store = MemoryStore()
    store.write(key, form)
    with pytest.raises(Tampered, match="has another form than it was written with") as raised:
        READERS[key](store)
    assert key in raised.value.message
    assert raised.value.where == store.uri(key)
    assert raised.value.hint == "restore the object from a backup"
