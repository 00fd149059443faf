"""Requests that the steps of a rollout take by the specs, in words; pure."""

from __future__ import annotations

from collections.abc import Mapping

from slipway.spec import ModelSpec
from slipway.spec.deployment import Shift
from slipway.stages.rollout.canary_power import StepChances, step_chances

HEALTHY, BAD = 0.25, 1.5
"""Error rates that are told, as multiples of `max_error_rate`: 0.5 % and 3 % by default."""


def describe_steps(models: Mapping[str, ModelSpec]) -> list[str]:
    """Describe the steps of the models that have any; models with the same ones share a line."""
    found: dict[str, tuple[Shift, list[str]]] = {}
    for name, model in sorted(models.items()):
        if model.deployment.steps:
            shift = model.deployment.shift
            found.setdefault(shift.model_dump_json(), (shift, []))[1].append(name)
    return [f"{', '.join(names)}: {_steps(shift)}" for shift, names in found.values()]


def _steps(shift: Shift) -> str:
    healthy, bad = (step_chances(shift, shift.max_error_rate * part) for part in (HEALTHY, BAD))
    steps = ", ".join(f"{step} %" for step in shift.steps)
    return (
        f"at each step ({steps}) a version with {_percent(shift, HEALTHY)} errors passes after "
        f"about {_about(healthy)} requests to it; one with {_percent(shift, BAD)} is aborted "
        f"after about {_about(bad)}, in {bad.aborted:.0%} of cases within {bad.horizon:,} "
        f"({_percent(shift, 1)} are allowed)"
    )


def _about(chances: StepChances) -> str:
    return f"{round(chances.requests, -1):,.0f}"


def _percent(shift: Shift, part: float) -> str:
    return f"{100 * shift.max_error_rate * part:.3g} %"
