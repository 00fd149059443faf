"""Requests that the steps of a rollout take, as the check of the specs tells them."""

from __future__ import annotations

from typing import Any

from slipway.spec import ModelSpec
from slipway.stages.report.rollout_steps import describe_steps
from tests.support.rollout_env import SPEC


def model(**deployment: Any) -> ModelSpec:
    """The model with another deployment."""
    given = SPEC.model_dump(exclude={"deployment"}) | {"deployment": deployment}
    return ModelSpec.model_validate(given, strict=False)


def test_models_with_the_same_steps_share_a_line() -> None:
    """The figures are those of the spec's limit: a quarter of it, and half as much again."""
    strict = model(shift={"steps": [20], "max_error_rate": 0.01})
    first, second = describe_steps({"one": model(), "other": model(), "strict": strict})
    assert first.startswith("one, other: at each step (10 %, 50 %) a version with 0.5 % errors")
    assert second.startswith("strict: at each step (20 %) a version with 0.25 % errors passes")
    assert second.endswith("(1 % are allowed)")


def test_a_model_without_steps_has_no_line() -> None:
    """Neither one that takes all traffic at once, nor one that scores in batches."""
    assert describe_steps({"all": model(shift={"steps": []}), "batch": model(target="batch")}) == []
