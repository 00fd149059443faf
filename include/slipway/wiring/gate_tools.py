"""Assemble the adapters that measure what gates judge."""

from __future__ import annotations

from slipway.stages.ports.gate_tools import GateTools


def gate_tools() -> GateTools:
    """Return the adapters of the gates."""
    from slipway.adapters.metrics import BlockGains, measure
    from slipway.adapters.metrics.fairness import measure_fairness
    from slipway.adapters.model_package.explanations import explain

    return GateTools(
        measure=measure, gains=BlockGains(), fairness=measure_fairness, explain=explain
    )
