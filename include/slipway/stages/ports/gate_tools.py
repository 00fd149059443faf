"""Gate tools port: the adapters that measure what gates judge."""

from __future__ import annotations

from dataclasses import dataclass

from slipway.stages.ports.explanations import Explain
from slipway.stages.ports.fairness import MeasureFairness
from slipway.stages.ports.metrics import Gains, Measure


@dataclass(frozen=True)
class GateTools:
    """Adapters of the gates.

    Attributes:
        measure: Computes metrics.
        gains: Computes gains over the champion, with their error.
        fairness: Measures how unequally models treat groups of rows.
        explain: Explains a model's answers.
    """

    measure: Measure
    gains: Gains
    fairness: MeasureFairness
    explain: Explain
