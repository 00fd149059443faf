"""Metrics of predictions, computed with scikit-learn, and gains of one model over another."""

from slipway.adapters.metrics.by_block import BlockGains
from slipway.adapters.metrics.measuring import measure

__all__ = ["BlockGains", "measure"]
