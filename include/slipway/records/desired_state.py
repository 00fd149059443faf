"""Desired state of a model's traffic: numbered generations, each created once; the newest counts.

Each state carries the fencing token of the rollout that wrote it. A rollout with an older token
cannot write the next one; a token that no rollout has acquired fences none. A version is its
digest: a registry that was created anew gives its numbers to other bytes, which no state of before
means.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from slipway.errors import Tampered
from slipway.records.store import Entry, Store, list_numbers, reached_in, read_json

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
        signature: Bundle that signs all of the above; None: it is not signed.
    """

    model: str
    generation: int
    token: int
    weights: Mapping[int, float]
    keep: tuple[int, ...]
    at: str
    digests: Mapping[int, str] = field(default_factory=dict)
    signature: str | None = field(default=None, compare=False, repr=False)

    @property
    def versions(self) -> frozenset[int]:
        """Versions that need a server."""
        return frozenset(self.weights) | frozenset(self.keep)

    def to_json(self) -> dict[str, Any]:
        """Return the state as it is stored; without a signature it has no such field."""
        weights = {str(version): share for version, share in self.weights.items()}
        digests = {str(version): sha256 for version, sha256 in self.digests.items()}
        value = {**vars(self), "weights": weights, "keep": list(self.keep), "digests": digests}
        if self.signature is None:
            del value["signature"]
        return value


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
    return parse_desired(read_json(store, key), model=model, generation=generation, where=key)


def parse_desired(value: Any, *, model: str, generation: int, where: str) -> DesiredState:
    """Return the desired state that a JSON value holds.

    Raises:
        Tampered: It does not hold that state.
    """
    try:
        weights = {int(version): float(share) for version, share in value["weights"].items()}
        digests = {int(version): sha256 for version, sha256 in value.get("digests", {}).items()}
        keep = tuple(int(version) for version in value["keep"])
        typed = {"weights": weights, "keep": keep, "digests": digests}
        state = DesiredState(**{**value, **typed})
        is_it = (state.model, state.generation) == (model, generation)
        is_typed = (
            isinstance(value["token"], int)
            and isinstance(value["generation"], int)
            and isinstance(state.signature, str | None)
        )
        if is_it and is_typed and all(0 < share <= 1 for share in weights.values()):
            return state
        found = (
            "other shares or types" if is_it else f"generation {state.generation} of {state.model}"
        )
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        found = f"{type(error).__name__}: {error}"
    raise Tampered(
        f"{where} is no desired state",
        expected=f"generation {generation} of {model}, with shares above 0 and up to 1",
        found=found,
        where=where,
        hint="`slipway ledger verify` names every state that no rollout wrote",
    )


def state_key(model: str, generation: int, *, folder: str = FOLDER) -> str:
    """Return the store key of a state."""
    return f"{folder}/{model}/{generation:08d}.json"
