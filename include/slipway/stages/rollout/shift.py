"""Shift one step of a rollout: give the candidate a share of the traffic, analyse it once."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from slipway.errors import BadRequest, NotFound, PlatformUnavailable
from slipway.records.attempts import Attempt
from slipway.records.idempotent_stage import perform
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRecord, RunRef
from slipway.records.store import Store, encode, find_json, read_json
from slipway.records.verdicts import Verdict
from slipway.spec import ModelSpec
from slipway.stages.model.agreement import max_difference
from slipway.stages.ports.registry import Registry
from slipway.stages.rollout.canary_analysis import ABORTED, SHIFTED, analyse_canary
from slipway.stages.rollout.lease import keep_lease, release_lease, renew_lease
from slipway.stages.rollout.plan import RolloutPlan, read_plan
from slipway.stages.rollout.platform import Platform, VersionStats
from slipway.stages.rollout.preconditions import require_verified, required_steps, step_stage
from slipway.stages.rollout.reconcile import require_unedited
from slipway.stages.rollout.verify import sample_key
from slipway.stages.rollout.version_outcome import ROLLOUT_TAG

UNNEEDED = "unneeded"
POLL_SECONDS = 1.0
LOG_EVERY_SECONDS = 15.0
READ_BACK_ROUNDS = 3
RETRY_LIMIT_SECONDS = 60.0
"""A platform that took this long to fail is not tried again: it waited for a server in vain."""
UNHEALTHY_SECONDS = 20.0
SHARE_TOLERANCE = 0.005
"""A smaller difference of the real share from the requested one is not reported."""

logger = logging.getLogger(__name__)


def shift(
    spec: ModelSpec,
    *,
    rollout: str,
    step: int,
    context: RunContext,
    registry: Registry,
    platform: Platform,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> RunRecord:
    """Give the candidate its share: `shifted` if the canary analysis allows more, else back.

    The candidate takes `step` percent of the requests and is analysed once: as soon as it has
    enough requests, or when the time is up (see `analyse_canary`). Before and after, its answers
    to the verified rows are compared with its offline predictions. A candidate whose servers are
    unhealthy for a while is aborted early. Unless the outcome is `shifted`, the champion takes
    all traffic first; then the version is tagged and the record written.
    `unneeded` where there are no steps: in a roll-back, a repair, and for the first model.
    A repeat after a kill continues: the weights are not applied twice, and a stored analysis
    stands. A restarted platform counts anew; so does the time limit of a repeat.

    Args:
        spec: The model.
        rollout: Run id that `reconcile` gave.
        step: Percent of the requests; one of the spec's steps.
        context: Store of the records, and origin.
        registry: Tags of versions.
        platform: What serves the model.
        clock: Monotonic seconds.
        sleep: Waits for some seconds.

    Raises:
        BadParameter: The spec has no such step.
        RolloutRefused: The candidate was not verified, or an earlier step has not shifted.
        Superseded: Another rollout took over.
        EditedByHand: A field that rollouts own was edited by hand; nothing is overwritten.
        PlatformUnavailable: The champion could not be restored either; a retry continues.
    """
    store, plan = context.store, read_plan(context.store, spec.model, rollout)
    ref = RunRef(spec.model, rollout, step_stage(step))
    running = _Step(spec, plan, ref, step, store, platform, clock, sleep)

    def work(attempt: Attempt) -> Verdict:
        renew_lease(store, plan)
        if step not in required_steps(spec, plan):
            reason = f"Version {plan.version} does not take over step by step."
            return Verdict(UNNEEDED, reason, {"version": plan.version, "step": step})
        attempt.check()
        verdict = running.verdict(attempt)
        if verdict.action != SHIFTED:
            renew_lease(store, plan)
            attempt.check()
            restore_fallback(plan, platform)
            registry.tag(spec.model, plan.version, {ROLLOUT_TAG: verdict.action})
        return verdict

    require_verified(spec, plan, ref, store=store, before=step)
    inputs = {"version": plan.version, "action": plan.action, "step": step}
    record = perform(context, ref, work, inputs=inputs)
    if record.verdict.action not in {SHIFTED, UNNEEDED}:
        release_lease(store, plan)
    return record


def restore_fallback(plan: RolloutPlan, platform: Platform) -> None:
    """Route every request to the version that served before, in spite of manual edits."""
    weights = {plan.fallback: 1.0} if plan.fallback is not None else {}
    platform.apply(plan.model, weights=weights, keep=_warm(plan), token=plan.token, is_urgent=True)


def find_wrong_answer(
    plan: RolloutPlan,
    sample: Mapping[str, Any],
    *,
    platform: Platform,
    allowed: float,
    version: int | None = None,
) -> str | None:
    """Send the verified rows once; return what is wrong with the answer, or None.

    Args:
        plan: Rollout whose version has to answer.
        sample: The rows as a probe, with the version's offline predictions.
        platform: What serves the model.
        allowed: Largest allowed difference from a prediction.
        version: Version to ask; None: through the live traffic.
    """
    answer = platform.ask(plan.model, sample["payload"], version=version)
    if answer.version != plan.version:
        return f"version {answer.version} answered a request."
    difference = max_difference(answer.scores, sample["scores"])
    if difference is None:
        return "an answer cannot be compared with the offline predictions."
    if difference > allowed:
        return f"an answer differs from the offline prediction by {difference:.3g}."
    return None


def _warm(plan: RolloutPlan) -> list[int]:
    return [] if plan.previous is None or plan.previous == plan.version else [plan.previous]


@dataclass(frozen=True)
class _Observation:
    """State of the candidate at one moment.

    Attributes:
        stats: Its requests so far.
        share: Its real share of the requests; None: not known.
        is_healthy: Whether its server can answer; None: not known.
        failure: Why the step is aborted early, or None.
    """

    stats: VersionStats = field(default_factory=VersionStats)
    share: float | None = None
    is_healthy: bool | None = None
    failure: str | None = None


@dataclass(frozen=True)
class _Step:
    spec: ModelSpec
    plan: RolloutPlan
    ref: RunRef
    step: int
    store: Store
    platform: Platform
    clock: Callable[[], float]
    sleep: Callable[[float], None]

    def verdict(self, attempt: Attempt) -> Verdict:
        """Verdict of this step, stored before it takes effect, so that there is one analysis."""
        key = f"{self.ref.folder}/look.json"
        stored = find_json(self.store, key)
        if stored is None:
            try:
                with keep_lease(self.store, self.plan):
                    verdict = self._observe_and_analyse()
            except (PlatformUnavailable, BadRequest, NotFound) as error:
                # Not stored: if the whole platform is down, a retry begins this step anew.
                return self._aborted(f"{error.message}: {error.found or 'no reason was given'}.")
            attempt.check()
            self.store.create(key, encode(verdict.to_json()))
            stored = read_json(self.store, key)
        return Verdict.from_json(stored)

    def _observe_and_analyse(self) -> Verdict:
        wrong = self._with_retries(self._apply_share)
        if wrong is not None:
            return self._aborted(wrong)
        seen = self._wait()
        if seen.failure is not None:
            return self._aborted(seen.failure, seen)
        verdict = self._analyse(seen)
        wrong = self._with_retries(self._wrong_answer) if verdict.action == SHIFTED else None
        return verdict if wrong is None else self._aborted(wrong, seen)

    def _apply_share(self) -> str | None:
        """Apply the candidate's share and check its answers."""
        share = self.step / 100
        weights = {self.plan.version: share}
        if self.plan.fallback is not None:
            weights[self.plan.fallback] = 1 - share
        # No change where the share is in force already; its statistics continue.
        self.platform.apply(
            self.plan.model, weights=weights, keep=_warm(self.plan), token=self.plan.token
        )
        return self._wrong_answer()

    def _wrong_answer(self) -> str | None:
        return find_wrong_answer(
            self.plan,
            read_json(self.store, sample_key(self.ref)),
            platform=self.platform,
            allowed=self.spec.deployment.verify.max_difference,
            version=self.plan.version,
        )

    def _with_retries(self, act: Callable[[], str | None]) -> str | None:
        began = self.clock()
        for _ in range(READ_BACK_ROUNDS - 1):
            try:
                return act()
            except PlatformUnavailable:
                if self.clock() - began > RETRY_LIMIT_SECONDS:
                    raise
                self.sleep(POLL_SECONDS)
        return act()

    def _wait(self) -> _Observation:
        """Wait until the candidate has enough requests, has failed, or is out of time."""
        shift = self.spec.deployment.shift
        began = logged = self.clock()
        unhealthy_since: float | None = None
        while True:
            seen, now = self._observe(), self.clock()
            if seen.stats.asked >= shift.requests or now - began >= shift.limit_minutes * 60:
                return seen
            if seen.is_healthy is not None:
                since = now if unhealthy_since is None else unhealthy_since
                unhealthy_since = None if seen.is_healthy else since
            if unhealthy_since is not None and now - unhealthy_since >= UNHEALTHY_SECONDS:
                failure = f"none of its servers could answer for {now - unhealthy_since:.0f} s."
                return replace(seen, failure=failure)
            if now - logged >= LOG_EVERY_SECONDS:
                self._log_progress(seen.stats, now - began)
                logged = now
            self.sleep(POLL_SECONDS)

    def _log_progress(self, stats: VersionStats, seconds: float) -> None:
        renew_lease(self.store, self.plan)
        logger.info(
            "version %s at %s %%: %s of %s requests, %s failed, %.0f s so far",
            *(self.plan.version, self.step, stats.asked, self.spec.deployment.shift.requests),
            *(stats.failed, seconds),
        )

    def _observe(self) -> _Observation:
        try:
            served = self.platform.served(self.plan.model)
        except PlatformUnavailable:
            # It may be restarting; the time limit ends the wait.
            return _Observation()
        if served is None or served.token != self.plan.token:
            return _Observation()
        require_unedited(self.plan.model, served)
        version = self.plan.version
        return _Observation(
            stats=served.tallies.get(version, VersionStats()),
            share=served.weights.get(version),
            is_healthy=served.healthy.get(version, False),
        )

    def _analyse(self, seen: _Observation) -> Verdict:
        deployment = self.spec.deployment
        verdict = analyse_canary(
            seen.stats,
            step=self.step,
            shift=deployment.shift,
            max_p99_ms=deployment.verify.max_p99_ms,
        )
        return self._with_context(verdict, seen)

    def _with_context(self, verdict: Verdict, seen: _Observation) -> Verdict:
        numbers = {"version": self.plan.version, "fallback": self.plan.fallback, **verdict.numbers}
        reason = f"Version {self.plan.version}: {verdict.reason[0].lower()}{verdict.reason[1:]}"
        if seen.share is not None:
            numbers["share"] = seen.share
            if abs(seen.share - self.step / 100) >= SHARE_TOLERANCE:
                reason += f" Its real share was {seen.share:.0%}."
        if verdict.action != SHIFTED:
            reason += f" Version {self.plan.fallback} answers every request again."
        return Verdict(verdict.action, reason, numbers)

    def _aborted(self, why: str, seen: _Observation = _Observation()) -> Verdict:
        numbers = {"step": self.step, **(vars(seen.stats) if seen.failure else {})}
        return self._with_context(Verdict(ABORTED, why, numbers), seen)
