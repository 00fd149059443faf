"""Arrival registry: which deliveries have been handled, and with which result.

Ingest creates one object for each handled delivery, so the deliveries that wait are the difference
between two listings, and no event has to be remembered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

from slipway.records.landing_area import Delivery
from slipway.records.store import Store, encode, find_value, reached_in, read_value

_NOT_PUBLISHED = frozenset({"duplicate", "superseded"})


@dataclass(frozen=True)
class Registration:
    """Result of one handled delivery.

    Attributes:
        revision: Of the batch; a changed re-delivery has the next one.
        tag12: State of the file that was handled.
        sha256: Digest of its bytes.
        action: `ingested`, `revised`, `duplicate`, `superseded` or `blocked`.
        key: Landing key.
        at: Wall time, ISO 8601, UTC.
        note: Further facts, such as the run record's key.
    """

    revision: int
    tag12: str
    sha256: str
    action: str
    key: str
    at: str
    note: Mapping[str, Any]


def waiting(
    store: Store, dataset: str, deliveries: Iterable[Delivery], *, limits: str = ""
) -> list[Delivery]:
    """Return the listed deliveries that are not handled yet; costs one listing and no read.

    Args:
        store: Store of the registry.
        dataset: Name of the dataset.
        deliveries: Deliveries.
        limits: Mark of the present limits; one that exceeded others is not handled.
    """
    handled = {_registered(entry.key) for entry in store.list(f"arrivals/{dataset}")}
    return [
        one
        for one in deliveries
        if handled.isdisjoint(
            (one.stream, one.batch, tail) for tail in (one.tag12, f"{one.tag12}.{limits}")
        )
    ]


def acknowledged(store: Store, dataset: str) -> str | None:
    """Return the fingerprint of the last listing that was handled as a whole, or None."""
    return find_value(
        store, f"arrivals/{dataset}/acknowledged.json", lambda value: str(value["fingerprint"])
    )


def acknowledge(store: Store, dataset: str, fingerprint: str) -> None:
    """Mark a listing as handled as a whole, which stops the landing trigger from firing for it."""
    store.write(f"arrivals/{dataset}/acknowledged.json", encode({"fingerprint": fingerprint}))


def register(
    store: Store,
    delivery: Delivery,
    *,
    revision: int,
    sha256: str,
    action: str,
    note: Mapping[str, Any] | None = None,
    exceeded: str | None = None,
) -> bool:
    """Register the result of a delivery; False when it is registered already.

    Args:
        store: Store of the registry.
        delivery: Delivery that was handled.
        revision: Of its batch; a duplicate has the revision that it repeats.
        sha256: Digest of its bytes.
        action: `ingested`, `revised`, `duplicate`, `superseded` or `blocked`.
        note: Further facts; JSON values only.
        exceeded: Mark of the limits that it exceeded; None: it exceeded none.
    """
    if set(_tails(store, delivery)) & {"", exceeded}:
        return False
    registration = Registration(
        revision=revision,
        tag12=delivery.tag12,
        sha256=sha256,
        action=action,
        key=delivery.key,
        at=datetime.now(UTC).isoformat(),
        note=dict(note or {}),
    )
    folder = _folder(delivery.dataset, delivery.stream, delivery.batch)
    tail = delivery.tag12 if exceeded is None else f"{delivery.tag12}.{exceeded}"
    key = f"{folder}/r{revision:04d}-{tail}.json"
    return store.create(key, encode(asdict(registration)))


def find_registration(store: Store, delivery: Delivery) -> Registration | None:
    """Return the newest registration of exactly this state of the file, or None."""
    keys = list(_tails(store, delivery).values())
    return read_value(store, keys[-1], lambda value: Registration(**value)) if keys else None


def exceeded_limits(store: Store, delivery: Delivery) -> frozenset[str]:
    """Return the marks of the limits that exactly this state of the file exceeded."""
    return frozenset(_tails(store, delivery)) - {""}


def first_registration(store: Store, dataset: str, stream: str, batch: str) -> Registration | None:
    """Return the registration of a batch's first revision, or None for an unknown batch."""
    keys = [entry.key for entry in store.list(_folder(dataset, stream, batch))]
    return read_value(store, keys[0], lambda value: Registration(**value)) if keys else None


def newest_registration(store: Store, dataset: str, stream: str, batch: str) -> Registration | None:
    """Return the registration of a batch's newest revision, or None for an unknown batch.

    A delivery with the same `sha256` is a duplicate; any other has the next revision.
    """
    keys = [entry.key for entry in store.list(_folder(dataset, stream, batch))]
    names = (f"{_revision(key)}.json" for key in keys)
    revisions = reached_in(names, digits=4, prefix="r")
    if not revisions:
        return None
    revision = f"r{revisions[-1]:04d}"
    newest = [
        read_value(store, key, lambda value: Registration(**value))
        for key in keys
        if _revision(key) == revision
    ]
    return next((one for one in newest if one.action not in _NOT_PUBLISHED), newest[0])


def published_from(
    store: Store, dataset: str, stream: str, batch: str, *, revision: int
) -> str | None:
    """Return the landing key of the file whose rows a revision has, or None."""
    for entry in store.list(_folder(dataset, stream, batch)):
        if _revision(entry.key) == f"r{revision:04d}":
            found = read_value(store, entry.key, lambda value: Registration(**value))
            if found.action not in _NOT_PUBLISHED:
                return found.key
    return None


def _registered(key: str) -> tuple[str, str, str] | None:
    match key.split("/"):
        case [_, _, stream, batch, name]:
            return stream, batch, name.removesuffix(".json").partition("-")[2]
        case _:
            return None


def _tails(store: Store, delivery: Delivery) -> dict[str, str]:
    """Keys of a state's registrations by the mark of the limits that it exceeded; empty: none."""
    folder = _folder(delivery.dataset, delivery.stream, delivery.batch)
    found = {}
    for entry in store.list(folder):
        tag12, _, mark = PurePosixPath(entry.key).stem.partition("-")[2].partition(".")
        if tag12 == delivery.tag12:
            found[mark] = entry.key
    return found


def _revision(key: str) -> str:
    return PurePosixPath(key).name.partition("-")[0]


def _folder(dataset: str, stream: str, batch: str) -> str:
    return f"arrivals/{dataset}/{stream}/{batch}"
