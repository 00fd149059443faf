"""A serving platform in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from slipway.errors import (
    BadRequest,
    EditedByHand,
    NotFound,
    PlatformUnavailable,
    RolloutRefused,
    Superseded,
)
from slipway.records.desired_state import newest_desired
from slipway.records.store import Store
from slipway.records.write_state import fence, write_desired
from slipway.serving.v2.protocol import Inputs, decode
from slipway.serving.v2.signature import Signature
from slipway.stages.rollout.platform import Payload, Prediction, Served, VersionStats

Scores = Callable[[Inputs], list[float]]


@dataclass
class FakePlatform:
    """A fake of `stages.rollout.platform.Platform`.

    Attributes:
        store: Holds the desired state.
        signature: Inputs of every version.
        models: Scoring function by version.
        broken: Versions whose servers never become ready.
        down: Whether the platform is down.
        lenient: Whether candidates accept invalid inputs.
        live: Scoring function of a served version, where it differs from the candidate's.
        failing: Share of failed requests, by version.
        p99_ms: Latency of every answer.
        sick: Versions whose servers stopped answering after they were ready.
        shares: Real share by version, where it differs from the weight.
        edited: Description of a manual edit.
        has_edited_traffic: Whether the edit changed weights.
        sealed: Digest of the bytes that the registry has, by version; others never become ready.
        applied: Every change of the traffic: weights and warm versions.
        claimed: Every fencing token of `claim`.
        starting: Versions whose servers start with the platform, and cannot answer yet.
    """

    store: Store
    signature: Signature
    models: dict[int, Scores]
    broken: set[int] = field(default_factory=set)
    down: bool = False
    lenient: bool = False
    live: dict[int, Scores] = field(default_factory=dict)
    failing: dict[int, float] = field(default_factory=dict)
    p99_ms: float = 5.0
    sick: set[int] = field(default_factory=set)
    shares: dict[int, float] = field(default_factory=dict)
    edited: str | None = None
    has_edited_traffic: bool = False
    sealed: dict[int, str] = field(default_factory=dict)
    unserved: tuple[int, ...] = ()
    starting: set[int] = field(default_factory=set)
    candidates: tuple[int, ...] = ()
    applied: list[tuple[dict[int, float], list[int]]] = field(default_factory=list)
    claimed: list[int] = field(default_factory=list)
    _in_force: dict[str, Served] = field(default_factory=dict)

    def served(self, model: str) -> Served | None:
        """The served versions, or None."""
        self._answer_at_all()
        found = self._in_force.get(model)
        if found is None:
            return None
        healthy = {
            one: is_well and one not in self.sick | self.starting
            for one, is_well in found.healthy.items()
        }
        weights = {one: self.shares.get(one, share) for one, share in found.weights.items()}
        return replace(
            found,
            healthy=healthy,
            weights=weights,
            edited=self.edited,
            has_edited_traffic=self.has_edited_traffic,
            unserved=self.unserved,
            starting=tuple(sorted(self.starting)),
            candidates=self.candidates,
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
        """Change the traffic and reset counts; raises if a version does not become ready."""
        if self.edited and (self.has_edited_traffic or not is_urgent):
            raise EditedByHand(f"what serves {model} was edited by hand", found=self.edited)
        write_desired(self.store, model, weights=weights, keep=keep, token=token, digests=digests)
        self._answer_at_all()
        state = newest_desired(self.store, model)
        assert state is not None
        other = {
            version
            for version, sha256 in state.digests.items()
            if self.sealed.get(version, sha256) != sha256
        }
        if unready := (self.broken | other) & weights.keys():
            raise PlatformUnavailable(f"versions {unready} do not become ready")
        healthy = {version: version not in self.broken for version in state.versions}
        before = self._in_force.get(model)
        same = before is not None and before.weights == state.weights
        tallies = before.tallies if before is not None and same else {}
        self._in_force[model] = Served(
            state.weights, healthy, state.keep, state.token, tallies, digests=state.digests
        )
        self.applied.append((dict(weights), list(keep)))

    def claim(self, model: str, *, token: int) -> None:
        """Fence older rollouts; traffic and counts stay."""
        self._answer_at_all()
        found = self._in_force.get(model)
        if found is None:
            fence(self.store, model, token=token)
        else:
            write_desired(self.store, model, weights=found.weights, keep=found.keep, token=token)
            self._in_force[model] = replace(found, token=token)
        self.claimed.append(token)

    def remove_unserved(self, model: str, *, token: int) -> tuple[int, ...]:
        """Take away the versions without a share, and candidates."""
        self._answer_at_all()
        found = self._in_force.get(model)
        if found is None:
            return ()
        if found.token > token:
            raise Superseded(f"the traffic of {model} belongs to a newer rollout")
        gone, self.unserved, self.candidates = self.unserved, (), ()
        return gone

    def ask(self, model: str, payload: Payload, *, version: int | None = None) -> Prediction:
        """Scores of the version that serves, or of a given one."""
        served = self.served(model)
        if served is None or (version is not None and version not in served.healthy):
            raise NotFound(f"{model} is not served")
        asked = served.version if version is None else version
        if asked is None or asked in self.broken:
            raise PlatformUnavailable(f"no server of {model} is ready")
        return self._score(asked, payload, self.models | self.live)

    def receive(self, model: str, requests: int) -> None:
        """Count clients' requests, divided by weight; none while the platform is down."""
        served = self._in_force.get(model)
        if served is None or self.down:
            return
        tallies = {}
        for version, share in served.weights.items():
            before = served.tallies.get(version, VersionStats())
            asked = before.asked + round(requests * share)
            failed = 1.0 if version in self.broken else self.failing.get(version, 0.0)
            p99_ms = None if failed == 1.0 else self.p99_ms
            tallies[version] = VersionStats(asked, round(asked * failed), p99_ms)
        self._in_force[model] = replace(served, tallies=tallies)

    def restart(self, model: str) -> None:
        """Restart with the same traffic and with counts of zero."""
        self._in_force[model] = replace(self._in_force[model], tallies={})

    @contextmanager
    def boot(
        self, model: str, *, version: int, folder: Path, digest: str | None = None
    ) -> Iterator[FakeCandidate]:
        """A candidate of a version; raises if it is broken."""
        del model, folder, digest
        if version in self.broken:
            raise RolloutRefused("the candidate's server does not become ready")
        yield FakeCandidate(self, version)

    def forget(self, model: str) -> None:
        """Forget the traffic, as a platform that lost its disk."""
        self._in_force.pop(model, None)

    def _answer_at_all(self) -> None:
        if self.down:
            raise PlatformUnavailable("the serving platform does not answer")

    def _score(self, version: int, payload: Payload, models: Mapping[int, Scores]) -> Prediction:
        import json

        inputs = decode(json.dumps(payload).encode(), self.signature, max_rows=10_000)
        return Prediction(version, tuple(models[version](inputs)))


@dataclass
class FakeCandidate:
    """A fake of `stages.rollout.platform.Candidate`."""

    platform: FakePlatform
    version: int
    cold_start_s: float = 1.0
    resident_mib: float = 100.0

    def infer(self, payload: Payload) -> Prediction:
        """Its answer."""
        models = self.platform.models
        return self.platform._score(self.version, payload, models)  # noqa: SLF001

    def refuses(self, body: bytes) -> bool:
        """Whether the real decoder refuses a body."""
        if self.platform.lenient:
            return False
        try:
            decode(body, self.platform.signature, max_rows=10_000)
        except BadRequest:
            return True
        return False
