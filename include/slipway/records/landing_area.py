"""Landing area: deliveries, which files are ignored, and when a file is complete.

`landing/<dataset>/<stream>/<batch>.parquet` or `.csv` is written by other systems; Slipway never
changes or removes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from typing import Literal, get_args

from slipway.records.store import Entry, Store, digest, encode

StreamName = Literal["features", "labels"]
SUFFIXES = (".parquet", ".csv")
IGNORED_PREFIXES = ("_", ".", "~")
"""First characters of markers, hidden and temporary files: `_SUCCESS`, `.x.csv`, `~x.csv`."""

_STREAMS: tuple[str, ...] = get_args(StreamName)


@dataclass(frozen=True)
class Delivery:
    """One file in the landing area, in its present state.

    Attributes:
        dataset: Dataset that it was delivered to.
        stream: `features` or `labels`.
        batch: File name without suffix.
        key: Store key.
        suffix: `.parquet` or `.csv`.
        size: Bytes.
        modified: Time of the last write, in UTC.
        tag12: Changes whenever the file is written again.
        parts: Store keys of its files, where it is a folder of parts.
    """

    dataset: str
    stream: str
    batch: str
    key: str
    suffix: str
    size: int
    modified: datetime
    tag12: str
    parts: tuple[str, ...] = ()

    @property
    def order(self) -> tuple[str, int, str]:
        """Sort key: by batch, a batch's features before its labels."""
        return (self.batch, _STREAMS.index(self.stream), self.suffix)


def list_deliveries(store: Store, dataset: str) -> list[Delivery]:
    """Return every delivery in a dataset's landing area, in the order of ingestion."""
    found = (_delivery(entry) for entry in store.list(f"landing/{dataset}"))
    return sorted((one for one in found if one is not None), key=lambda one: one.order)


def is_ignored(path: PurePosixPath) -> bool:
    """Return whether a file is no delivery: a marker, hidden, half-written (`x.csv.tmp`)."""
    return path.suffix not in SUFFIXES or path.name.startswith(IGNORED_PREFIXES)


def settled(
    deliveries: Iterable[Delivery], *, settle_seconds: float, now: datetime | None = None
) -> list[Delivery]:
    """Return the complete deliveries: files unchanged for `settle_seconds` of wall time."""
    latest = (now or datetime.now(UTC)) - timedelta(seconds=settle_seconds)
    return [one for one in deliveries if one.modified <= latest]


def fingerprint(deliveries: Sequence[Delivery]) -> str:
    """Return sixteen hex digits that change whenever the listing does."""
    return digest(encode([[one.key, one.size, one.tag12] for one in deliveries]))[:16]


def _delivery(entry: Entry) -> Delivery | None:
    path = PurePosixPath(entry.key)
    match path.parts:
        case (_, dataset, stream, name) if stream in _STREAMS and not is_ignored(path):
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
        case _:
            return None
