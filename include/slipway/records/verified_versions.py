"""Versions that passed a verification, remembered by the digest of their manifest."""

from __future__ import annotations

from slipway.records.run_records import RunRef
from slipway.records.store import Store, encode, find_value

FOLDER = "verified"


def remember_verified(store: Store, ref: RunRef, *, version: int, sha256: str) -> None:
    """Remember that a version was verified; a repeat changes nothing.

    Args:
        store: Store of the records.
        ref: The verification.
        version: Number of the version.
        sha256: Digest of its manifest.
    """
    store.create(_key(ref.subject, sha256), encode({"version": version, "run": ref.run}))


def find_verification(store: Store, model: str, sha256: str) -> RunRef | None:
    """Return the verification that a version with this digest passed first, or None."""
    key = _key(model, sha256)
    return find_value(store, key, lambda value: RunRef(model, value["run"], "verify"))


def was_verified(store: Store, model: str, sha256: str) -> bool:
    """Whether a version with this digest was verified, under whatever number."""
    return store.exists(_key(model, sha256))


def _key(model: str, sha256: str) -> str:
    return f"{FOLDER}/{model}/{sha256}.json"
