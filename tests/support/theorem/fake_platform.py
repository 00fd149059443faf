"""A fake of the local platform that follows the store as the real one does, by digest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from slipway.errors import NotFound, PlatformUnavailable, SlipwayError
from slipway.records.desired_state import DesiredState
from slipway.records.store import Store
from slipway.records.write_state import fence, write_desired
from slipway.stages.rollout.genuine_state import newest_genuine
from slipway.stages.rollout.platform import Payload, Prediction, Served, VersionStats
from tests.support.theorem.fake_versions import (
    QualityCandidate,
    QualityPackage,
    QualityRegistry,
    scores_of,
)
from tests.support.theorem.steps import CRASHING, GOOD, REFUSED

Server = tuple[int, str]


class FollowingPlatform:
    """Follows the newest desired state; keeps what is in force until the next one is ready.

    Args:
        model: The one model.
        store: Holds the desired state; writes to it are counted.
        plain: The same store; writes to it are not.
        registry: Where versions are downloaded from.
        is_down: Whether the platform does not run.
        is_cut_off: Whether MLflow does not answer.
    """

    def __init__(
        self,
        model: str,
        *,
        store: Store,
        plain: Store,
        registry: QualityRegistry,
        is_down: Callable[[], bool],
        is_cut_off: Callable[[], bool],
    ) -> None:
        self._model, self._store, self._plain = model, store, plain
        self._registry, self._is_down, self._is_cut_off = registry, is_down, is_cut_off
        self._in_force: DesiredState | None = None
        self._kept: set[Server] = set()
        self._tallies: dict[int, VersionStats] = {}

    def served(self, model: str) -> Served | None:
        """The traffic in force."""
        self._answer_at_all()
        self.follow()
        state = self._in_force
        if state is None or model != self._model:
            return None
        healthy = {version: self._is_ready(state, version) for version in state.versions}
        return Served(
            state.weights, healthy, state.keep, state.token, self._tallies, digests=state.digests
        )

    def apply(
        self,
        model: str,
        *,
        weights: Mapping[int, float],
        keep: Sequence[int],
        token: int,
        digests: Mapping[int, str] | None = None,
        is_urgent: bool = False,
    ) -> None:
        """Change the traffic; raises if that is not in force in time."""
        del is_urgent
        state = write_desired(
            self._store, model, weights=weights, keep=keep, token=token, digests=digests
        )
        self._answer_at_all()
        self.follow()
        if self._in_force != state or not all(self._is_ready(state, one) for one in state.weights):
            fence(self._store, model, token=token)
            raise PlatformUnavailable("the platform does not serve the desired state")

    def claim(self, model: str, *, token: int) -> None:
        """Fence older rollouts; the traffic stays."""
        served = self.served(model)
        if served is None:
            fence(self._store, model, token=token)
            return
        write_desired(
            self._store,
            model,
            weights=served.weights,
            keep=served.keep,
            token=token,
            digests=served.digests,
        )

    def ask(self, model: str, payload: Payload, *, version: int | None = None) -> Prediction:
        """Scores of the version that answers."""
        del payload
        if self.served(model) is None or self._in_force is None:
            raise NotFound(f"{model} is not served")
        order = list(self._in_force.weights) if version is None else [version]
        found = self._first(self._in_force, order)
        if found is None:
            raise PlatformUnavailable(f"no server of {model} answers")
        return Prediction(found[0], tuple(scores_of(found[1])))

    @contextmanager
    def boot(
        self, model: str, *, version: int, folder: Path, digest: str | None = None
    ) -> Iterator[QualityCandidate]:
        """A candidate."""
        del model, version, digest
        yield QualityCandidate(QualityPackage(folder).sha256)

    def answering(self) -> list[Server | None] | None:
        """What answers a request for each version with a share; None before anything serves."""
        if self._is_down():
            return None
        self.follow()
        state = self._in_force
        if state is None or not state.weights:
            return None
        every = [*state.weights, *state.keep]
        firsts = ([first, *(one for one in every if one != first)] for first in state.weights)
        return [self._first(state, order) for order in firsts]

    def alone(self) -> str | None:
        """Digest of the version that has all traffic; None: there is no such one."""
        state = self._in_force
        if state is None or len(state.weights) != 1:
            return None
        return state.digests.get(next(iter(state.weights)))

    def receive(self, requests: int) -> None:
        """Count clients' requests."""
        if self._is_down() or self._in_force is None:
            return
        for version, share in self._in_force.weights.items():
            before = self._tallies.get(version, VersionStats())
            asked = round(requests * share)
            has_failed = self._first(self._in_force, [version]) is None
            failed = before.failed + asked * has_failed
            self._tallies[version] = VersionStats(before.asked + asked, failed, 5.0)

    def restart(self) -> None:
        """A new process knows the store and what was downloaded."""
        self._in_force, self._tallies = None, {}

    def follow(self) -> None:
        """Look at the newest desired state."""
        if self._is_down():
            return
        desired = newest_genuine(self._plain, self._model)
        if desired is None:
            return
        state = self._in_force or desired
        for version in {*state.versions, *desired.versions}:
            for one in (state, desired):
                self._start(one, version)
        if self._in_force is None or self._may_come_into_force(self._in_force, desired):
            if self._in_force is None or self._in_force.weights != desired.weights:
                self._tallies = {}
            self._in_force = desired

    def _may_come_into_force(self, now: DesiredState, desired: DesiredState) -> bool:
        removes = desired.weights.keys() < now.weights.keys()
        same = all(now.digests.get(one) == desired.digests.get(one) for one in desired.weights)
        is_ready = all(self._is_ready(desired, one) for one in desired.weights)
        return (removes and same) or is_ready or self._first(now, list(now.weights)) is None

    def _start(self, state: DesiredState, version: int) -> None:
        sha256 = state.digests.get(version)
        if version not in state.versions or (version, sha256) in self._kept or self._is_cut_off():
            return
        try:
            self._kept.add((version, self._registry.find(version, sha256)))
        except SlipwayError:
            return

    def _is_ready(self, state: DesiredState, version: int) -> bool:
        sha256 = state.digests.get(version, "")
        has_bytes = (version, sha256) in self._kept
        return has_bytes and self._registry.qualities[sha256] in {GOOD, CRASHING, REFUSED}

    def _first(self, state: DesiredState, order: Sequence[int]) -> Server | None:
        """The first version that is ready and does not end at a request."""
        for version in order:
            sha256 = state.digests.get(version, "")
            is_ready = self._is_ready(state, version)
            if is_ready and self._registry.qualities[sha256] != CRASHING:
                return version, sha256
        return None

    def _answer_at_all(self) -> None:
        if self._is_down():
            raise PlatformUnavailable("the serving platform does not answer")
