"""Metrics of predictions, computed with scikit-learn."""

from slipway.adapters.metrics.measuring import measure

__all__ = ["measure"]
