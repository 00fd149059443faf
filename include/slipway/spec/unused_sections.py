"""Sections of a model's spec that have no effect for its deployment target."""

from __future__ import annotations

from collections.abc import Iterator

from slipway.spec.model import ModelSpec
from slipway.spec.problem_at import problem_at
from slipway.spec.problems import Problem
from slipway.spec.yaml_reader import Document


def unused_sections(spec: ModelSpec, document: Document) -> Iterator[Problem]:
    """Yield a problem for each section that the target does not use."""
    deployment = spec.deployment
    target = deployment.capabilities
    has_effect = {"shift": target.shifts_traffic, "batch": target.scores_in_batches}
    for section, is_used in has_effect.items():
        if section in deployment.model_fields_set and not is_used:
            summary = f"has no effect: the target is {deployment.target}"
            hint = "remove it, or change deployment.target"
            yield problem_at(document, ("deployment", section), summary, hint=hint)
    if spec.monitoring.operations is not None and not target.has_server:
        summary = f"has no effect: the target is {deployment.target}, which has no servers"
        hint = "remove it, or change deployment.target"
        yield problem_at(document, ("monitoring", "operations"), summary, hint=hint)
