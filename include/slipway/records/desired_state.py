"""What a platform is asked to serve: numbered states, each created only if absent.

The number is the state's generation; the newest one counts. Each bears the fencing token of the
rollout that wrote it, and a rollout with an older token cannot write the next one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from slipway.errors import Superseded
from slipway.records.store import Entry, Store, encode, read_json

FOLDER = "platform"
"""States that the local platform process follows."""

BATCH_FOLDER = "scoring"
"""States of models that have no server: which version scores."""


@dataclass(frozen=True)
class DesiredState:
    """What one model's traffic should be.

    Attributes:
        model: Its name.
        generation: Number of this state, from 1.
        token: Fencing token of the rollout that wrote it.
        weights: Share of the requests by version, each above 0.
        keep: Versions that stay warm without a share.
        at: Wall time of writing, ISO 8601, UTC.
    """

    model: str
    generation: int
    token: int
    weights: Mapping[int, float]
    keep: tuple[int, ...]
    at: str

    @property
    def versions(self) -> frozenset[int]:
        """Every version that needs a server."""
        return frozenset(self.weights) | frozenset(self.keep)


def write_desired(
    store: Store,
    model: str,
    *,
    weights: Mapping[int, float],
    keep: Sequence[int],
    token: int,
    folder: str = FOLDER,
) -> DesiredState:
    """The state that was written; the same state as the newest one is not written again.

    Args:
        store: Where states lie.
        model: Its name.
        weights: Share of the requests by version.
        keep: Versions that stay warm without a share.
        token: Fencing token of the caller's lease.
        folder: Whose states.

    Raises:
        Superseded: A rollout with a newer token has written meanwhile.
    """
    shares = {version: float(share) for version, share in sorted(weights.items()) if share > 0}
    warm = tuple(sorted(set(keep) - set(shares)))
    while True:
        newest = _newest_before(store, model, token=token, folder=folder)
        if newest and (newest.token, newest.weights, newest.keep) == (token, shares, warm):
            return newest
        generation = newest.generation + 1 if newest else 1
        state = DesiredState(model, generation, token, shares, warm, _now())
        if store.create(_key(folder, model, generation), encode(_to_json(state))):
            return state


def fence(store: Store, model: str, *, token: int, folder: str = FOLDER) -> DesiredState | None:
    """The newest state once it bears a token, its traffic as it was; None where there is none.

    From then on no rollout with an older token writes a state, not even one that has been at it
    since before.

    Args:
        store: Where states lie.
        model: Its name.
        token: Fencing token of the caller's lease.
        folder: Whose states.

    Raises:
        Superseded: A rollout with a newer token has written meanwhile.
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
    """What one model's traffic should be, or None when nobody ever asked for any."""
    entries = store.list(f"{folder}/{model}")
    return read_desired(store, entries[-1]) if entries else None


def first_desired(store: Store, model: str, *, folder: str = FOLDER) -> DesiredState | None:
    """What one model's traffic should have been first of all, or None when nobody ever asked."""
    entries = store.list(f"{folder}/{model}")
    return read_desired(store, entries[0]) if entries else None


def newest_entries(store: Store) -> dict[str, Entry]:
    """The newest state of every model, unread, in one listing."""
    return {entry.key.split("/")[1]: entry for entry in store.list(FOLDER)}


def read_desired(store: Store, entry: Entry) -> DesiredState:
    """The state that one object holds."""
    value = read_json(store, entry.key)
    weights = {int(version): share for version, share in value["weights"].items()}
    return DesiredState(**{**value, "weights": weights, "keep": tuple(value["keep"])})


def _to_json(state: DesiredState) -> dict[str, Any]:
    weights = {str(version): share for version, share in state.weights.items()}
    return {**vars(state), "weights": weights, "keep": list(state.keep)}


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _key(folder: str, model: str, generation: int) -> str:
    return f"{folder}/{model}/{generation:08d}.json"
