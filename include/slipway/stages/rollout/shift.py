"""Shift one step of a rollout: give the candidate a share of the traffic, and analyse it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from slipway.errors import BadRequest, NotFound, PlatformUnavailable
from slipway.records.attempts import Attempt
from slipway.records.idempotent_stage import perform
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRecord, RunRef
from slipway.records.store import Store, read_json
from slipway.records.verdicts import Verdict
from slipway.spec import ModelSpec
from slipway.stages.ports.registry import Registry
from slipway.stages.rollout.canary_analysis import ABORTED, SHIFTED
from slipway.stages.rollout.canary_traffic import POLL_SECONDS, CanaryTraffic, Observation
from slipway.stages.rollout.carry_out import carried_out_by_holder, take_back
from slipway.stages.rollout.fallback import fallback_on_failure, warm_in_steps
from slipway.stages.rollout.lease import keep_lease, release_lease, renew_lease
from slipway.stages.rollout.live_answers import (
    READ_BACK_ROUNDS,
    RETRY_LIMIT_SECONDS,
    find_wrong_answer,
)
from slipway.stages.rollout.plan import RolloutPlan, read_plan
from slipway.stages.rollout.platform import Platform
from slipway.stages.rollout.preconditions import require_verified, required_steps, step_stage
from slipway.stages.rollout.verify import sample_key

UNNEEDED = "unneeded"
SHARE_TOLERANCE = 0.005
"""A smaller difference of the real share from the requested one is not reported."""


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

    The candidate takes `step` percent of the requests and is analysed each second, until its
    requests decide or the time is up (see `analyse_canary`). Before and after, its answers
    to the verified rows are compared with its offline predictions. A candidate whose servers are
    unhealthy for a while is aborted early. Unless the outcome is `shifted`, the champion takes
    all traffic first; then the version is tagged and the record written. If this fails or is
    stopped, the champion takes all traffic at once.
    `unneeded` where there are no steps: in a roll-back, a repair, and for the first model.
    A repeat after a kill continues: the weights are not applied twice, and a stored decision
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
        with fallback_on_failure(plan, platform), keep_lease(store, plan):
            return running.verdict(attempt)

    act = carried_out_by_holder(store, plan, registry=registry, platform=platform)
    require_verified(spec, plan, ref, store=store, before=step)
    inputs = {"version": plan.version, "action": plan.action, "step": step}
    record = perform(context, ref, work, inputs=inputs, carry_out=act)
    if record.verdict.action not in {SHIFTED, UNNEEDED}:
        release_lease(store, plan)
    return record


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

    @property
    def _traffic(self) -> CanaryTraffic:
        return CanaryTraffic(
            self.spec, self.plan, self.step, self.store, self.platform, self.clock, self.sleep
        )

    def verdict(self, attempt: Attempt) -> Verdict:
        """Observe the candidate and judge it."""
        try:
            return self._observe_and_analyse()
        except (PlatformUnavailable, BadRequest, NotFound) as error:
            # If the whole platform is down, this raises too, and a retry begins the step anew.
            take_back(self.plan, attempt=attempt, platform=self.platform, token=self.plan.token)
            return self._aborted(f"{error.message}: {error.found or 'no reason was given'}.")

    def _observe_and_analyse(self) -> Verdict:
        wrong = self._with_retries(self._apply_share)
        if wrong is not None:
            return self._aborted(wrong)
        seen = self._traffic.wait()
        if seen.failure is not None:
            return self._aborted(seen.failure, seen)
        verdict = self._with_context(self._traffic.analyse(seen), seen)
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
            self.plan.model,
            weights=weights,
            keep=warm_in_steps(self.plan),
            token=self.plan.token,
            digests=self.plan.digests(),
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

    def _with_context(self, verdict: Verdict, seen: Observation) -> Verdict:
        numbers = {"version": self.plan.version, "fallback": self.plan.fallback, **verdict.numbers}
        reason = f"Version {self.plan.version}: {verdict.reason[0].lower()}{verdict.reason[1:]}"
        if seen.share is not None:
            numbers["share"] = seen.share
            if abs(seen.share - self.step / 100) >= SHARE_TOLERANCE:
                reason += f" Its real share was {seen.share:.0%}."
        if verdict.action != SHIFTED:
            reason += f" Version {self.plan.fallback} answers every request again."
        return Verdict(verdict.action, reason, numbers)

    def _aborted(self, why: str, seen: Observation | None = None) -> Verdict:
        seen = seen or Observation()
        numbers = {"step": self.step, **(vars(seen.stats) if seen.failure else {})}
        return self._with_context(Verdict(ABORTED, why, numbers), seen)
