"""What has to have been said in a rollout before its next stage may act."""

from __future__ import annotations

from slipway.errors import BadParameter, RolloutRefused
from slipway.records.run_records import RunRef, need_record
from slipway.records.store import Store
from slipway.spec import ModelSpec
from slipway.stages.rollout.canary_analysis import SHIFTED
from slipway.stages.rollout.lease import RolloutPlan


def step_stage(step: int) -> str:
    """Stage name of one step's record and task."""
    return f"shift_{step}"


def required_steps(spec: ModelSpec, plan: RolloutPlan) -> list[int]:
    """The steps that a rollout has to go through, in percent, rising."""
    return spec.deployment.steps if plan.has_steps else []


def require_verified(
    spec: ModelSpec, plan: RolloutPlan, ref: RunRef, *, store: Store, before: int = 100
) -> None:
    """Nothing when the candidate was verified and has shifted at every step before a share.

    Raises:
        BadParameter: The share is no step of the spec.
        NotFound: A stage before it has not finished.
        RolloutRefused: One has said something else.
    """
    declared = spec.deployment.steps
    if declared and before not in {*declared, 100}:
        raise BadParameter(
            f"{spec.model} has no step of {before} %",
            expected=f"one of {', '.join(map(str, declared))}",
            where="deployment.shift.steps in model.yaml",
        )
    require_verdict(store, ref.beside("verify"), "verified")
    for step in required_steps(spec, plan):
        if step < before:
            require_verdict(store, ref.beside(step_stage(step)), SHIFTED)


def require_verdict(store: Store, ref: RunRef, action: str) -> None:
    """Nothing when a stage of the rollout has said what has to be said before the next one.

    Raises:
        NotFound: It has not finished.
        RolloutRefused: It has said something else.
    """
    verdict = need_record(store, ref).verdict
    if verdict.action != action:
        raise RolloutRefused(
            f"{ref.run} of {ref.subject} may not go on",
            expected=f"{ref.stage} to say {action}",
            found=f"{verdict.action}: {verdict.reason}",
            where=ref.key,
        )
