"""Warn of limits that no version can break, and of what has nothing to be held against."""

from __future__ import annotations

from collections.abc import Iterator

from slipway.spec.behaviour_problems import behaviour_warnings
from slipway.spec.model import ModelSpec


def idle_limit_warnings(spec: ModelSpec) -> Iterator[str]:
    """Yield the limits that never refuse, each with its field."""
    if spec.gates.sanity.duplicates == 1:
        yield (
            "gates.sanity.duplicates: never refuses, since no share exceeds 1; write `false` to "
            "leave it out"
        )
    yield from behaviour_warnings(spec)
    if spec.monitoring.importance is not None and spec.gates.explanations is None:
        yield (
            "monitoring.importance: measures nothing: a window is held against what the evaluation "
            "found, and only `gates.explanations` has it measure that"
        )
    limits, cluster = spec.gates.operational, spec.deployment.kubernetes
    if limits is None or limits.max_cold_start_s is None or cluster is None:
        return
    if limits.max_cold_start_s >= cluster.ready_seconds:
        yield (
            f"gates.operational.max_cold_start_s: never refuses: a server that is not ready within "
            f"`deployment.kubernetes.ready_seconds` ({cluster.ready_seconds}) is refused anyway"
        )
