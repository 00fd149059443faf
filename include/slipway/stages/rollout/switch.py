"""Moving the traffic, reading back what is served, and only then saying who is champion."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from slipway.errors import BadRequest, NotFound, PlatformUnavailable
from slipway.records import ledger
from slipway.records.attempts import Attempt
from slipway.records.idempotent_stage import perform
from slipway.records.run_records import RunRecord, RunRef
from slipway.records.store import Store, read_json
from slipway.records.verdicts import Verdict
from slipway.spec import ModelSpec
from slipway.stages.rollout.canary_analysis import ABORTED
from slipway.stages.rollout.lease import (
    RolloutPlan,
    keep_lease,
    read_plan,
    release_lease,
    renew_lease,
)
from slipway.stages.rollout.platform import Platform
from slipway.stages.rollout.preconditions import require_verdict, require_verified
from slipway.stages.rollout.reconcile import ROLLED_BACK, ROLLOUT_TAG, Aliases, require_unedited
from slipway.stages.rollout.shift import (
    READ_BACK_ROUNDS,
    RETRY_LIMIT_SECONDS,
    find_wrong_answer,
    restore_fallback,
)
from slipway.stages.rollout.verify import sample_key

READ_BACK_REQUESTS = 20
SERVING = "serving"


class Registry(Aliases, Protocol):
    """The registry, where aliases move and the ledger is anchored."""

    def set_alias(self, model: str, alias: str, version: int) -> None:
        """Let an alias name a version."""

    def delete_alias(self, model: str, alias: str) -> None:
        """Let an alias name nothing."""

    def anchor(self, model: str, head: ledger.Head) -> None:
        """Write the head of the ledger down outside the store."""


def switch(
    spec: ModelSpec,
    *,
    rollout: str,
    store: Store,
    registry: Registry,
    platform: Platform,
    origin: Mapping[str, Any],
    clock: Callable[[], float] = time.monotonic,
) -> RunRecord:
    """`switched` once real requests show it; else `aborted`, the champion put back first.

    Args:
        spec: The model.
        rollout: Run id that `reconcile` gave.
        store: Where records live.
        registry: Where an abort is noted.
        platform: What serves.
        origin: Who runs it.
        clock: Seconds that never go back.

    Raises:
        RolloutRefused: The candidate was not verified, or has not shifted at every step.
        Superseded: Another rollout has taken over.
        EditedByHand: Somebody changed what the rollout controls; nothing is overwritten.
        PlatformUnavailable: The champion could not be put back either; a retry goes on.
    """
    plan = read_plan(store, spec.model, rollout)
    ref = RunRef(spec.model, rollout, "switch")
    require_verified(spec, plan, ref, store=store)
    sample = read_json(store, sample_key(ref))
    tolerance = spec.deployment.verify.max_difference

    def work(attempt: Attempt) -> Verdict:
        with keep_lease(store, plan):
            attempt.check()
            problem = _move(plan, sample, platform=platform, tolerance=tolerance, clock=clock)
        numbers = {"version": plan.version, "fallback": plan.fallback}
        if problem is None:
            reason = f"Version {plan.version} answers every request."
            return Verdict("switched", reason, numbers | {"asked": READ_BACK_REQUESTS})
        renew_lease(store, plan)
        attempt.check()
        restore_fallback(plan, platform)
        registry.tag(spec.model, plan.version, {ROLLOUT_TAG: ABORTED})
        kept = f"version {plan.fallback}" if plan.fallback else "nothing"
        reason = f"Version {plan.version} was taken back, {kept} serves: {problem}"
        return Verdict(ABORTED, reason, numbers)

    inputs = {"version": plan.version, "action": plan.action}
    record = perform(store, ref, work, inputs=inputs, origin=origin)
    if record.verdict.action == ABORTED:
        release_lease(store, plan)
    return record


def promote_champion(
    spec: ModelSpec,
    *,
    rollout: str,
    store: Store,
    registry: Registry,
    platform: Platform,
    origin: Mapping[str, Any],
) -> RunRecord:
    """`promoted`: the aliases say what is really served, and the ledger's head is anchored.

    Args:
        spec: The model.
        rollout: Run id that `reconcile` gave.
        store: Where records live.
        registry: Where aliases move.
        platform: What serves.
        origin: Who runs it.

    Raises:
        RolloutRefused: The traffic was not switched.
        PlatformUnavailable: Something else is served; no alias has moved.
        EditedByHand: Somebody changed what the rollout controls; no alias has moved.
        Superseded: Another rollout has taken over.
    """
    plan = read_plan(store, spec.model, rollout)
    ref = RunRef(spec.model, rollout, "promote_champion")
    require_verdict(store, ref.beside("switch"), "switched")

    def work(attempt: Attempt) -> Verdict:
        renew_lease(store, plan)
        _read_back(plan, platform)
        if plan.action == "roll_back":
            # What was rolled back may not answer, not even as a fallback.
            attempt.check()
            platform.apply(
                plan.model,
                weights={plan.version: 1.0},
                keep=(),
                token=plan.token,
                is_urgent=plan.is_urgent,
            )
            renew_lease(store, plan)
        attempt.check()
        _move_aliases(plan, registry)
        reason = f"Version {plan.version} is served and is champion now"
        if plan.fallback is not None:
            became = "was rolled back" if plan.action == "roll_back" else "is kept as previous"
            reason += f"; version {plan.fallback} {became}"
        numbers = {"version": plan.version, "before": plan.champion, "action": plan.action}
        return Verdict("promoted", f"{reason}.", numbers)

    inputs = {"version": plan.version, "action": plan.action}
    record = perform(store, ref, work, inputs=inputs, origin=origin)
    registry.anchor(spec.model, ledger.head(store, spec.model))
    release_lease(store, plan)
    return record


def _move(
    plan: RolloutPlan,
    sample: Mapping[str, Any],
    *,
    platform: Platform,
    tolerance: float,
    clock: Callable[[], float],
) -> str | None:
    """Why the version does not serve after all, or None."""
    problem, began = None, clock()
    for _ in range(READ_BACK_ROUNDS):
        try:
            # Where it is in force already this only waits until its server is ready.
            platform.apply(
                plan.model,
                weights={plan.version: 1.0},
                keep=plan.warm,
                token=plan.token,
                is_urgent=plan.is_urgent,
            )
            problem = _ask_many(plan, sample, platform=platform, tolerance=tolerance)
        except (PlatformUnavailable, BadRequest, NotFound) as error:
            problem = f"{error.message}: {error.found or 'no reason was given'}"
            if clock() - began > RETRY_LIMIT_SECONDS:
                break
            continue
        if problem is None:
            return None
    return problem


def _ask_many(
    plan: RolloutPlan, sample: Mapping[str, Any], *, platform: Platform, tolerance: float
) -> str | None:
    for _ in range(READ_BACK_REQUESTS):
        wrong = find_wrong_answer(plan, sample, platform=platform, allowed=tolerance)
        if wrong is not None:
            return wrong
    return None


def _read_back(plan: RolloutPlan, platform: Platform) -> None:
    served = platform.served(plan.model)
    if served is None or served.version != plan.version or served.token != plan.token:
        raise PlatformUnavailable(
            f"version {plan.version} of {plan.model} cannot be called champion",
            expected=f"version {plan.version} to be served",
            found=f"version {served.version}" if served else "nothing",
            hint="no alias has moved; reconcile repairs what is served",
        )
    if not plan.is_urgent:
        require_unedited(plan.model, served)


def _move_aliases(plan: RolloutPlan, registry: Registry) -> None:
    """Every step says what the plan recorded, so repeating them after a kill changes nothing.

    The champion comes last: until it has moved, `reconcile` sees an unfinished rollout to finish.
    """
    previous = registry.alias(plan.model, "previous")
    if plan.action == "roll_back":
        if plan.fallback is not None:
            registry.tag(plan.model, plan.fallback, {ROLLOUT_TAG: ROLLED_BACK})
        if previous is not None and previous.version == plan.version:
            registry.delete_alias(plan.model, "previous")
    elif plan.fallback is not None:
        registry.set_alias(plan.model, "previous", plan.fallback)
    challenger = registry.alias(plan.model, "challenger")
    if challenger is not None and challenger.version == plan.version:
        registry.delete_alias(plan.model, "challenger")
    registry.tag(plan.model, plan.version, {ROLLOUT_TAG: SERVING})
    registry.set_alias(plan.model, "champion", plan.version)
