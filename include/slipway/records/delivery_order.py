"""Order of deliveries: each accepted delivery has a number, greater than all accepted before it.

One order for both streams of a dataset. "Newest" is decided by this number alone: neither event
times, which may repeat, nor the order of rows in a table.
"""

from __future__ import annotations

from typing import Any

from slipway.records.landing_area import Delivery
from slipway.records.store import Store, encode, find_value, newest_number, read_value


def number_of(store: Store, delivery: Delivery) -> int:
    """Return the number of a delivery, which the first call claims.

    Call it before the rows are read. A repeat for the same state of the file returns the same
    number, also after a kill and for two callers at once; a number that a killed or slower caller
    claimed belongs to no delivery.

    Args:
        store: Store of the order.
        delivery: Delivery that is about to be read.
    """
    key = f"{_folder(delivery)}/{delivery.stream}/{delivery.batch}/{delivery.tag12}.json"
    if (known := find_value(store, key, _number_in)) is not None:
        return known
    claimed = {"stream": delivery.stream, "batch": delivery.batch, "tag12": delivery.tag12}
    store.create(key, encode({"number": _claim_next(store, _folder(delivery), claimed)}))
    return read_value(store, key, _number_in)


def _number_in(value: Any) -> int:
    return int(value["number"])


def _claim_next(store: Store, folder: str, claimed: dict[str, Any]) -> int:
    number = newest_number(store, folder) + 1
    while not store.create(f"{folder}/{number:08d}.json", encode(claimed)):
        number += 1
    return number


def _folder(delivery: Delivery) -> str:
    return f"order/{delivery.dataset}"
