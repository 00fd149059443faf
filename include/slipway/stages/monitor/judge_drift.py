"""Judge whether a window has drifted, from its comparison with the champion's reference; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from slipway.records.verdicts import Number, Verdict
from slipway.stages.monitor.distances import Comparison

if TYPE_CHECKING:
    from slipway.spec.monitoring import Monitoring

SHOWN_COLUMNS = 5


def judge_drift(comparison: Comparison, monitoring: Monitoring) -> Verdict:
    """Decide whether a window has drifted; pure.

    A finding is drift at any distance. Without one the largest drift ratio decides, if
    the reference has enough blocks for a threshold.
    """
    numbers = _numbers(comparison)
    problems = [str(finding) for finding in comparison.findings[:SHOWN_COLUMNS]]
    calibration = comparison.calibration
    ratios = calibration.drift_ratios(comparison.distances) if calibration else {}
    limit = calibration.ratio_limit if calibration else float("inf")
    problems += [
        _format_ratio(name, ratios) for name in list(ratios)[:SHOWN_COLUMNS] if ratios[name] > limit
    ]
    blocks = f"{limit:.1f} times is the limit over {comparison.blocks} blocks"
    if problems:
        rule = f"; {blocks}" if any(value > limit for value in ratios.values()) else ""
        return Verdict("drifting", f"{'; '.join(problems)}{rule}.", numbers)
    if calibration is None:
        needed = monitoring.drift.min_blocks
        reason = (
            f"Only observed: the reference has {comparison.blocks} blocks of at least "
            f"{monitoring.min_rows} rows, and a threshold needs {needed}."
        )
        return Verdict("inconclusive", reason, numbers)
    largest = _format_ratio(next(iter(ratios)), ratios) if ratios else "no column has a distance"
    return Verdict("ok", f"The loudest column is ordinary: {largest}; {blocks}.", numbers)


def _format_ratio(name: str, ratios: Mapping[str, float]) -> str:
    return f"{name} is {ratios[name]:.1f} times its usual distance from the reference"


def _numbers(comparison: Comparison) -> dict[str, Number]:
    numbers: dict[str, Number] = {
        "rows": comparison.rows,
        "reference_rows": comparison.reference_rows,
        "blocks": comparison.blocks,
    }
    for finding in comparison.findings[:SHOWN_COLUMNS]:
        numbers[f"{finding.problem}.{finding.column}"] = round(finding.share, 4)
        numbers[f"{finding.problem}_limit.{finding.column}"] = round(finding.limit, 4)
    calibration = comparison.calibration
    if calibration is None:
        shown = sorted(comparison.distances, key=lambda name: -comparison.distances[name])
    else:
        ratios = calibration.drift_ratios(comparison.distances)
        shown = list(ratios)
        numbers |= {
            "compared_rows": calibration.rows,
            "loudest": round(next(iter(ratios.values()), 0.0), 3),
            "loudest_limit": round(calibration.ratio_limit, 3),
            "alarm_rate": round(calibration.alarm_rate, 4),
        }
    limits = calibration.thresholds() if calibration else {}
    for name in shown[:SHOWN_COLUMNS]:
        numbers[f"distance.{name}"] = round(comparison.distances[name], 4)
        if name in limits:
            numbers[f"distance_limit.{name}"] = round(limits[name], 4)
    return numbers
