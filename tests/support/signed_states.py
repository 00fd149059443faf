"""A store of signed desired states, with the keys of its installation and a memory beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slipway.records.desired_state import DesiredState, state_key
from slipway.records.store import Store, encode
from slipway.records.write_state import write_desired
from slipway.serving.platform.followed_states import FollowedStates
from slipway.stages.rollout.followed_memory import FollowedMemory
from slipway.stages.rollout.signed_states import StateTrust
from tests.fakes.memory_store import MemoryStore
from tests.support.keys import Keys
from tests.support.rollout_leases import permit_states

MODEL = "sales"


@dataclass
class Place:
    """A store, its keys, and a scratch folder.

    Attributes:
        home: Folder of the test.
        keys: Keys of the installation.
        store: Holds the states, and records that permit every one of them.
    """

    home: Path
    keys: Keys
    store: Store

    @property
    def rollout(self) -> StateTrust:
        """What a rollout writes by; it remembers nothing."""
        return StateTrust(self.store, self.keys.verifier, lambda: self.keys.signer)

    @property
    def reader(self) -> StateTrust:
        """What the platform or scoring reads by."""
        return StateTrust(
            self.store, self.keys.verifier, memory=FollowedMemory(self.home / "followed")
        )

    def platform(self) -> FollowedStates:
        """The states that a platform follows, started anew."""
        return FollowedStates(self.store, trust=self.reader)

    def write(self, version: int, *, token: int = 1, **named: Any) -> DesiredState:
        """Write a signed state as a rollout does."""
        weights = {version: 1.0}
        return write_desired(
            self.store, MODEL, weights=weights, keep=[], token=token, keys=self.rollout, **named
        )

    def forge(self, value: Mapping[str, Any], *, model: str = MODEL) -> None:
        """Put a state into the store, as with access to the store alone."""
        self.store.write(state_key(model, value["generation"]), encode(value))

    def stored(self, generation: int, *, folder: str = "platform") -> dict[str, Any]:
        """A state as it lies in the store."""
        value: dict[str, Any] = json.loads(
            self.store.read(state_key(MODEL, generation, folder=folder))
        )
        return value


def followed(states: FollowedStates) -> list[tuple[int, int]]:
    """Generation and version of each state that a look finds."""
    return [(one.generation, next(iter(one.weights))) for one in states.changed()]


def reasons(states: FollowedStates) -> list[str]:
    """Why newer states are not followed."""
    return [one.reason for one in states.forged.get(MODEL, [])]


def place_of(home: Path, keys: Keys) -> Place:
    """Version 1 was served by generation 1, version 2 serves by generation 2."""
    made = Place(home, keys, MemoryStore())
    for model in (MODEL, "costs"):
        permit_states(made.store, model, 1, 2, up_to=4)
    made.write(1)
    made.write(2, token=2)
    return made
