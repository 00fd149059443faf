"""Metrics of resampled blocks of rows, and the gain of a challenger with its uncertainty."""

from slipway.adapters.metrics.by_block.gain import measure_gains
from slipway.adapters.metrics.by_block.promise import measure_promise, measure_surplus
from slipway.adapters.metrics.by_block.slice_gains import measure_slice_gains

__all__ = ["BlockGains"]


class BlockGains:
    """Gains by resampled blocks of rows."""

    of_metrics = staticmethod(measure_gains)
    of_slices = staticmethod(measure_slice_gains)
    promise = staticmethod(measure_promise)
    surplus = staticmethod(measure_surplus)
