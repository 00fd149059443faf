"""Store port: named objects under one root, and JSON on top of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, TypeVar

from slipway.errors import NotFound, Tampered

Value = TypeVar("Value")


@dataclass(frozen=True)
class Entry:
    """One object in a listing.

    Attributes:
        key: Path below the store's root, `/` between parts.
        size: Bytes.
        modified: Time of the last write, in UTC.
        tag: Changes whenever the object is written again.
    """

    key: str
    size: int
    modified: datetime
    tag: str


@dataclass(frozen=True)
class Unusable:
    """What lies in a folder and cannot be read as an object.

    Attributes:
        key: Its path below the store's root, as it can be printed.
        reason: What is wrong with it, to be read after the key.
        hint: What to do about it.
    """

    key: str
    reason: str
    hint: str


@dataclass(frozen=True)
class Survey:
    """What lies below a folder into which other systems write.

    Attributes:
        entries: Every object that can be read, sorted by key.
        unusable: What cannot be, sorted by key.
        longest_name: Bytes of the longest name that a batch may have; None: any.
    """

    entries: tuple[Entry, ...]
    unusable: tuple[Unusable, ...] = ()
    longest_name: int | None = None


class Store(Protocol):
    """Objects under one root; the same contract on a local disk and on S3.

    Every method raises `StoreUnavailable` when the store does not answer.
    """

    root: str

    def read(self, key: str) -> bytes:
        """Return the bytes of one object.

        Raises:
            NotFound: There is no such object.
        """

    def write(self, key: str, data: bytes) -> None:
        """Replace one object atomically: a reader gets the old bytes or the new ones."""

    def create(self, key: str, data: bytes) -> bool:
        """Write one object if there is none yet; True for at most one writer.

        A writer whose object arrived but whose reply was lost gets False as well, so after False
        read the object before drawing a conclusion.
        """

    def download(self, key: str, path: Path) -> None:
        """Copy one object into a local file, in bounded memory.

        Raises:
            NotFound: There is no such object.
            CommitConflict: It was written again meanwhile.
        """

    def upload(self, path: Path, key: str) -> None:
        """Replace one object by a local file as `write` does, in bounded memory."""

    def exists(self, key: str) -> bool:
        """Return whether an object exists."""

    def list(self, prefix: str) -> list[Entry]:
        """Return every object below a folder, sorted by key; empty when there is none."""

    def survey(self, prefix: str) -> Survey:
        """Return every object below a folder into which other systems write.

        Unlike `list` it passes over what cannot be read, and returns that with the reasons.
        """

    def delete(self, key: str) -> None:
        """Remove one object; no effect when there is none."""

    def uri(self, key: str) -> str:
        """Return an address of one object that other tools can open."""


def encode(value: Any) -> bytes:
    """Encode a value as canonical JSON: equal values give equal bytes."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def digest(data: bytes) -> str:
    """Return the SHA-256 of bytes, in hex."""
    return hashlib.sha256(data).hexdigest()


def parse_json(data: bytes | str) -> Any:
    """Return the value of JSON that others may have written.

    Raises:
        ValueError: It is not JSON, or is nested deeper than the parser goes.
    """
    try:
        return json.loads(data)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def read_json(store: Store, key: str) -> Any:
    """Return the value of one JSON object.

    Raises:
        NotFound: There is no such object.
        Tampered: The object is not JSON.
    """
    try:
        return parse_json(store.read(key))
    except ValueError as error:
        raise Tampered(
            f"{key} is not JSON",
            expected="the JSON that Slipway wrote there",
            found="other bytes",
            where=store.uri(key),
        ) from error


def find_json(store: Store, key: str) -> Any | None:
    """Return the value of one JSON object, or None when there is no such object."""
    try:
        return read_json(store, key)
    except NotFound:
        return None


def read_value(store: Store, key: str, make: Callable[[Any], Value]) -> Value:
    """Return the value that one JSON object holds.

    Args:
        store: Store of the object.
        key: Its key.
        make: Makes the value of the JSON.

    Raises:
        NotFound: There is no such object.
        Tampered: The object is not JSON, or of another form.
    """
    found = read_json(store, key)
    try:
        return make(found)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise Tampered(
            f"{key} has another form than it was written with",
            expected="the JSON that Slipway wrote there",
            found=f"{type(found).__name__}, which cannot be read ({type(error).__name__})",
            where=store.uri(key),
            hint="restore the object from a backup",
        ) from error


def find_value(store: Store, key: str, make: Callable[[Any], Value]) -> Value | None:
    """Return the value that one JSON object holds, or None when there is no such object."""
    try:
        return read_value(store, key, make)
    except NotFound:
        return None


MOST_MISSING = 16
"""So many numbers in a row may be missing in a folder of numbered objects, as after a loss."""


def newest_number(store: Store, folder: str, *, digits: int = 8) -> int:
    """Return the number of the newest `<number>.json` in a folder, or 0 when there is none.

    A stray number counts for nothing, see `reached_numbers`.

    Args:
        store: Store of the folder.
        folder: Folder of objects that are numbered from 1.
        digits: Digits that a number is padded to.
    """
    return max(list_numbers(store, folder, digits=digits), default=0)


def list_numbers(store: Store, folder: str, *, digits: int = 8) -> list[int]:
    """Return the numbers of the `<number>.json` in a folder that are reached from 1, sorted.

    Args:
        store: Store of the folder.
        folder: Folder of objects that are numbered from 1.
        digits: Digits that a number is padded to.
    """
    names = (entry.key.removeprefix(f"{folder}/") for entry in store.list(folder))
    return reached_in(names, digits=digits)


def reached_in(names: Iterable[str], *, digits: int, prefix: str = "") -> list[int]:
    """Return the numbers of the names `<prefix><number>.json` that are reached from 1; pure."""
    return reached_numbers(numbers_among(names, digits=digits, prefix=prefix))


def numbers_among(names: Iterable[str], *, digits: int, prefix: str = "") -> list[int]:
    """Return the numbers of the names `<prefix><number>.json`, sorted; pure.

    Args:
        names: Any names.
        digits: Digits that a number is padded to; in another spelling it is none.
        prefix: What each name begins with.
    """
    stems = (name.removeprefix(prefix) for name in names if name.startswith(prefix))
    bare = (stem.removesuffix(".json") for stem in stems if stem.endswith(".json"))
    numbers = ((stem, int(stem)) for stem in bare if stem.isascii() and stem.isdecimal())
    return sorted(number for stem, number in numbers if number and stem == f"{number:0{digits}d}")


def reached_numbers(numbers: Sequence[int], *, most_missing: int = MOST_MISSING) -> list[int]:
    """Return the numbers up to the first one that lies too far beyond the one before it; pure.

    Numbers are given one after another, so what lies far ahead was put there by another hand: it
    is neither the newest nor in the way of the next one.

    Args:
        numbers: Sorted.
        most_missing: So many in a row may be missing.
    """
    reached: list[int] = []
    for number in numbers:
        if number > (reached[-1] if reached else 0) + most_missing + 1:
            break
        reached.append(number)
    return reached
