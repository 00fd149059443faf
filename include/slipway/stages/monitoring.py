"""Monitoring, in the order of its DAG: collect, measure drift and performance, decide."""

from __future__ import annotations

from slipway.stages.drift import measure_drift
from slipway.stages.firing import decide
from slipway.stages.performance import measure_performance
from slipway.stages.watching import collect

__all__ = ["collect", "decide", "measure_drift", "measure_performance"]
