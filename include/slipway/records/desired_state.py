"""Desired state of a model's traffic: numbered generations, each created once; the newest counts.

Each state carries the fencing token of the rollout that wrote it. A rollout with an older token
cannot write the next one; a token that no rollout has acquired fences none. A version is its
digest: a registry that was created anew gives its numbers to other bytes, which no state of before
means.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from slipway.errors import Superseded, Tampered
from slipway.records.leases import rollout_lease, was_acquired
from slipway.records.store import Entry, Store, encode, list_numbers, reached_in, read_json

logger = logging.getLogger(__name__)

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
        generation = _next_generation(store, model, folder=folder)
        state = DesiredState(model, generation, token, shares, warm, _now(), meant)
        if store.create(state_key(model, generation, folder=folder), encode(_to_json(state))):
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
        generation = _next_generation(store, model, folder=folder)
        state = replace(newest, generation=generation, token=token, at=_now())
        if store.create(state_key(model, generation, folder=folder), encode(_to_json(state))):
            return state


def _next_generation(store: Store, model: str, *, folder: str) -> int:
    return max(list_numbers(store, f"{folder}/{model}"), default=0) + 1


def _newest_before(store: Store, model: str, *, token: int, folder: str) -> DesiredState | None:
    for state in newest_first(store, model, folder=folder):
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


def newest_desired(store: Store, model: str, *, folder: str = FOLDER) -> DesiredState | None:
    """Return the newest desired state of a model that can be read, or None."""
    return next(newest_first(store, model, folder=folder), None)


def first_desired(store: Store, model: str, *, folder: str = FOLDER) -> DesiredState | None:
    """Return the first desired state of a model that can be read, or None."""
    generations = list_numbers(store, f"{folder}/{model}")
    return next(_readable(store, model, generations, folder=folder), None)


def newest_first(store: Store, model: str, *, folder: str = FOLDER) -> Iterator[DesiredState]:
    """Yield the desired states of a model that can be read, newest first, as they are taken."""
    generations = reversed(list_numbers(store, f"{folder}/{model}"))
    yield from _readable(store, model, generations, folder=folder)


def _readable(
    store: Store, model: str, generations: Iterable[int], *, folder: str
) -> Iterator[DesiredState]:
    for generation in generations:
        try:
            yield read_desired(store, model, generation, folder=folder)
        except Tampered as error:
            logger.warning("%s is no desired state: %s", error.where, error.found)


def state_objects(store: Store) -> dict[str, dict[int, Entry]]:
    """Return the objects of the states by model and number, sorted; costs one listing, no read."""
    found: dict[str, dict[str, Entry]] = {}
    for entry in store.list(FOLDER):
        _, model, *rest = entry.key.split("/")
        found.setdefault(model, {})["/".join(rest)] = entry
    return {
        model: {number: named[f"{number:08d}.json"] for number in numbers}
        for model, named in found.items()
        if (numbers := reached_in(named, digits=8))
    }


def read_desired(
    store: Store, model: str, generation: int, *, folder: str = FOLDER
) -> DesiredState:
    """Read the desired state of a model with a number.

    Raises:
        Tampered: The object does not hold that state.
    """
    key = state_key(model, generation, folder=folder)
    value = read_json(store, key)
    try:
        weights = {int(version): float(share) for version, share in value["weights"].items()}
        digests = {int(version): sha256 for version, sha256 in value.get("digests", {}).items()}
        keep = tuple(int(version) for version in value["keep"])
        typed = {"weights": weights, "keep": keep, "digests": digests}
        state = DesiredState(**{**value, **typed})
        is_it = (state.model, state.generation) == (model, generation)
        is_typed = isinstance(value["token"], int) and isinstance(value["generation"], int)
        if is_it and is_typed and all(0 < share <= 1 for share in weights.values()):
            return state
        found = (
            "other shares or types" if is_it else f"generation {state.generation} of {state.model}"
        )
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        found = f"{type(error).__name__}: {error}"
    raise Tampered(
        f"{key} is no desired state",
        expected=f"generation {generation} of {model}, with shares above 0 and up to 1",
        found=found,
        where=key,
        hint="`slipway ledger verify` names every state that no rollout wrote",
    )


def _to_json(state: DesiredState) -> dict[str, Any]:
    weights = {str(version): share for version, share in state.weights.items()}
    digests = {str(version): sha256 for version, sha256 in state.digests.items()}
    return {**vars(state), "weights": weights, "keep": list(state.keep), "digests": digests}


def _now() -> str:
    return datetime.now(UTC).isoformat()


def state_key(model: str, generation: int, *, folder: str = FOLDER) -> str:
    """Return the store key of a state."""
    return f"{folder}/{model}/{generation:08d}.json"
