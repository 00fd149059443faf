"""Choose metrics and thresholds between what a constant model and a quick one reach."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from slipway.spec.labels import Label
from slipway.spec.metrics import METRICS, Task
from slipway.values.figures import in_few_digits

RARE = 0.1
"""Share of the rows below which a class is rare."""

_UNEVEN = 3.0
_HALFWAY = 0.5
_ERRORS = 2.0
_SLACK = 0.1


@dataclass(frozen=True)
class Bar:
    """A gate.

    Attributes:
        metric: Its metric.
        threshold: Absolute bar.
        reached: What a quick model reached on rows that were held out; None: not measured.
        constant: What a constant reaches.
        drop: Allowed drop of realised performance.
        has_signal: Whether the quick model was plainly better than the constant.
    """

    metric: str
    threshold: float
    reached: float | None
    constant: float
    drop: float
    has_signal: bool = True


def metrics_for(
    task: Task, shares: Mapping[Label, float], *, positive: Label | None
) -> tuple[str, ...]:
    """Return the metrics of a task's gates, the one that monitoring watches first.

    Args:
        task: Kind of prediction.
        shares: Share of the rows of each class; empty for a number.
        positive: Class 1 of two; None: the greater one.
    """
    if task == "regression":
        return ("mean_absolute_error",)
    if task == "multiclass":
        uneven = max(shares.values()) > _UNEVEN * min(shares.values())
        return ("balanced_accuracy",) if uneven else ("accuracy",)
    one = max(shares, key=float) if positive is None else positive
    return ("roc_auc", "average_precision") if shares[one] < RARE else ("roc_auc",)


def choose_bar(
    metric: str, *, reached: float | None, constant: float, rows: int, spread: float
) -> Bar:
    """Return a bar that a good model passes and a constant does not.

    It lies halfway between the constant and what the quick model surely reaches: less by two
    standard errors of a holdout of this size. The bar is better than the constant by one of them or
    by half of a smaller gain, and by a tenth of two where the quick model gained nothing: on other
    rows a constant reaches more.

    Args:
        metric: Its name.
        reached: What a quick model reached; None: not measured.
        constant: What a constant reaches.
        rows: Rows of the holdout.
        spread: Standard deviation of the target; of a class 1.
    """
    sign = 1.0 if METRICS[metric].greater_is_better else -1.0
    unit = spread if metric == "mean_absolute_error" else 1.0
    error = _ERRORS * _HALFWAY * unit / math.sqrt(max(1, rows))
    gain = 0.0 if reached is None else sign * (reached - constant)
    sure = max(gain - error, 0.2 * gain, 0.0)
    # Half of a small gain, so that the quick model itself passes.
    least = min(error / _ERRORS, _HALFWAY * gain) if gain > 0 else _SLACK * error
    # Nothing is better than 1, and no error is below 0.
    least = min(least, _HALFWAY * (1 - constant if sign > 0 else constant))
    bar = constant + sign * max(_HALFWAY * sure, least)
    drop = max(error, 0.1 * abs(gain))
    return Bar(
        metric,
        _rounded(bar, sign=sign, least=constant + sign * _HALFWAY * least),
        reached,
        constant,
        _digits(drop),
        has_signal=gain > error / _ERRORS,
    )


def _rounded(value: float, *, sign: float, least: float) -> float:
    """Return a number with few digits that is no stricter, and stricter than the least one."""
    for digits in range(3, 10):
        unit = 10.0 ** (math.floor(math.log10(abs(value))) + 1 - digits) if value else 1.0
        found = float(f"{sign * math.floor(sign * value / unit) * unit:.{digits}g}")
        if sign * found > sign * least:
            return found
    return value


def _digits(value: float) -> float:
    return float(f"{value:.3g}")


def describe_signal(bar: Bar) -> str:
    """Return what a constant and a quick model reach, and whether that is a signal."""
    constant = f"a constant reaches {in_few_digits(bar.constant)}"
    if bar.reached is None:
        return f"{constant}, and no quick model could be fitted"
    quick = f"a quick model {in_few_digits(bar.reached)}"
    if bar.has_signal:
        return f"{constant}, {quick}"
    sign = 1.0 if METRICS[bar.metric].greater_is_better else -1.0
    is_better = sign * (bar.reached - bar.constant) > 0
    how = "hardly better" if is_better else "no better"
    return f"{constant} and {quick}, which is {how}: no signal was found"


def constant_metrics(
    task: Task, shares: Mapping[Label, float], *, positive: Label | None
) -> dict[str, float]:
    """Return what a constant reaches in each metric of classes; see `metrics_for`."""
    if task == "multiclass":
        return {"accuracy": max(shares.values()), "balanced_accuracy": 1 / len(shares)}
    one = max(shares, key=float) if positive is None else positive
    return {"roc_auc": 0.5, "average_precision": shares[one]}
