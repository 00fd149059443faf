"""Wait for a canary's traffic: until it is decided, has failed, or is out of time."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from slipway.errors import PlatformUnavailable
from slipway.records.store import Store
from slipway.records.verdicts import Verdict
from slipway.spec import ModelSpec
from slipway.stages.rollout.canary_analysis import (
    INCONCLUSIVE,
    SHIFTED,
    analyse_canary,
    is_decided,
)
from slipway.stages.rollout.canary_errors import least_requests
from slipway.stages.rollout.canary_without_traffic import go_on_without_traffic, lacks_traffic
from slipway.stages.rollout.lease import renew_lease
from slipway.stages.rollout.manual_edits import require_unedited
from slipway.stages.rollout.plan import RolloutPlan
from slipway.stages.rollout.platform import Platform, Served, VersionStats

POLL_SECONDS = 1.0
LOG_EVERY_SECONDS = 15.0
UNHEALTHY_SECONDS = 20.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Observation:
    """State of the candidate at one moment.

    Attributes:
        stats: Its requests so far.
        champion: The champion's in the same minutes; None: not known.
        share: Its real share of the requests; None: not known.
        is_healthy: Whether its server can answer; None: not known.
        failure: Why the step is aborted early, or None.
        minutes: Time that the step has waited.
    """

    stats: VersionStats = field(default_factory=VersionStats)
    champion: VersionStats | None = None
    share: float | None = None
    is_healthy: bool | None = None
    failure: str | None = None
    minutes: float = 0.0


@dataclass(frozen=True)
class CanaryTraffic:
    """Traffic of one step of a rollout.

    Attributes:
        spec: The model.
        plan: The rollout.
        step: Percent of the requests.
        store: Store of the lease, which is renewed meanwhile.
        platform: What serves the model.
        clock: Monotonic seconds.
        sleep: Waits for some seconds.
    """

    spec: ModelSpec
    plan: RolloutPlan
    step: int
    store: Store
    platform: Platform
    clock: Callable[[], float]
    sleep: Callable[[float], None]

    def wait(self) -> Observation:
        """Wait until the candidate's requests decide, it has failed, or it is out of time."""
        began = logged = self.clock()
        unhealthy_since: float | None = None
        while True:
            seen, now = self._observe(), self.clock()
            seen = replace(seen, minutes=(now - began) / 60)
            if self._is_over(seen):
                return seen
            if seen.is_healthy is not None:
                since = now if unhealthy_since is None else unhealthy_since
                unhealthy_since = None if seen.is_healthy else since
            if unhealthy_since is not None and now - unhealthy_since >= UNHEALTHY_SECONDS:
                failure = f"none of its servers could answer for {now - unhealthy_since:.0f} s."
                return replace(seen, failure=failure)
            if now - logged >= LOG_EVERY_SECONDS:
                self._log_progress(seen, now - began)
                logged = now
            self.sleep(POLL_SECONDS)

    def _is_over(self, seen: Observation) -> bool:
        """Whether the step's requests decide, or its time is up."""
        shift, stats = self.spec.deployment.shift, seen.stats
        return (
            is_decided(stats, seen.champion, shift=shift)
            or seen.minutes >= shift.limit_minutes
            or (seen.is_healthy is True and lacks_traffic(stats, minutes=seen.minutes, shift=shift))
        )

    def analyse(self, seen: Observation) -> Verdict:
        """Analyse what was observed so far."""
        shift, max_p99_ms = self.spec.deployment.shift, self.spec.deployment.verify.max_p99_ms
        verdict = analyse_canary(
            seen.stats, champion=seen.champion, step=self.step, shift=shift, max_p99_ms=max_p99_ms
        )
        if verdict.action != INCONCLUSIVE or not seen.is_healthy:
            return verdict
        why = go_on_without_traffic(
            verdict, seen.stats, minutes=seen.minutes, shift=shift, max_p99_ms=max_p99_ms
        )
        return verdict if why is None else Verdict(SHIFTED, why, verdict.numbers)

    def _log_progress(self, seen: Observation, seconds: float) -> None:
        renew_lease(self.store, self.plan)
        beside = seen.champion or VersionStats()
        logger.info(
            "version %s at %s %%: %s requests, %s failed (version %s: %s, %s failed), %.0f s so "
            "far; at least %s are needed",
            *(self.plan.version, self.step, seen.stats.asked, seen.stats.failed),
            *(self.plan.fallback, beside.asked, beside.failed, seconds),
            least_requests(self.spec.deployment.shift),
        )

    def _observe(self) -> Observation:
        try:
            served = self.platform.served(self.plan.model)
        except PlatformUnavailable:
            # It may be restarting; the time limit ends the wait.
            return Observation()
        if served is None or served.token != self.plan.token:
            return Observation()
        require_unedited(self.plan.model, served)
        version = self.plan.version
        return Observation(
            stats=served.tallies.get(version, VersionStats()),
            champion=self._champion(served),
            share=served.weights.get(version),
            is_healthy=served.healthy.get(version, False),
        )

    def _champion(self, served: Served) -> VersionStats | None:
        """Requests of the version that has the rest of the traffic."""
        fallback = self.plan.fallback
        return None if fallback is None else served.tallies.get(fallback)
