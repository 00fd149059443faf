"""Arrivals: what lies in the landing area, and what of it has been handled.

`landing/<dataset>/<stream>/<batch>.parquet` or `.csv` is written by the outside.
Every handled delivery is one object that only ingest creates, so what waits is a difference
between two listings, and no event has to be remembered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from typing import Any, Literal, get_args

from slipway.records.store import Entry, Store, digest, encode, find_json, read_json

StreamName = Literal["features", "labels"]
SUFFIXES = (".parquet", ".csv")
_STREAMS: tuple[str, ...] = get_args(StreamName)


@dataclass(frozen=True)
class Delivery:
    """One file in the landing area, as it is now.

    Attributes:
        dataset: Dataset it was delivered to.
        stream: `features` or `labels`.
        batch: File name without suffix.
        key: Store key.
        suffix: `.parquet` or `.csv`.
        size: Bytes.
        modified: When it was last written, in UTC.
        tag12: Changes whenever the file is written again.
    """

    dataset: str
    stream: str
    batch: str
    key: str
    suffix: str
    size: int
    modified: datetime
    tag12: str

    @property
    def order(self) -> tuple[str, int, str]:
        """Deliveries are handled by batch, a batch's features before its labels."""
        return (self.batch, _STREAMS.index(self.stream), self.suffix)


@dataclass(frozen=True)
class Registration:
    """What became of one delivery.

    Attributes:
        revision: Of the batch; a changed re-delivery has the next one.
        tag12: Which state of the file it was.
        sha256: Digest of its bytes.
        action: `ingested`, `revised`, `duplicate` or `blocked`.
        key: Landing key.
        at: Wall time, ISO 8601, UTC.
        note: Anything else worth keeping, such as the run record's key.
    """

    revision: int
    tag12: str
    sha256: str
    action: str
    key: str
    at: str
    note: Mapping[str, Any]


def landed(store: Store, dataset: str) -> list[Delivery]:
    """Every delivery in the landing area, in the order in which it is to be handled.

    Markers, hidden and half-written files (`_SUCCESS`, `.x.csv`, `x.csv.tmp`) are not deliveries.
    """
    found = (_delivery(entry) for entry in store.list(f"landing/{dataset}"))
    return sorted((one for one in found if one is not None), key=lambda one: one.order)


def waiting(store: Store, dataset: str) -> list[Delivery]:
    """Deliveries that nobody has handled yet, in order; costs two listings and no read."""
    handled = {_registered(entry.key) for entry in store.list(f"arrivals/{dataset}")}
    return [
        one for one in landed(store, dataset) if (one.stream, one.batch, one.tag12) not in handled
    ]


def settled(
    deliveries: Iterable[Delivery], *, settle_seconds: float, now: datetime | None = None
) -> list[Delivery]:
    """Deliveries whose file has not changed for `settle_seconds` of wall time: it is complete."""
    latest = (now or datetime.now(UTC)) - timedelta(seconds=settle_seconds)
    return [one for one in deliveries if one.modified <= latest]


def fingerprint(deliveries: Sequence[Delivery]) -> str:
    """Sixteen hex digits that change whenever the listing does."""
    return digest(encode([[one.key, one.size, one.tag12] for one in deliveries]))[:16]


def acknowledged(store: Store, dataset: str) -> str | None:
    """Fingerprint of the listing that was last handled as a whole, or None."""
    value = find_json(store, f"arrivals/{dataset}/acknowledged.json")
    return None if value is None else str(value["fingerprint"])


def acknowledge(store: Store, dataset: str, fingerprint: str) -> None:
    """Say that everything in a listing has been handled; the bell stops ringing for it."""
    store.write(f"arrivals/{dataset}/acknowledged.json", encode({"fingerprint": fingerprint}))


def register(
    store: Store,
    delivery: Delivery,
    *,
    revision: int,
    sha256: str,
    action: str,
    note: Mapping[str, Any] | None = None,
) -> bool:
    """Say what became of a delivery; False when that had been said before.

    Args:
        store: Where the registry lives.
        delivery: What was handled.
        revision: Of its batch; a duplicate has the revision it repeats.
        sha256: Digest of its bytes.
        action: `ingested`, `revised`, `duplicate` or `blocked`.
        note: Anything else worth keeping; JSON values only.
    """
    if find_registration(store, delivery) is not None:
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
    key = f"{folder}/r{revision:04d}-{delivery.tag12}.json"
    return store.create(key, encode(asdict(registration)))


def find_registration(store: Store, delivery: Delivery) -> Registration | None:
    """What became of this very state of the file, or None when nobody has handled it."""
    folder = _folder(delivery.dataset, delivery.stream, delivery.batch)
    for entry in store.list(folder):
        if entry.key.endswith(f"-{delivery.tag12}.json"):
            return Registration(**read_json(store, entry.key))
    return None


def history(store: Store, dataset: str, stream: str, batch: str) -> Registration | None:
    """What became of a batch's newest revision, or None for a batch never seen.

    A delivery with the same `sha256` is a duplicate; any other has the next revision.
    """
    keys = [entry.key for entry in store.list(_folder(dataset, stream, batch))]
    if not keys:
        return None
    revision = _revision(keys[-1])
    newest = [Registration(**read_json(store, key)) for key in keys if _revision(key) == revision]
    return next((one for one in newest if one.action != "duplicate"), newest[0])


def _delivery(entry: Entry) -> Delivery | None:
    path = PurePosixPath(entry.key)
    match path.parts:
        case (_, dataset, stream, name) if stream in _STREAMS:
            pass
        case _:
            return None
    if path.suffix not in SUFFIXES or name[0] in "._~":
        return None
    return Delivery(
        dataset=dataset,
        stream=stream,
        batch=path.stem,
        key=entry.key,
        suffix=path.suffix,
        size=entry.size,
        modified=entry.modified,
        tag12=digest(encode([name, entry.size, entry.tag]))[:12],
    )


def _registered(key: str) -> tuple[str, str, str] | None:
    match key.split("/"):
        case [_, _, stream, batch, name]:
            return stream, batch, name.removesuffix(".json").partition("-")[2]
        case _:
            return None


def _revision(key: str) -> str:
    return PurePosixPath(key).name.partition("-")[0]


def _folder(dataset: str, stream: str, batch: str) -> str:
    return f"arrivals/{dataset}/{stream}/{batch}"
