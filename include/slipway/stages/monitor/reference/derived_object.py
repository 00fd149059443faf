"""Keep what is derived from a model version in the store, made once for the same inputs.

An object's name has the digest of all that it depends on, so it is never out of date; it may be
deleted at any time, and is made again. Only what is cheaper to read than to make is kept so.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from slipway.errors import NotFound, Tampered
from slipway.records.store import Store, digest, encode, parse_json

logger = logging.getLogger(__name__)

FOLDER = "references"

FORMAT = 1
"""To be raised when the same inputs give other parts, or parts are laid out otherwise."""

Parts = Mapping[str, bytes]


@dataclass(frozen=True)
class DerivedFrom:
    """What a derived object depends on.

    Attributes:
        model: Name of the model.
        version: Number of the version.
        sha256: Digest of the version's manifest.
    """

    model: str
    version: int
    sha256: str

    def key(self, name: str, inputs: Mapping[str, Any]) -> str:
        """Return the key of an object.

        Args:
            name: What it holds.
            inputs: All else that it depends on, as JSON.
        """
        whole = {"format": FORMAT, "version": self.sha256, "inputs": dict(inputs)}
        return f"{FOLDER}/{self.model}/v{self.version}/{name}-{digest(encode(whole))[:32]}"


@dataclass(frozen=True)
class Derived:
    """Parts of a derived object.

    Attributes:
        parts: Bytes by name.
        note: Sentence on an object that was damaged; empty without one.
    """

    parts: Parts
    note: str = ""


def derive_once(store: Store, key: str, make: Callable[[], Parts]) -> Derived:
    """Return the parts of a stored object, which is made if there is none that can be read.

    Two processes may make it at once: both make the same, and one of them stores it.

    Args:
        store: Store of the object.
        key: From `DerivedFrom.key`.
        make: Makes the parts.
    """
    try:
        return Derived(_unpack(store.read(key)))
    except NotFound:
        parts = make()
        store.create(key, _pack(parts))
        return Derived(parts)
    except Tampered as error:
        parts = make()
        store.write(key, _pack(parts))
        note = f"The stored {key} was damaged ({error.found}) and has been made again."
        logger.warning(note)
        return Derived(parts, f" {note}")


def _pack(parts: Parts) -> bytes:
    body = b"".join(parts.values())
    sizes = [[name, len(data)] for name, data in parts.items()]
    return encode({"format": FORMAT, "sha256": digest(body), "parts": sizes}) + b"\n" + body


def _unpack(data: bytes) -> Parts:
    """Return the parts of an object.

    Raises:
        Tampered: The bytes are not those that were stored.
    """
    head, _, body = data.partition(b"\n")
    try:
        facts = parse_json(head)
        known, sha256, sizes = facts["format"], facts["sha256"], dict(facts["parts"])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise _damaged(f"no header of format {FORMAT}") from error
    if known != FORMAT:
        raise _damaged(f"format {known!r:.40} in place of {FORMAT}")
    if digest(body) != sha256:
        raise _damaged("another digest than in its header")
    parts, first = {}, 0
    for name, size in sizes.items():
        parts[name] = body[first : first + size]
        first += size
    return parts


def _damaged(found: str) -> Tampered:
    return Tampered("a derived object cannot be read", found=found)
