"""Follow the desired states of all models: the newest of each that a rollout wrote.

Where states have to be signed, what was followed is remembered in the scratch folder: a restarted
platform goes on with it, and follows no older one.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from slipway.errors import SlipwayError
from slipway.records.desired_state import DesiredState, state_objects
from slipway.records.store import Entry, Store
from slipway.stages.rollout.genuine_state import Forgery, judge_state
from slipway.stages.rollout.signed_states import StateTrust

logger = logging.getLogger(__name__)


class FollowedStates:
    """Reads the states that are new since the last look, and tells which no rollout wrote.

    Args:
        store: Store of states, leases and records.
        trust: Keys that have to have signed them, with a memory; None: signatures are not required.
    """

    def __init__(self, store: Store, *, trust: StateTrust | None = None) -> None:
        self._store = store
        self._trust = trust or StateTrust(store)
        self._judged_by: object = None
        self._has_resumed = False
        self._followed: dict[str, Entry] = {}
        self._forged: dict[str, dict[Entry, Forgery]] = {}

    @property
    def forged(self) -> Mapping[str, list[Forgery]]:
        """States that no rollout wrote and that are newer than the followed one, by model."""
        # A copy: a look in another thread may add a model meanwhile.
        judged = dict(self._forged)
        return {model: list(found.values()) for model, found in judged.items() if found}

    def changed(self) -> Iterator[DesiredState]:
        """Yield each model's newest state that a rollout wrote, where that is another than before.

        A state that cannot be read is looked at again by the next call, and stops no other model.

        Raises:
            StoreUnavailable: The states cannot be listed.
            BadParameter: The trusted keys cannot be read.
        """
        listed = state_objects(self._store)
        if (judged_by := self._trust.fingerprint()) != self._judged_by:
            # With other keys, or without a memory, what was refused may count.
            self._judged_by, self._forged = judged_by, {}
        found = self._resume()
        for model, generations in listed.items():
            with self._told(model):
                state = self._newest(model, generations)
                if state is not None:
                    found[model] = state
        yield from found.values()

    def _resume(self) -> dict[str, DesiredState]:
        """The states that were followed before this process began; once."""
        if self._has_resumed:
            return {}
        self._has_resumed = True
        found = {}
        for model in self._trust.remembered():
            with self._told(model):
                state = self._trust.followed_before(model)
                if state is not None:
                    found[model] = state
        return found

    @contextmanager
    def _told(self, model: str) -> Iterator[None]:
        """Log an error about one model, which stops no other."""
        try:
            yield
        except SlipwayError as error:
            logger.warning("the state in force of %s is kept: %s", model, error)

    def _newest(self, model: str, generations: dict[int, Entry]) -> DesiredState | None:
        """The newest state, if it is another than the followed one."""
        known, forged = self._forged.get(model, {}), dict[Entry, Forgery]()
        found: DesiredState | None = None
        for generation, entry in reversed(generations.items()):
            if entry == self._followed.get(model):
                break
            judged = known.get(entry) or judge_state(
                self._store, model, generation, trust=self._trust
            )
            if isinstance(judged, DesiredState):
                self._trust.remember(judged)
                self._followed[model], found = entry, judged
                break
            if entry not in known:
                logger.warning("%s", judged.sentence)
            forged[entry] = judged
            if judged.is_replay:
                break
        self._forged[model] = forged
        return found
