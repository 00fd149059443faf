"""Fairness between groups: fairlearn's metrics, and their error over blocks of rows."""

from slipway.adapters.metrics.fairness.disparities import measure_fairness

__all__ = ["measure_fairness"]
