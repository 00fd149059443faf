"""Preconditions of a rollout's stages: the verdicts that earlier stages must have recorded."""

from __future__ import annotations

from slipway.errors import BadParameter, RolloutRefused
from slipway.records.run_records import RunRef, need_record
from slipway.records.store import Store
from slipway.spec import ModelSpec
from slipway.stages.rollout.canary_analysis import SHIFTED
from slipway.stages.rollout.plan import RolloutPlan

STEP_PREFIX = "shift_"


def step_stage(step: int) -> str:
    """Stage name of one step, in its record and its task."""
    return f"{STEP_PREFIX}{step}"


def required_steps(spec: ModelSpec, plan: RolloutPlan) -> list[int]:
    """Steps that a rollout has to complete, in percent, rising."""
    return spec.deployment.steps if plan.has_steps else []


def require_verified(
    spec: ModelSpec, plan: RolloutPlan, ref: RunRef, *, store: Store, before: int = 100
) -> None:
    """Raise unless the candidate was verified and shifted at every step below a share.

    Raises:
        BadParameter: The share is no step of the spec.
        NotFound: An earlier stage has not finished.
        RolloutRefused: An earlier stage recorded another verdict.
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
    """Raise unless a stage of the rollout recorded the verdict that the next one requires.

    Raises:
        NotFound: It has not finished.
        RolloutRefused: It recorded another verdict.
    """
    verdict = need_record(store, ref).verdict
    if verdict.action != action:
        raise RolloutRefused(
            f"{ref.run} of {ref.subject} cannot continue",
            expected=f"verdict {action!r} of {ref.stage}",
            found=f"{verdict.action}: {verdict.reason}",
            where=ref.key,
        )
