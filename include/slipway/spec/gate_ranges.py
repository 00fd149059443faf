"""Find bars of gates that no challenger can reach, or that every one does."""

from __future__ import annotations

from collections.abc import Iterator

from slipway.spec.gates import Gates, Threshold
from slipway.spec.metrics import METRICS, Metric


def range_warnings(gates: Gates) -> Iterator[str]:
    """Yield the bars that decide nothing, by the values that their metric can have."""
    for name, bar in gates.metrics.items():
        metric, where = METRICS[name], f"gates.metrics.{name}"
        is_compared = gates.compare(name) is not None
        yield from _threshold(where, bar, metric, is_compared=is_compared)
        width = metric.highest - metric.lowest
        change, margin = bar.min_absolute_change, bar.margin
        if change is not None and change >= width:
            yield f"{where}.min_absolute_change: no challenger can be better by so much"
        if margin is not None and margin >= width:
            yield f"{where}.margin: no challenger can be worse by more, so none is refused"
    anchor = gates.anchor
    if anchor is not None:
        metric = METRICS[gates.anchor_metric]
        if anchor.max_loss >= metric.highest - metric.lowest:
            yield "gates.anchor.max_loss: no challenger can be worse by more, so none is refused"


def _threshold(where: str, bar: Threshold, metric: Metric, *, is_compared: bool) -> Iterator[str]:
    best, worst = metric.highest, metric.lowest
    if not metric.greater_is_better:
        best, worst = worst, best
    if bar.threshold is None:
        return
    sign = 1 if metric.greater_is_better else -1
    limit = f"{metric.name} is never {'above' if sign > 0 else 'below'} {best:g}"
    if sign * bar.threshold > sign * best:
        yield f"{where}.threshold: no model can reach it: {limit}"
    elif sign * bar.threshold <= sign * worst and not is_compared:
        yield f"{where}.threshold: every model reaches it, so the gate refuses none"
