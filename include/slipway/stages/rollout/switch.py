"""Switch all traffic to a rollout's version, check live answers, and fall back on failure."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from slipway.errors import BadRequest, NotFound, PlatformUnavailable
from slipway.records.attempts import Attempt
from slipway.records.idempotent_stage import perform
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRecord, RunRef
from slipway.records.store import read_json
from slipway.records.verdicts import Verdict
from slipway.spec import ModelSpec
from slipway.stages.ports.registry import Registry
from slipway.stages.rollout.canary_analysis import ABORTED
from slipway.stages.rollout.carry_out import carried_out_by_holder, find_lost_candidate, take_back
from slipway.stages.rollout.fallback import fallback_on_failure
from slipway.stages.rollout.lease import keep_lease, release_lease, renew_lease
from slipway.stages.rollout.live_answers import (
    READ_BACK_ROUNDS,
    RETRY_LIMIT_SECONDS,
    find_wrong_answer,
)
from slipway.stages.rollout.plan import RolloutPlan, read_plan
from slipway.stages.rollout.platform import Platform
from slipway.stages.rollout.preconditions import require_verified
from slipway.stages.rollout.served_before import name_failed_rollback
from slipway.stages.rollout.verify import sample_key
from slipway.stages.rollout.version_outcome import SWITCHED
from slipway.stages.rollout.way_back import with_present_way_back

READ_BACK_REQUESTS = 20


def switch(
    spec: ModelSpec,
    *,
    rollout: str,
    context: RunContext,
    registry: Registry,
    platform: Platform,
    clock: Callable[[], float] = time.monotonic,
) -> RunRecord:
    """Switch all traffic: `switched` once live answers are right; else restore, then `aborted`.

    Args:
        spec: The model.
        rollout: Run id that `reconcile` gave.
        context: Store of the records, and origin.
        registry: Tags of versions.
        platform: What serves the model.
        clock: Monotonic seconds.

    Raises:
        RolloutRefused: The candidate was not verified, or has not shifted at every step.
        Superseded: Another rollout took over.
        EditedByHand: A field that rollouts own was edited by hand; nothing is overwritten.
        PlatformUnavailable: The champion could not be restored either; a retry continues.
    """
    store = context.store
    plan = read_plan(store, spec.model, rollout)
    ref = RunRef(spec.model, rollout, "switch")
    require_verified(spec, plan, ref, store=store)
    sample = read_json(store, sample_key(ref))
    tolerance = spec.deployment.verify.max_difference

    def work(attempt: Attempt) -> Verdict:
        lost = find_lost_candidate(plan, registry)
        if lost is not None:
            take_back(plan, attempt=attempt, platform=platform, token=plan.token)
            numbers = {"version": plan.version, "fallback": plan.fallback}
            return name_failed_rollback(plan, Verdict(ABORTED, lost, numbers))
        with fallback_on_failure(plan, platform), keep_lease(store, plan):
            attempt.check()
            meant = with_present_way_back(plan, registry)
            problem = _apply_and_check(
                meant, sample, platform=platform, tolerance=tolerance, clock=clock
            )
        numbers = {"version": plan.version, "fallback": plan.fallback}
        if problem is None:
            reason = f"Version {plan.version} answers every request."
            return Verdict(SWITCHED, reason, numbers | {"asked": READ_BACK_REQUESTS})
        renew_lease(store, plan)
        take_back(plan, attempt=attempt, platform=platform, token=plan.token)
        kept = f"version {plan.fallback}" if plan.fallback else "nothing"
        reason = f"Version {plan.version} was taken back, {kept} serves: {problem}"
        return name_failed_rollback(plan, Verdict(ABORTED, reason, numbers))

    act = carried_out_by_holder(store, plan, registry=registry, platform=platform)
    inputs = {"version": plan.version, "action": plan.action}
    record = perform(context, ref, work, inputs=inputs, carry_out=act)
    if record.verdict.action == ABORTED:
        release_lease(store, plan)
    return record


def _apply_and_check(
    plan: RolloutPlan,
    sample: Mapping[str, Any],
    *,
    platform: Platform,
    tolerance: float,
    clock: Callable[[], float],
) -> str | None:
    """Apply the switch and check live answers; return what is wrong, or None."""
    problem, began = None, clock()
    for _ in range(READ_BACK_ROUNDS):
        try:
            # Where the weights are in force already this only waits until the server is ready.
            platform.apply(
                plan.model,
                weights={plan.version: 1.0},
                keep=plan.warm,
                token=plan.token,
                digests=plan.digests(),
                is_urgent=plan.is_urgent,
            )
            problem = _check_answers(plan, sample, platform=platform, tolerance=tolerance)
        except (PlatformUnavailable, BadRequest, NotFound) as error:
            problem = f"{error.message}: {error.found or 'no reason was given'}"
            if clock() - began > RETRY_LIMIT_SECONDS:
                break
            continue
        if problem is None:
            return None
    return problem


def _check_answers(
    plan: RolloutPlan, sample: Mapping[str, Any], *, platform: Platform, tolerance: float
) -> str | None:
    for _ in range(READ_BACK_REQUESTS):
        wrong = find_wrong_answer(plan, sample, platform=platform, allowed=tolerance)
        if wrong is not None:
            return wrong
    return None
