"""One step of a rollout: a share of the traffic for the candidate, then one look at how it did."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from slipway.errors import BadRequest, NotFound, PlatformUnavailable
from slipway.records.attempts import Attempt
from slipway.records.idempotent_stage import perform
from slipway.records.run_records import RunRecord, RunRef
from slipway.records.store import Store, encode, find_json, read_json
from slipway.records.verdicts import Verdict
from slipway.spec import ModelSpec
from slipway.stages.model.agreement import max_difference
from slipway.stages.rollout.canary_analysis import ABORTED, SHIFTED, analyse_canary
from slipway.stages.rollout.lease import (
    RolloutPlan,
    keep_lease,
    read_plan,
    release_lease,
    renew_lease,
)
from slipway.stages.rollout.platform import Platform, VersionStats
from slipway.stages.rollout.preconditions import require_verified, required_steps, step_stage
from slipway.stages.rollout.reconcile import ROLLOUT_TAG, Aliases, require_unedited
from slipway.stages.rollout.verify import sample_key

UNNEEDED = "unneeded"
POLL_SECONDS = 1.0
LOG_EVERY_SECONDS = 15.0
READ_BACK_ROUNDS = 3
RETRY_LIMIT_SECONDS = 60.0
"""A platform that took so long to fail is not asked again: what it waited for will not come."""
UNHEALTHY_SECONDS = 20.0
SHARE_TOLERANCE = 0.005
"""A real share that differs by less is the one that was asked for."""

logger = logging.getLogger(__name__)


def shift(
    spec: ModelSpec,
    *,
    rollout: str,
    step: int,
    store: Store,
    registry: Aliases,
    platform: Platform,
    origin: Mapping[str, Any],
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> RunRecord:
    """`shifted` once the candidate did well on its share; else `aborted` or `inconclusive`.

    The candidate gets `step` percent of the requests, and is looked at once: as soon as it was
    asked often enough, or when the time is up. How often is enough, `analyse_canary` says. Before
    and at the look it is also asked the rows that it was verified with. One that cannot answer
    for a while is given up before. Unless it is `shifted`, it loses its share first, is tagged
    and recorded then, and the champion serves.
    `unneeded` where there are no steps: for a way back, a repair, and the first model.

    Killed in between, a repeat goes on: the weights are not set twice, and a look that was taken
    stands. A platform that was started again has forgotten its counts, so counting begins anew;
    so does the time of a repeat.

    Args:
        spec: The model.
        rollout: Run id that `reconcile` gave.
        step: Percent of the requests; one of the spec's.
        store: Where records live.
        registry: Where an abort is noted.
        platform: What serves.
        origin: Who runs it.
        clock: Seconds that never go back.
        sleep: Waits for some seconds.

    Raises:
        BadParameter: The spec has no such step.
        RolloutRefused: The candidate was not verified, or an earlier step has not shifted.
        Superseded: Another rollout, or a way back, has taken over.
        EditedByHand: Somebody changed what the step controls; nothing is overwritten.
        PlatformUnavailable: The champion could not be put back either; a retry goes on.
    """
    plan = read_plan(store, spec.model, rollout)
    ref = RunRef(spec.model, rollout, step_stage(step))
    waiting = _Step(spec, plan, ref, step, store, platform, clock, sleep)

    def work(attempt: Attempt) -> Verdict:
        renew_lease(store, plan)
        if step not in required_steps(spec, plan):
            reason = f"Version {plan.version} does not take over step by step."
            return Verdict(UNNEEDED, reason, {"version": plan.version, "step": step})
        attempt.check()
        verdict = waiting.verdict(attempt)
        if verdict.action != SHIFTED:
            renew_lease(store, plan)
            attempt.check()
            restore_fallback(plan, platform)
            registry.tag(spec.model, plan.version, {ROLLOUT_TAG: verdict.action})
        return verdict

    require_verified(spec, plan, ref, store=store, before=step)
    inputs = {"version": plan.version, "action": plan.action, "step": step}
    record = perform(store, ref, work, inputs=inputs, origin=origin)
    if record.verdict.action not in {SHIFTED, UNNEEDED}:
        release_lease(store, plan)
    return record


def restore_fallback(plan: RolloutPlan, platform: Platform) -> None:
    """Let what served before this rollout answer every request again, whatever was edited."""
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
    """What is wrong with an answer to the rows of the verification, or None.

    Args:
        plan: The rollout, whose version has to answer.
        sample: The rows as a probe, and what the version predicts for them offline.
        platform: What serves.
        allowed: Difference between an answer and a prediction.
        version: Whom to ask; none: whoever serves.
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
class _Seen:
    """What is known of the candidate at one moment.

    Attributes:
        tally: What it did so far.
        share: Its real share of the requests; None: not known.
        is_healthy: Whether its server can answer; None: not known.
        trouble: Why it is given up, if it is.
    """

    tally: VersionStats = field(default_factory=VersionStats)
    share: float | None = None
    is_healthy: bool | None = None
    trouble: str | None = None


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
        """What this step comes to; stored before anybody acts on it, so there is one look."""
        key = f"{self.ref.folder}/look.json"
        looked = find_json(self.store, key)
        if looked is None:
            try:
                with keep_lease(self.store, self.plan):
                    verdict = self._watched()
            except (PlatformUnavailable, BadRequest, NotFound) as error:
                # Not stored: should the whole platform be down, a retry begins this step anew.
                return self._aborted(f"{error.message}: {error.found or 'no reason was given'}.")
            attempt.check()
            self.store.create(key, encode(verdict.to_json()))
            looked = read_json(self.store, key)
        return Verdict.from_json(looked)

    def _watched(self) -> Verdict:
        wrong = self._patiently(self._share)
        if wrong is not None:
            return self._aborted(wrong)
        seen = self._waited()
        if seen.trouble is not None:
            return self._aborted(seen.trouble, seen)
        verdict = self._look(seen)
        wrong = self._patiently(self._wrong) if verdict.action == SHIFTED else None
        return verdict if wrong is None else self._aborted(wrong, seen)

    def _share(self) -> str | None:
        """Give the candidate its share, and compare its answers."""
        share = self.step / 100
        weights = {self.plan.version: share}
        if self.plan.fallback is not None:
            weights[self.plan.fallback] = 1 - share
        # Where it is in force already this changes nothing, and the counting goes on.
        self.platform.apply(
            self.plan.model, weights=weights, keep=_warm(self.plan), token=self.plan.token
        )
        return self._wrong()

    def _wrong(self) -> str | None:
        return find_wrong_answer(
            self.plan,
            read_json(self.store, sample_key(self.ref)),
            platform=self.platform,
            allowed=self.spec.deployment.verify.max_difference,
            version=self.plan.version,
        )

    def _patiently(self, act: Callable[[], str | None]) -> str | None:
        began = self.clock()
        for _ in range(READ_BACK_ROUNDS - 1):
            try:
                return act()
            except PlatformUnavailable:
                if self.clock() - began > RETRY_LIMIT_SECONDS:
                    raise
                self.sleep(POLL_SECONDS)
        return act()

    def _waited(self) -> _Seen:
        """What the candidate did: asked often enough, given up, or out of time."""
        shift = self.spec.deployment.shift
        began = told = self.clock()
        ill_since: float | None = None
        while True:
            seen, now = self._see(), self.clock()
            if seen.tally.asked >= shift.requests or now - began >= shift.limit_minutes * 60:
                return seen
            if seen.is_healthy is not None:
                ill_since = None if seen.is_healthy else now if ill_since is None else ill_since
            if ill_since is not None and now - ill_since >= UNHEALTHY_SECONDS:
                trouble = f"none of its servers could answer for {now - ill_since:.0f} s."
                return replace(seen, trouble=trouble)
            if now - told >= LOG_EVERY_SECONDS:
                self._tell(seen.tally, now - began)
                told = now
            self.sleep(POLL_SECONDS)

    def _tell(self, tally: VersionStats, seconds: float) -> None:
        renew_lease(self.store, self.plan)
        logger.info(
            "version %s at %s %%: asked %s of %s times, failed %s times, %.0f s so far",
            *(self.plan.version, self.step, tally.asked, self.spec.deployment.shift.requests),
            *(tally.failed, seconds),
        )

    def _see(self) -> _Seen:
        try:
            served = self.platform.served(self.plan.model)
        except PlatformUnavailable:
            # It may be starting again; the time limit ends the wait.
            return _Seen()
        if served is None or served.token != self.plan.token:
            return _Seen()
        require_unedited(self.plan.model, served)
        version = self.plan.version
        return _Seen(
            tally=served.tallies.get(version, VersionStats()),
            share=served.weights.get(version),
            is_healthy=served.healthy.get(version, False),
        )

    def _look(self, seen: _Seen) -> Verdict:
        deployment = self.spec.deployment
        verdict = analyse_canary(
            seen.tally,
            step=self.step,
            shift=deployment.shift,
            max_p99_ms=deployment.verify.max_p99_ms,
        )
        return self._said(verdict, seen)

    def _said(self, verdict: Verdict, seen: _Seen) -> Verdict:
        numbers = {"version": self.plan.version, "fallback": self.plan.fallback, **verdict.numbers}
        reason = f"Version {self.plan.version}: {verdict.reason[0].lower()}{verdict.reason[1:]}"
        if seen.share is not None:
            numbers["share"] = seen.share
            if abs(seen.share - self.step / 100) >= SHARE_TOLERANCE:
                reason += f" Its real share was {seen.share:.0%}."
        if verdict.action != SHIFTED:
            reason += f" Version {self.plan.fallback} answers every request again."
        return Verdict(verdict.action, reason, numbers)

    def _aborted(self, why: str, seen: _Seen = _Seen()) -> Verdict:
        numbers = {"step": self.step, **(vars(seen.tally) if seen.trouble else {})}
        return self._said(Verdict(ABORTED, why, numbers), seen)
