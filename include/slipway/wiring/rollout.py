"""Wire the rollout stages to their adapters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slipway.wiring.stage_call import Call

if TYPE_CHECKING:
    from slipway.records.run_records import RunRecord


def reconcile(call: Call) -> RunRecord:
    """Begin the rollout that is needed, if any."""
    from slipway.stages.rollout import reconcile as reconciling

    return reconciling.reconcile(
        call.shop.model(call.given["model"]),
        to=str(call.given.get("to") or "challenger"),
        holder="/".join(str(call.origin.get(key, "")) for key in ("dag_id", "run_id")),
        registry=call.shop.registry,
        platform=call.platform,
        context=call.context,
    )


def verify(call: Call) -> RunRecord:
    """Verify the candidate in the real server."""
    from slipway.adapters.model_package import load_package
    from slipway.stages.rollout import verify as verification

    return verification.verify(
        *call.model_and_dataset(),
        rollout=call.given["rollout"],
        registry=call.shop.registry,
        platform=call.platform,
        tables=call.shop.tables,
        load=load_package,
        context=call.context,
    )


def shift(call: Call) -> RunRecord:
    """Shift one step and analyse the canary."""
    from slipway.stages.rollout import shift as shifting

    return shifting.shift(
        call.shop.model(call.given["model"]),
        rollout=call.given["rollout"],
        step=int(call.given["step"]),
        registry=call.shop.registry,
        platform=call.platform,
        context=call.context,
    )


def switch(call: Call) -> RunRecord:
    """Switch all traffic."""
    from slipway.stages.rollout import switch as switching

    return switching.switch(
        call.shop.model(call.given["model"]),
        rollout=call.given["rollout"],
        registry=call.shop.registry,
        platform=call.platform,
        context=call.context,
    )


def promote_champion(call: Call) -> RunRecord:
    """Move the aliases to what is served."""
    from slipway.stages.rollout import promote_champion as promoting

    return promoting.promote_champion(
        call.shop.model(call.given["model"]),
        rollout=call.given["rollout"],
        registry=call.shop.registry,
        platform=call.platform,
        context=call.context,
    )
