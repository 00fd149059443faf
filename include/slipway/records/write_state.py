"""Write desired states: each generation once, fenced by the rollout's token, signed where keys are.

A rollout with an older token cannot write the next one; a token that no rollout has acquired fences
none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol

from slipway.errors import Superseded
from slipway.records.desired_state import FOLDER, DesiredState, newest_first, state_key
from slipway.records.leases import rollout_lease, was_acquired
from slipway.records.store import MOST_MISSING, Store, encode, list_numbers


class StateKeys(Protocol):
    """Keys of an installation, reduced to what writing a state takes."""

    @property
    def signs(self) -> bool:
        """Whether states are signed here."""

    def sign(self, state: DesiredState, *, folder: str) -> str | None:
        """Return the signature of a state; None where states are not signed.

        Raises:
            BadParameter: Signatures are required, and none can be made.
            KeyServiceUnavailable: The service that holds the signing key does not answer.
        """

    def objection(self, state: DesiredState, *, folder: str) -> str | None:
        """Return why the signature of a state does not count; None: it does, or none has to."""


def write_desired(
    store: Store,
    model: str,
    *,
    weights: Mapping[int, float],
    keep: Sequence[int],
    token: int,
    digests: Mapping[int, str] | None = None,
    folder: str = FOLDER,
    keys: StateKeys | None = None,
    above: int = 0,
) -> DesiredState:
    """Write a state, unless it equals the newest one, and return it.

    With keys, a state whose signature does not count is passed over, since what is taken from it
    would be signed.

    Args:
        store: Store of the states.
        model: Model.
        weights: Share of the requests by version.
        keep: Versions that stay warm without a share.
        token: Fencing token of the caller's lease.
        digests: Digest of each version; one that is not given stays as in the newest state.
        folder: Folder of the states.
        keys: Keys that sign it; None: states are not signed.
        above: Generation that was followed: the store may have lost it.

    Raises:
        Superseded: A rollout with a newer token has written a state.
        BadParameter: Signatures are required, and none can be made.
    """
    shares = {version: float(share) for version, share in sorted(weights.items()) if share > 0}
    warm = tuple(sorted(set(keep) - set(shares)))
    while True:
        newest = _newest_before(store, model, token=token, folder=folder, keys=keys)
        known = {**(newest.digests if newest else {}), **(digests or {})}
        meant = {one: known[one] for one in sorted({*shares, *warm}) if one in known}
        if newest and newest.generation >= above and not _lacks_signature(newest, keys):
            wanted = replace(newest, token=token, weights=shares, keep=warm, digests=meant)
            if newest == wanted:
                return newest
        generation = _next_generation(store, model, folder=folder, above=above)
        state = DesiredState(model, generation, token, shares, warm, _now(), meant)
        if (written := _create(store, state, folder=folder, keys=keys)) is not None:
            return written


def fence(
    store: Store,
    model: str,
    *,
    token: int,
    folder: str = FOLDER,
    keys: StateKeys | None = None,
) -> DesiredState | None:
    """Fence off older rollouts: write the newest state again with a newer token.

    Afterwards no rollout with an older token can write a state, even one that is already running.
    Returns the state, or None when there is none yet.

    Args:
        store: Store of the states.
        model: Model.
        token: Fencing token of the caller's lease.
        folder: Folder of the states.
        keys: Keys that sign it, as for `write_desired`.

    Raises:
        Superseded: A rollout with a newer token has written a state.
        BadParameter: Signatures are required, and none can be made.
    """
    while True:
        newest = _newest_before(store, model, token=token, folder=folder, keys=keys)
        if newest is None or newest.token == token:
            return newest
        generation = _next_generation(store, model, folder=folder)
        state = replace(newest, generation=generation, token=token, at=_now())
        if (written := _create(store, state, folder=folder, keys=keys)) is not None:
            return written


def write_anew(
    store: Store,
    model: str,
    *,
    find: Callable[[], DesiredState | None],
    keys: StateKeys,
    folder: str = FOLDER,
    above: int = 0,
) -> DesiredState | None:
    """Write a state again as the newest one, signed, and return it; None: there is none.

    Args:
        store: Store of the states.
        model: Model.
        find: Returns the state; called again where another one was written meanwhile.
        keys: Keys that sign it.
        folder: Folder of the states.
        above: Generation that was followed, as for `write_desired`.

    Raises:
        BadParameter: Signatures are required, and none can be made.
    """
    while True:
        generation = _next_generation(store, model, folder=folder, above=above)
        if (found := find()) is None:
            return None
        state = replace(found, generation=generation, at=_now())
        if (written := _create(store, state, folder=folder, keys=keys)) is not None:
            return written


def _lacks_signature(state: DesiredState, keys: StateKeys | None) -> bool:
    return keys is not None and keys.signs and state.signature is None


def _create(
    store: Store, state: DesiredState, *, folder: str, keys: StateKeys | None
) -> DesiredState | None:
    """The state as it was written; None: its generation was taken meanwhile."""
    signed = replace(state, signature=keys.sign(state, folder=folder) if keys else None)
    key = state_key(state.model, state.generation, folder=folder)
    return signed if store.create(key, encode(signed.to_json())) else None


def _next_generation(store: Store, model: str, *, folder: str, above: int = 0) -> int:
    newest = max(list_numbers(store, f"{folder}/{model}"), default=0)
    # Farther ahead it would lie beyond a gap, where no number counts.
    return max(newest, above if above <= newest + MOST_MISSING else 0) + 1


def _newest_before(
    store: Store, model: str, *, token: int, folder: str, keys: StateKeys | None
) -> DesiredState | None:
    for state in newest_first(store, model, folder=folder):
        if keys is not None and keys.objection(state, folder=folder) is not None:
            continue
        if state.token <= token:
            return state
        if was_acquired(store, rollout_lease(model), state.token):
            raise Superseded(
                f"the traffic of {model} may not be changed",
                expected=f"lease {token} to be the newest",
                found=f"lease {state.token} has changed it since",
                where=state_key(model, state.generation, folder=folder),
            )
    return None


def _now() -> str:
    return datetime.now(UTC).isoformat()
