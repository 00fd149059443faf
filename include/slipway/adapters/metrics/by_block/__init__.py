"""Metrics of resampled blocks of rows, and the gain of a challenger with its uncertainty."""

from slipway.adapters.metrics.by_block.gain import measure_gains

__all__ = ["measure_gains"]
