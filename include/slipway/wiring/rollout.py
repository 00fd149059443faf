"""Wire the stages of a rollout."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from slipway.errors import BadParameter, SpecError
from slipway.records.kept_specs import keep_specs
from slipway.wiring.stage import stage
from slipway.wiring.stage_call import StageCall
from slipway.wiring.stage_inputs import ASKED_AT, ENDED, MODEL, ROLLOUT, STEP, TO

if TYPE_CHECKING:
    from slipway.records.run_records import RunRecord


@stage("reconcile", required=(MODEL,), optional=(TO, ASKED_AT, ENDED), cluster_rights=True)
def run_reconcile(call: StageCall) -> RunRecord:
    """Compare the served version with the desired one, and plan the rollout."""
    from slipway.stages.rollout.lease import holder_of
    from slipway.stages.rollout.reconcile import reconcile

    _keep_specs(call)
    return reconcile(
        call.container.model(call.inputs["model"]),
        to=str(call.inputs.get("to") or "challenger"),
        asked_at=_moment(call.inputs.get("asked_at")),
        holder=holder_of(call.origin),
        ended=call.inputs.get("ended"),
        registry=call.container.registry,
        platform=call.platform,
        context=call.context,
    )


@stage(
    "verify",
    required=(MODEL, ROLLOUT),
    recorded=True,
    cluster_rights=True,
    personal_keys=True,
)
def run_verify(call: StageCall) -> RunRecord:
    """Boot the candidate and check its answers and latency."""
    from slipway.stages.rollout.verify import verify

    return verify(
        *call.model_and_dataset(),
        rollout=call.inputs["rollout"],
        registry=call.container.registry,
        platform=call.platform,
        tables=call.container.tables,
        load=call.container.load_package,
        context=call.context,
    )


@stage(
    "shift",
    required=(MODEL, ROLLOUT, STEP),
    recorded=True,
    cluster_rights=True,
    wait_minutes=lambda model: model.deployment.shift.limit_minutes,
)
def run_shift(call: StageCall) -> RunRecord:
    """Shift a share of the traffic and analyse the canary."""
    from slipway.stages.rollout.shift import shift

    return shift(
        call.container.model(call.inputs["model"]),
        rollout=call.inputs["rollout"],
        step=int(call.inputs["step"]),
        registry=call.container.registry,
        platform=call.platform,
        context=call.context,
    )


@stage("switch", required=(MODEL, ROLLOUT), recorded=True, cluster_rights=True)
def run_switch(call: StageCall) -> RunRecord:
    """Move all traffic to the candidate and read back what is served."""
    from slipway.stages.rollout.switch import switch

    return switch(
        call.container.model(call.inputs["model"]),
        rollout=call.inputs["rollout"],
        registry=call.container.registry,
        platform=call.platform,
        context=call.context,
    )


@stage("promote_champion", required=(MODEL, ROLLOUT), recorded=True, cluster_rights=True)
def run_promote_champion(call: StageCall) -> RunRecord:
    """Move the aliases `champion` and `previous`."""
    from slipway.stages.rollout.promote_champion import promote_champion

    return promote_champion(
        call.container.model(call.inputs["model"]),
        rollout=call.inputs["rollout"],
        registry=call.container.registry,
        platform=call.platform,
        context=call.context,
    )


def _keep_specs(call: StageCall) -> None:
    """Keep the specs of this rollout for a time when the present ones are invalid."""
    try:
        model, dataset = call.model_and_dataset()
    except (BadParameter, SpecError):
        # The stages that need a dataset say what is wrong with it.
        return
    keep_specs(call.container.store, model, dataset)


def _moment(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadParameter(
            "`asked_at` is not a time", expected="ISO 8601, such as 2013-05-06T12:00:00+00:00"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
