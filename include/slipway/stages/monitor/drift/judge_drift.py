"""Judge whether a window has drifted, from its comparison with the champion's reference; pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from slipway.records.verdicts import Number, Verdict
from slipway.stages.monitor.drift.blocks import STRETCHES
from slipway.stages.monitor.drift.calibration import Calibration
from slipway.stages.monitor.drift.dependence import PairChange
from slipway.stages.monitor.drift.distances import Comparison

if TYPE_CHECKING:
    from slipway.spec.monitoring import Monitoring

SHOWN_COLUMNS = 5

NEW_SEASON = (
    "Season not yet seen: the reference has fewer than half of the days of this time of the year"
)


def judge_drift(comparison: Comparison, monitoring: Monitoring) -> Verdict:
    """Decide whether a window has drifted; pure.

    A finding is drift at any distance. Without one the column that is furthest above its limit
    decides, if the reference has enough blocks for limits.
    """
    numbers = _numbers(comparison)
    is_new_season = not comparison.is_season_seen
    waits = is_new_season and monitoring.drift.reference == "season"
    found = [one for one in comparison.findings if not waits or one.problem == "nulls"]
    problems = [str(finding) for finding in found[:SHOWN_COLUMNS]]
    calibration = comparison.calibration
    loudness = comparison.loudness
    loud = [name for name, value in loudness.items() if value > 1]
    is_loud = bool(loud)
    if calibration is not None:
        problems += [_format_column(name, comparison, calibration) for name in loud[:SHOWN_COLUMNS]]
        if comparison.pair is not None and comparison.pair_loudness > 1:
            problems.append(format_pair(comparison.pair, calibration))
            is_loud = True
    if problems:
        rule = f" {_format_rule(comparison, calibration)}" if calibration and is_loud else ""
        season = f" {NEW_SEASON}, which may be the cause." if is_new_season else ""
        return Verdict("drifting", f"{'; '.join(problems)}.{rule}{season}", numbers)
    if waits:
        return Verdict("inconclusive", f"{NEW_SEASON}: nothing to compare with.", numbers)
    if calibration is None:
        return Verdict("inconclusive", _why_observed(comparison, monitoring), numbers)
    told = f"{_format_rule(comparison, calibration)}{f' {NEW_SEASON}.' if is_new_season else ''}"
    if not loudness:
        return Verdict("ok", f"No column has a distance. {told}", numbers)
    largest = _format_column(next(iter(loudness)), comparison, calibration)
    return Verdict("ok", f"The loudest column is ordinary: {largest}. {told}", numbers)


def _why_observed(comparison: Comparison, monitoring: Monitoring) -> str:
    days, needed = f"{comparison.span_days:.0f} days", monitoring.drift.min_blocks
    if not comparison.distances.keys() - comparison.observed.keys():
        most = max(comparison.observed.values(), default=0)
        return (
            f"Only observed: the reference's {days} tell of each column what {most} independent "
            f"{'stretch' if most == 1 else 'stretches'} of time would, or fewer, and a limit needs "
            f"{STRETCHES}."
        )
    return (
        f"Only observed: the reference's {days} have {comparison.blocks} blocks of at least "
        f"{monitoring.min_rows} rows, and a limit needs {needed}."
    )


def format_pair(pair: PairChange, calibration: Calibration) -> str:
    """Return a phrase on the pair of columns whose dependence changed most."""
    first, second = pair.columns
    usual, limit = calibration.usual_pair, calibration.pair_limit
    told = ""
    if usual is not None and limit is not None:
        times = pair.distance / usual.distance
        told = f", {times:.1f} times the usual change (limit {limit / usual.distance:.1f})"
    return (
        f"{first} and {second} correlate by {pair.after:.2f}, and by {pair.before:.2f} in the "
        f"reference{told}"
    )


def _format_column(name: str, comparison: Comparison, calibration: Calibration) -> str:
    usual = calibration.usual[name].distance
    times, limit = comparison.distances[name] / usual, comparison.limits[name] / usual
    lenience = comparison.lenience.get(name, 1.0)
    why = f", {lenience:.1f} times as far since it moves the answers less" if lenience > 1 else ""
    kind = "prediction drift: " if name in comparison.answers else ""
    if comparison.spread_loudness.get(name, 0.0) > times / limit:
        wide, most = math.exp(comparison.spreads[name]), math.exp(comparison.spread_limits[name])
        return (
            f"{kind}{name} is spread {wide:.2f} times as wide as the reference (limits "
            f"{1 / most:.2f} and {most:.2f}{why})"
        )
    return (
        f"{kind}{name} is {times:.1f} times its usual distance from the reference "
        f"(limit {limit:.1f}{why})"
    )


def _format_rule(comparison: Comparison, calibration: Calibration) -> str:
    """How the limits were found, and for which columns there is none."""
    promised, resolved = calibration.alarm_rate, calibration.resolved_rate
    told = (
        f"The limits let {promised:.1%} of windows without drift alarm, by {calibration.blocks} "
        f"blocks of {comparison.block_days:.1f} days of the reference"
    )
    if resolved > promised:
        told += f", whose own largest distance would show {resolved:.1%}"
    if comparison.observed:
        names = sorted(comparison.observed)
        more = f" and {len(names) - SHOWN_COLUMNS} more" if len(names) > SHOWN_COLUMNS else ""
        told += (
            f". Only observed, since their days are alike for too long: "
            f"{', '.join(names[:SHOWN_COLUMNS])}{more}"
        )
    return f"{told}."


def _numbers(comparison: Comparison) -> dict[str, Number]:
    calibration = comparison.calibration
    numbers: dict[str, Number] = {
        "rows": comparison.rows,
        "reference_rows": comparison.reference_rows,
        "blocks": comparison.blocks,
        "season_seen": int(comparison.is_season_seen),
    }
    for finding in comparison.findings[:SHOWN_COLUMNS]:
        numbers[f"{finding.problem}.{finding.column}"] = round(finding.share, 4)
        numbers[f"{finding.problem}_limit.{finding.column}"] = round(finding.limit, 4)
    by_distance = sorted(comparison.distances, key=lambda name: -comparison.distances[name])
    loudness: Mapping[str, float] = {}
    if calibration is not None:
        loudness = comparison.loudness
        numbers |= {
            "block_days": round(comparison.block_days, 2),
            "compared_rows": calibration.rows,
            "loudest": round(max(next(iter(loudness.values()), 0.0), comparison.pair_loudness), 3),
            "loudest_limit": 1.0,
            **_signals(comparison),
            "alarm_rate": round(calibration.alarm_rate, 4),
            "resolved_rate": round(calibration.resolved_rate, 4),
        }
    limits = comparison.limits
    for name in list(loudness or by_distance)[:SHOWN_COLUMNS]:
        numbers[f"distance.{name}"] = round(comparison.distances[name], 4)
        if name in limits:
            numbers[f"distance_limit.{name}"] = round(limits[name], 4)
        if comparison.spread_loudness.get(name, 0.0) > 1:
            numbers[f"spread.{name}"] = round(math.exp(comparison.spreads[name]), 4)
            numbers[f"spread_limit.{name}"] = round(math.exp(comparison.spread_limits[name]), 4)
        if comparison.lenience.get(name, 1.0) > 1:
            numbers[f"lenience.{name}"] = round(comparison.lenience[name], 2)
    for name in sorted(comparison.observed)[:SHOWN_COLUMNS]:
        numbers[f"stretches.{name}"] = comparison.observed[name]
    return numbers | _pair_numbers(comparison)


def _pair_numbers(comparison: Comparison) -> dict[str, Number]:
    """The pair of columns whose dependence changed most, where that is drift."""
    pair = comparison.pair
    if pair is None or comparison.pair_loudness <= 1:
        return {}
    return {
        "pair": " and ".join(pair.columns),
        "pair_correlation": round(pair.after, 4),
        "pair_correlation_before": round(pair.before, 4),
        "pair_loudness": round(comparison.pair_loudness, 3),
    }


def _signals(comparison: Comparison) -> dict[str, Number]:
    """The loudest feature and the loudest answer, each as a signal of its own."""
    found: dict[str, float] = {}
    for name, value in comparison.loudness.items():
        signal = "prediction_drift" if name in comparison.answers else "feature_drift"
        found[signal] = max(found.get(signal, 0.0), round(value, 3))
    if comparison.pair is not None:
        is_answer = any(name in comparison.answers for name in comparison.pair.columns)
        signal = "prediction_drift" if is_answer else "feature_drift"
        found[signal] = max(found.get(signal, 0.0), round(comparison.pair_loudness, 3))
    return dict(found)
