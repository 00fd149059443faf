"""Promote a version to champion: move the aliases once it is served, and anchor the ledger."""

from __future__ import annotations

from contextlib import suppress

from slipway.errors import PlatformUnavailable, RegistryUnavailable, RolloutRefused
from slipway.records.attempts import Attempt
from slipway.records.idempotent_stage import perform
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRecord, RunRef
from slipway.records.verdicts import Verdict
from slipway.spec import ModelSpec
from slipway.stages.model.ledger_anchors import anchor_if_unbroken, find_ledger_break
from slipway.stages.ports.registry import Registry
from slipway.stages.rollout.carry_out import (
    carried_out_by_holder,
    find_lost_candidate,
    take_back,
)
from slipway.stages.rollout.lease import release_lease, renew_lease
from slipway.stages.rollout.manual_edits import require_unedited
from slipway.stages.rollout.plan import RolloutPlan, read_plan
from slipway.stages.rollout.platform import Platform, Served
from slipway.stages.rollout.preconditions import require_verdict
from slipway.stages.rollout.turned_away import (
    find_turned_away,
    may_return,
    turned_away_numbers,
)
from slipway.stages.rollout.version_outcome import PROMOTED, SWITCHED


def promote_champion(
    spec: ModelSpec,
    *,
    rollout: str,
    context: RunContext,
    registry: Registry,
    platform: Platform,
) -> RunRecord:
    """Move the aliases to what is really served: `promoted`; then anchor the ledgers' heads.

    A rollout in progress ends also where a ledger was edited: its old anchor stays, and the verdict
    says so.

    Args:
        spec: The model.
        rollout: Run id that `reconcile` gave.
        context: Store of the records, and origin.
        registry: Aliases, tags, and the ledger's anchor.
        platform: What serves the model.

    Raises:
        RolloutRefused: The traffic was not switched.
        PlatformUnavailable: Another version is served; no alias has moved.
        EditedByHand: A field that rollouts own was edited by hand; no alias has moved.
        Superseded: Another rollout took over.
    """
    store = context.store
    plan = read_plan(store, spec.model, rollout)
    ref = RunRef(spec.model, rollout, "promote_champion")
    require_verdict(store, ref.beside("switch"), SWITCHED)

    def work(attempt: Attempt) -> Verdict:
        renew_lease(store, plan)
        _require_served(plan, platform)
        # A roll-back is decided without MLflow; its aliases are moved once that answers.
        lost = find_lost_candidate(plan, registry)
        if lost is not None:
            take_back(plan, attempt=attempt, platform=platform, token=plan.token)
            raise RolloutRefused(lost, hint="no alias has moved; roll out another version")
        reason = f"Version {plan.version} is served and is champion now"
        away = find_turned_away(store, plan)
        if away is not None and plan.action != "roll_back":
            # Where MLflow does not answer, the aliases are moved later, and then it is asked again.
            with suppress(RegistryUnavailable):
                away = away if may_return(registry, plan.model, away) else None
        if away is not None:
            became = "was rolled back" if plan.action == "roll_back" else "is kept as previous"
            reason += f"; version {away.version} {became}"
        numbers = {"version": plan.version, "before": plan.champion, "action": plan.action}
        broken = find_ledger_break(store, registry, spec.model, dataset=spec.dataset)
        reason = f"{reason}." if broken is None else f"{reason}. {broken}"
        # The ledger's own word on which bytes are champion.
        evidence = {} if plan.digest is None else {"manifest_sha256": plan.digest}
        return Verdict(PROMOTED, reason, numbers | turned_away_numbers(plan, away), evidence)

    act = carried_out_by_holder(store, plan, registry=registry, platform=platform)
    inputs = {"version": plan.version, "action": plan.action}
    record = perform(context, ref, work, inputs=inputs, carry_out=act)
    anchor_if_unbroken(store, registry, spec.model, dataset=spec.dataset)
    release_lease(store, plan)
    return record


def _require_served(plan: RolloutPlan, platform: Platform) -> None:
    served = platform.served(plan.model)
    if served is None or not _serves(plan, served):
        raise PlatformUnavailable(
            f"version {plan.version} of {plan.model} cannot become champion",
            expected=f"version {plan.version} to be served",
            found=f"version {served.version}" if served else "nothing",
            hint="no alias has moved; reconcile repairs what is served",
        )
    if not plan.is_urgent:
        require_unedited(plan.model, served)


def _serves(plan: RolloutPlan, served: Served) -> bool:
    here = served.digests.get(plan.version, plan.digest)
    is_same = served.version == plan.version and (plan.digest is None or here == plan.digest)
    return is_same and served.token == plan.token
