"""Desired state of a model's traffic: numbered generations, each created once; the newest counts.

Each state carries the fencing token of the rollout that wrote it. A rollout with an older token
cannot write the next one. A version is its digest: a registry that was created anew gives its
numbers to other bytes, which no state of before means.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from slipway.errors import Superseded
from slipway.records.store import Entry, Store, encode, read_json

FOLDER = "platform"
"""Folder of states that the local platform applies."""

BATCH_FOLDER = "scoring"
"""Folder of states of models that are scored in batches."""


@dataclass(frozen=True)
class DesiredState:
    """Desired state of one model's traffic.

    Attributes:
        model: Model.
        generation: Number of this state, from 1.
        token: Fencing token of the rollout that wrote it.
        weights: Share of the requests by version, each above 0.
        keep: Versions that stay warm without a share.
        at: Wall time of writing, ISO 8601, UTC.
        digests: Digest of each version's manifest, by its number; a state of an earlier release
            has none.
    """

    model: str
    generation: int
    token: int
    weights: Mapping[int, float]
    keep: tuple[int, ...]
    at: str
    digests: Mapping[int, str] = field(default_factory=dict)

    @property
    def versions(self) -> frozenset[int]:
        """Versions that need a server."""
        return frozenset(self.weights) | frozenset(self.keep)


def write_desired(
    store: Store,
    model: str,
    *,
    weights: Mapping[int, float],
    keep: Sequence[int],
    token: int,
    digests: Mapping[int, str] | None = None,
    folder: str = FOLDER,
) -> DesiredState:
    """Write a state, unless it equals the newest one, and return it.

    Args:
        store: Store of the states.
        model: Model.
        weights: Share of the requests by version.
        keep: Versions that stay warm without a share.
        token: Fencing token of the caller's lease.
        digests: Digest of each version; one that is not given stays as in the newest state.
        folder: Folder of the states.

    Raises:
        Superseded: A rollout with a newer token has written a state.
    """
    shares = {version: float(share) for version, share in sorted(weights.items()) if share > 0}
    warm = tuple(sorted(set(keep) - set(shares)))
    while True:
        newest = _newest_before(store, model, token=token, folder=folder)
        known = {**(newest.digests if newest else {}), **(digests or {})}
        meant = {one: known[one] for one in sorted({*shares, *warm}) if one in known}
        if newest and newest == replace(
            newest, token=token, weights=shares, keep=warm, digests=meant
        ):
            return newest
        generation = newest.generation + 1 if newest else 1
        state = DesiredState(model, generation, token, shares, warm, _now(), meant)
        if store.create(_key(folder, model, generation), encode(_to_json(state))):
            return state


def fence(store: Store, model: str, *, token: int, folder: str = FOLDER) -> DesiredState | None:
    """Fence off older rollouts: write the newest state again with a newer token.

    Afterwards no rollout with an older token can write a state, even one that is already running.
    Returns the state, or None when there is none yet.

    Args:
        store: Store of the states.
        model: Model.
        token: Fencing token of the caller's lease.
        folder: Folder of the states.

    Raises:
        Superseded: A rollout with a newer token has written a state.
    """
    while True:
        newest = _newest_before(store, model, token=token, folder=folder)
        if newest is None or newest.token == token:
            return newest
        state = replace(newest, generation=newest.generation + 1, token=token, at=_now())
        if store.create(_key(folder, model, state.generation), encode(_to_json(state))):
            return state


def _newest_before(store: Store, model: str, *, token: int, folder: str) -> DesiredState | None:
    newest = newest_desired(store, model, folder=folder)
    if newest is not None and newest.token > token:
        raise Superseded(
            f"the traffic of {model} may not be changed",
            expected=f"lease {token} to be the newest",
            found=f"lease {newest.token} has changed it since",
            where=_key(folder, model, newest.generation),
        )
    return newest


def newest_desired(store: Store, model: str, *, folder: str = FOLDER) -> DesiredState | None:
    """Return the newest desired state of a model, or None."""
    entries = store.list(f"{folder}/{model}")
    return read_desired(store, entries[-1]) if entries else None


def first_desired(store: Store, model: str, *, folder: str = FOLDER) -> DesiredState | None:
    """Return the first desired state of a model, or None."""
    entries = store.list(f"{folder}/{model}")
    return read_desired(store, entries[0]) if entries else None


def newest_entries(store: Store) -> dict[str, Entry]:
    """Return the object of the newest state by model; costs one listing and no read."""
    return {entry.key.split("/")[1]: entry for entry in store.list(FOLDER)}


def read_desired(store: Store, entry: Entry) -> DesiredState:
    """Read the state in an object."""
    value = read_json(store, entry.key)
    weights = {int(version): share for version, share in value["weights"].items()}
    digests = {int(version): sha256 for version, sha256 in value.get("digests", {}).items()}
    typed = {"weights": weights, "keep": tuple(value["keep"]), "digests": digests}
    return DesiredState(**{**value, **typed})


def _to_json(state: DesiredState) -> dict[str, Any]:
    weights = {str(version): share for version, share in state.weights.items()}
    digests = {str(version): sha256 for version, sha256 in state.digests.items()}
    return {**vars(state), "weights": weights, "keep": list(state.keep), "digests": digests}


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _key(folder: str, model: str, generation: int) -> str:
    return f"{folder}/{model}/{generation:08d}.json"
