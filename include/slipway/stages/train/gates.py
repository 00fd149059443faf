"""Gates: decide from metrics alone whether a trained model becomes challenger; pure.

A metric that cannot be computed refuses: no verdict comes from a default.
Thresholds have the meaning of MLflow's `MetricThreshold`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from slipway.errors import NotComputable
from slipway.records.verdicts import Number, Verdict
from slipway.spec.metrics import METRICS
from slipway.spec.model import Gates, Threshold
from slipway.stages.model.agreement import EVIDENCE
from slipway.stages.model.aliases import CHALLENGER, CHAMPION

CONSTANT = "constant"
LOST, WAIVED = "champion.lost", "champion.waived"
"""Version of a champion that the registry lost, and of one that the request leaves out."""

POSITIVE_ROWS = "rows.positive"
"""Rows whose label is 1, of a classification."""

CLASSES, UNSEEN_ROWS = "rows.classes", "rows.unseen_class"
"""Classes among the labels of a multi-class model, and rows of classes unknown to it."""

# MLflow's fallback where a champion's value of 0 makes a relative change meaningless.
BETTER_THAN_ZERO = 1e-10


def gate(gates: Gates, numbers: Mapping[str, Number]) -> Verdict:
    """Return `promote` when every gate holds, else `refuse` with each comparison that fails.

    Args:
        gates: Thresholds by metric.
        numbers: `rows`, `champion.version` (None: there is no champion), and
            `challenger.<metric>`, `champion.<metric>`, `constant.<metric>`. `champion.lost` is the
            version of a champion that the registry lost, `champion.waived` one that its request
            leaves out. How far challenger and champion differ (`disagreement`) is passed on to
            the verdict, for the rollout.
    """
    failures = [*_uncomputable(gates, numbers)]
    if not failures:
        failures = [
            failure
            for metric, bar in gates.metrics.items()
            for failure in _failures(metric, bar, numbers)
        ]
    compared = _compared(gates, numbers)
    if failures:
        return Verdict("refuse", f"A gate does not hold: {'; '.join(failures)}.", compared)
    return Verdict("promote", f"Every gate holds: {_format_comparison(gates, compared)}.", compared)


def _uncomputable(gates: Gates, numbers: Mapping[str, Number]) -> Iterator[str]:
    """Numbers that are missing; while there is one, nothing is compared."""
    rows = _finite(numbers.get("rows"))
    if rows is None:
        yield "the number of holdout rows is not known"
    elif rows < gates.min_holdout_rows:
        yield f"{rows:,.0f} common holdout rows are fewer than {gates.min_holdout_rows:,}"
    if "champion.version" not in numbers:
        yield "it is not known whether there is a champion"
    lost = numbers.get(LOST)
    if lost is not None:
        yield (
            f"the champion, version {lost}, is lost in the registry, so nothing is compared with "
            "it; restore it, or ask again with `without_champion`"
        )
    against = _baseline(numbers)
    for metric in gates.metrics:
        for who in (CHALLENGER, against):
            if _finite(numbers.get(f"{who}.{metric}")) is None:
                yield f"{metric} of the {who} cannot be computed{_one_class(metric, numbers)}"


def _one_class(metric: str, numbers: Mapping[str, Number]) -> str:
    """Return that one class is the reason, where it is; else nothing."""
    rows, positive = numbers.get("rows"), numbers.get(POSITIVE_ROWS)
    if not METRICS[metric].needs_both_classes or not rows:
        return ""
    if numbers.get(CLASSES) == 1:
        return f": the labels of all {rows:,} rows are of one class"
    if positive not in {0, rows}:
        return ""
    return f": the labels of all {rows:,} rows are {1 if positive else 0}"


def _failures(metric: str, bar: Threshold, numbers: Mapping[str, Number]) -> Iterator[str]:
    """Comparisons of one metric that fail; all its numbers are finite."""
    greater_is_better = METRICS[metric].greater_is_better
    sign = 1.0 if greater_is_better else -1.0
    against = _baseline(numbers)
    challenger = _need(numbers, f"{CHALLENGER}.{metric}")
    baseline = _need(numbers, f"{against}.{metric}")
    gain = sign * (challenger - baseline)
    measured = f"{metric} {challenger:.4f}"
    if bar.threshold is not None and sign * challenger < sign * bar.threshold:
        side = "below" if greater_is_better else "above"
        yield f"{measured} is {side} the threshold {bar.threshold:g}"
    if against == CONSTANT:
        if gain <= 0:
            yield f"{measured} is no better than the constant model's {baseline:.4f}"
        return
    better = f"is not better than the champion's {baseline:.4f} by at least"
    needed = bar.min_absolute_change
    if needed is not None and sign * challenger < sign * baseline + needed:
        yield f"{measured} {better} {needed:g}"
    share = bar.min_relative_change
    if share is not None and _relative_falls_short(gain, baseline, share):
        yield f"{measured} {better} {share:.2%}"


def _relative_falls_short(gain: float, baseline: float, share: float) -> bool:
    if baseline == 0:
        return gain < BETTER_THAN_ZERO
    return gain / abs(baseline) < share


def _baseline(numbers: Mapping[str, Number]) -> str:
    """The champion, or a constant model while there is none."""
    return CHAMPION if numbers.get("champion.version") is not None else CONSTANT


def _finite(value: Number) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def _need(numbers: Mapping[str, Number], name: str) -> float:
    value = _finite(numbers[name])
    if value is None:
        raise NotComputable(f"{name} cannot be computed")
    return value


def _compared(gates: Gates, numbers: Mapping[str, Number]) -> dict[str, Number]:
    """The numbers that the verdict keeps; None in place of one that is not finite."""
    names = [
        "rows",
        POSITIVE_ROWS,
        CLASSES,
        UNSEEN_ROWS,
        "champion.version",
        LOST,
        WAIVED,
        *EVIDENCE,
    ]
    for metric in gates.metrics:
        names += [f"{who}.{metric}" for who in (CHALLENGER, CHAMPION, CONSTANT)]
    return {name: _finite_or_none(numbers[name]) for name in names if name in numbers}


def _finite_or_none(value: Number) -> Number:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _format_comparison(gates: Gates, numbers: Mapping[str, Number]) -> str:
    against = _baseline(numbers)
    compared = [
        f"{metric} {_need(numbers, f'{CHALLENGER}.{metric}'):.4f} "
        f"({against} {_need(numbers, f'{against}.{metric}'):.4f})"
        for metric in gates.metrics
    ]
    shown = f"{', '.join(compared)} on {numbers['rows']:,} rows that neither had seen"
    waived = numbers.get(WAIVED)
    if waived is None:
        return shown
    return f"{shown}; the champion, version {waived}, is lost and was left out as requested"
