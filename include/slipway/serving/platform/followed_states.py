"""Follow the desired states of all models: the newest of each that a rollout wrote."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping

from slipway.errors import SlipwayError
from slipway.records.desired_state import DesiredState, state_objects
from slipway.records.store import Entry, Store
from slipway.stages.rollout.genuine_state import Forgery, judge_state

logger = logging.getLogger(__name__)


class FollowedStates:
    """Reads the states that are new since the last look, and tells which no rollout wrote.

    Args:
        store: Store of states, leases and records.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
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
        """
        for model, generations in state_objects(self._store).items():
            try:
                state = self._newest(model, generations)
            except SlipwayError as error:
                logger.warning("the state in force of %s is kept: %s", model, error)
                continue
            if state is not None:
                yield state

    def _newest(self, model: str, generations: dict[int, Entry]) -> DesiredState | None:
        """The newest state, if it is another than the followed one."""
        known, forged = self._forged.get(model, {}), dict[Entry, Forgery]()
        found: DesiredState | None = None
        for generation, entry in reversed(generations.items()):
            if entry == self._followed.get(model):
                break
            judged = known.get(entry) or judge_state(self._store, model, generation)
            if isinstance(judged, DesiredState):
                self._followed[model], found = entry, judged
                break
            if entry not in known:
                logger.warning("%s", judged.sentence)
            forged[entry] = judged
        self._forged[model] = forged
        return found
