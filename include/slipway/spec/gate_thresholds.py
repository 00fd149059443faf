"""Check gates: each sets a threshold or a change, and none contradicts its metric's direction."""

from __future__ import annotations

from collections.abc import Iterator

from slipway.spec.metrics import METRICS
from slipway.spec.model import ModelSpec
from slipway.spec.problem_at import problem_at
from slipway.spec.problems import Problem
from slipway.spec.yaml_reader import Document, Where


def gate_problems(spec: ModelSpec, document: Document) -> Iterator[Problem]:
    """Yield the problems of a model's gates."""
    for metric, gate in spec.gates.metrics.items():
        where: Where = ("gates", "metrics", metric)
        better = METRICS[metric].greater_is_better
        if gate.greater_is_better not in {None, better}:
            summary = f"{metric} is better when it is {'greater' if better else 'smaller'}"
            hint = "remove greater_is_better; the direction follows from the metric"
            yield problem_at(document, (*where, "greater_is_better"), summary, hint=hint)
        if gate.threshold is gate.min_absolute_change is gate.min_relative_change is None:
            hint = "set threshold, min_absolute_change or min_relative_change"
            yield problem_at(document, where, "sets no bar, so every challenger passes", hint=hint)
