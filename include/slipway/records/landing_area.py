"""Landing area: deliveries, when one is complete, and what lies there and cannot be one.

`landing/<dataset>/<stream>/<batch>.<suffix>` is written by other systems; Slipway never changes or
removes it. A folder `<batch>.parquet/` of Parquet files, as Spark writes it, is one delivery.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import get_args
from urllib.parse import quote

from slipway.records.landed_names import PARQUET, hint_for, is_ignored, split_name
from slipway.records.store import Entry, Store, Unusable, digest, encode
from slipway.spec.dataset import StreamName
from slipway.spec.problems import nearest

LANDING = "landing"
"""Folder of the store into which other systems write."""

SUCCESS = "_SUCCESS"
"""Name of the marker in a folder of parts that is complete."""

_STREAMS: tuple[str, ...] = get_args(StreamName)
_BEING_WRITTEN = ("_temporary", ".spark-staging", ".hive-staging")
_TABLES = ("_delta_log", ".hoodie")


@dataclass(frozen=True)
class Delivery:
    """One file in the landing area, or one folder of parts, in its present state.

    Attributes:
        dataset: Dataset that it was delivered to.
        stream: `features` or `labels`.
        batch: Name without suffix.
        key: Store key.
        suffix: One of `landed_names.SUFFIXES`.
        size: Bytes.
        modified: Time of the last write, in UTC.
        tag12: Changes whenever the file is written again.
        parts: Store keys of its files, where it is a folder of parts.
        is_complete: Whether its writer has marked it as complete.
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
    is_complete: bool = False

    @property
    def order(self) -> tuple[str, int, str]:
        """Sort key: by batch, a batch's features before its labels."""
        return (self.batch, _STREAMS.index(self.stream), self.suffix)


@dataclass(frozen=True)
class Undeliverable:
    """A file or a folder in the landing area that cannot be a delivery.

    Attributes:
        key: Store key.
        reason: What is wrong with it, to be read after the key.
        hint: What would make it a delivery.
    """

    key: str
    reason: str
    hint: str

    def __str__(self) -> str:
        return f"{self.key} {self.reason}; {self.hint}"


def list_deliveries(store: Store, dataset: str) -> list[Delivery]:
    """Return every delivery in a dataset's landing area, in the order of ingestion."""
    found = (one for one in _survey(store, dataset) if isinstance(one, Delivery))
    return sorted(found, key=lambda one: one.order)


def list_undeliverable(
    store: Store, dataset: str, *, streams: Collection[str] = _STREAMS
) -> list[Undeliverable]:
    """Return what lies in a dataset's landing area and cannot be a delivery, by key.

    Markers, hidden and half-written files are not among it.

    Args:
        store: Store with the landing area.
        dataset: Name of the dataset.
        streams: Streams that have files of their own.
    """
    found = (
        one
        if isinstance(one, Undeliverable) or one.stream in streams
        else _of_no_own_file(one, streams)
        for one in _survey(store, dataset)
    )
    return [one for one in found if isinstance(one, Undeliverable)]


def of_streams(deliveries: Iterable[Delivery], streams: Collection[str]) -> list[Delivery]:
    """Return the deliveries to these streams, in their order."""
    return [one for one in deliveries if one.stream in streams]


def list_unknown_datasets(store: Store, known: Collection[str]) -> list[str]:
    """Return the names in the landing area that are no dataset's, sorted.

    Args:
        store: Store with the landing area.
        known: Names of all datasets.
    """
    seen = store.survey("landing")
    keys = [*(one.key for one in seen.entries), *(one.key for one in seen.unusable)]
    names = {key.partition("/")[2].partition("/")[0] for key in keys}
    return sorted(name for name in names - {"", *known} if not is_ignored(name))


def settled(
    deliveries: Iterable[Delivery], *, settle_seconds: float, now: datetime | None = None
) -> list[Delivery]:
    """Return the complete deliveries: marked as such, or unchanged for `settle_seconds`."""
    latest = (now or datetime.now(UTC)) - timedelta(seconds=settle_seconds)
    return [one for one in deliveries if one.is_complete or one.modified <= latest]


def fingerprint(deliveries: Sequence[Delivery]) -> str:
    """Return sixteen hex digits that change whenever the listing does."""
    return digest(encode([[one.key, one.size, one.tag12] for one in deliveries]))[:16]


def _survey(store: Store, dataset: str) -> list[Delivery | Undeliverable]:
    """What lies in a landing area, each file and each folder of a stream once.

    On S3 a folder may be an empty object as well, which its writer or a console has made.
    """
    seen = store.survey(f"landing/{dataset}")
    unusable = [one for one in map(_unusable, seen.unusable) if one is not None]
    # A folder of parts without one of them would be another delivery.
    torn = {"/".join(one.key.split("/")[:4]) for one in unusable}
    found: list[Delivery | Undeliverable | None] = [*unusable]
    files: list[Entry] = []
    folders: dict[str, list[Entry]] = {}
    home = f"landing/{dataset}"
    for entry in seen.entries:
        if entry.key == home:
            continue
        place, *inside = entry.key.removeprefix(f"{home}/").split("/")
        if place not in _STREAMS or not inside:
            found.append(_beside_the_streams(entry, place, inside))
        elif len(inside) == 1:
            files.append(entry)
        else:
            folders.setdefault(f"{home}/{place}/{inside[0]}", []).append(entry)
    found += [_file(one, dataset) for one in files if one.size or one.key not in folders]
    found += [_folder(key, entries) for key, entries in folders.items() if key not in torn]
    told = (_refused_name(one, longest=seen.longest_name) for one in found if one is not None)
    return sorted(told, key=lambda one: one.key)


def _of_no_own_file(one: Delivery, streams: Collection[str]) -> Undeliverable:
    home = " or ".join(streams)
    reason = f"lies in {one.stream}, which have no files of their own"
    hint = f"dataset.yaml takes them `from: {home}`: deliver their columns in the files of {home}"
    return Undeliverable(one.key, reason, hint)


def _unusable(one: Unusable) -> Undeliverable | None:
    parts = [part for part in one.key.split("/")[2:] if part not in {".", ".."}]
    if any(is_ignored(part) for part in parts):
        return None
    return Undeliverable(one.key, one.reason, one.hint)


def _refused_name(
    one: Delivery | Undeliverable, *, longest: int | None
) -> Delivery | Undeliverable:
    """A delivery, unless the store has no room for its batch's name."""
    if isinstance(one, Undeliverable) or longest is None:
        return one
    length = len(quote(one.batch, safe=""))
    if length <= longest:
        return one
    reason = f"has a name of {length} bytes, percent-encoded, without its suffix"
    return Undeliverable(one.key, reason, f"give it a name of at most {longest}")


def _beside_the_streams(entry: Entry, place: str, inside: Sequence[str]) -> Undeliverable | None:
    is_folder = not inside and not entry.size
    if is_folder or any(is_ignored(part) for part in (place, *inside)):
        return None
    if not inside:
        return Undeliverable(
            entry.key, "lies beside the streams", f"move it into {' or '.join(_STREAMS)}"
        )
    close = nearest(place.lower(), _STREAMS)
    hint = f"did you mean {close}?" if close else f"the streams are {' and '.join(_STREAMS)}"
    return Undeliverable(entry.key, f"lies in {place}, which is no stream", hint)


def _file(entry: Entry, dataset: str) -> Delivery | Undeliverable | None:
    _, _, stream, name = entry.key.split("/")
    if is_ignored(name):
        return None
    if (split := split_name(name)) is None:
        if not entry.size:
            return None
        return Undeliverable(entry.key, "is of no format that is read", hint_for(name))
    batch, suffix = split
    return Delivery(
        dataset=dataset,
        stream=stream,
        batch=batch,
        key=entry.key,
        suffix=suffix,
        size=entry.size,
        modified=entry.modified,
        tag12=digest(encode([name, entry.size, entry.tag]))[:12],
    )


def _folder(key: str, entries: Sequence[Entry]) -> Delivery | Undeliverable | None:
    _, dataset, stream, name = key.split("/")
    if is_ignored(name):
        return None
    inside = [entry.key.removeprefix(f"{key}/") for entry in entries]
    if any(path.startswith(_BEING_WRITTEN) for path in inside):
        return Undeliverable(key, "is being written", "its writer removes `_temporary` at the end")
    if any(path.startswith(_TABLES) for path in inside):
        # Files of rows that were deleted are still there.
        return Undeliverable(key, "is a table with versions of its own", "write it as Parquet")
    parts = [
        entry
        for entry, path in zip(entries, inside, strict=True)
        if not any(is_ignored(one) for one in path.split("/"))
    ]
    if not parts and SUCCESS not in inside:
        return None
    batch, suffix = split_name(name) or (name, "")
    names = [entry.key.removeprefix(f"{key}/") for entry in parts]
    if (problem := _problem_of_parts(suffix, names)) is not None:
        return Undeliverable(key, *problem)
    return Delivery(
        dataset=dataset,
        stream=stream,
        batch=batch,
        key=key,
        suffix=suffix,
        size=sum(entry.size for entry in parts),
        modified=max(entry.modified for entry in parts),
        tag12=digest(encode([name, [[one.key, one.size, one.tag] for one in parts]]))[:12],
        parts=tuple(entry.key for entry in parts),
        is_complete=SUCCESS in inside,
    )


def _problem_of_parts(suffix: str, names: Sequence[str]) -> tuple[str, str] | None:
    """Reason and hint why a folder with these files is no delivery."""
    if not names:
        return "holds no part", "deliver at least one Parquet file in it"
    if any("/" in name for name in names):
        hint = "write it without partitions, in which a column stands in the folders' names"
        return "holds folders of its own", hint
    if not all((split_name(name) or ("", ""))[1] in PARQUET for name in names):
        return "is a folder with files that are no Parquet", "deliver each file by itself"
    if suffix not in PARQUET:
        return "is a folder of Parquet files", "give the folder's name the suffix `.parquet`"
    return None
