"""Rollout, wired: what serves becomes what should serve."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slipway.wiring.stage_call import Call

if TYPE_CHECKING:
    from slipway.records.run_records import RunRecord


def reconcile(call: Call) -> RunRecord:
    """What serves is compared with what should."""
    from slipway.stages.rollout import reconcile as reconciling

    return reconciling.reconcile(
        call.shop.model(call.given["model"]),
        to=str(call.given.get("to") or "challenger"),
        holder="/".join(str(call.origin.get(key, "")) for key in ("dag_id", "run_id")),
        store=call.shop.store,
        registry=call.shop.registry,
        platform=call.platform,
        origin=call.origin,
    )


def verify(call: Call) -> RunRecord:
    """The candidate is booted and asked."""
    from slipway.adapters.model_package import load_package
    from slipway.stages.rollout import verify as verification

    return verification.verify(
        *call.model_and_dataset(),
        rollout=call.given["rollout"],
        store=call.shop.store,
        registry=call.shop.registry,
        platform=call.platform,
        tables=call.shop.tables,
        load=load_package,
        origin=call.origin,
    )


def shift(call: Call) -> RunRecord:
    """A share of the traffic moves, and the candidate is looked at once."""
    from slipway.stages.rollout import shift as shifting

    return shifting.shift(
        call.shop.model(call.given["model"]),
        rollout=call.given["rollout"],
        step=int(call.given["step"]),
        store=call.shop.store,
        registry=call.shop.registry,
        platform=call.platform,
        origin=call.origin,
    )


def switch(call: Call) -> RunRecord:
    """Traffic moves, and what is served is read back."""
    from slipway.stages.rollout import switch as switching

    return switching.switch(
        call.shop.model(call.given["model"]),
        rollout=call.given["rollout"],
        store=call.shop.store,
        registry=call.shop.registry,
        platform=call.platform,
        origin=call.origin,
    )


def promote_champion(call: Call) -> RunRecord:
    """The aliases move."""
    from slipway.stages.rollout import switch as switching

    return switching.promote_champion(
        call.shop.model(call.given["model"]),
        rollout=call.given["rollout"],
        store=call.shop.store,
        registry=call.shop.registry,
        platform=call.platform,
        origin=call.origin,
    )
