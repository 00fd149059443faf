"""Write the lead of a drift page: the verdict, the limits, and the distance of each column."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from slipway.records.verdicts import Verdict
from slipway.stages.monitor.drift.distances import Comparison
from slipway.stages.monitor.drift.judge_drift import format_pair
from slipway.stages.monitor.windows.windows import MonitoredWindow
from slipway.stages.report.blocks import Section, Table

if TYPE_CHECKING:
    from slipway.stages.monitor.quality.check import QualityFinding
    from slipway.stages.monitor.reference.columns import Columns


MOST_DRAWN = 12
"""Columns that are drawn; Evidently takes longer to draw 50 than the stage takes to judge them."""


def drift_title(model: str, monitored: MonitoredWindow, verdict: Verdict) -> str:
    """Return the title of a page: whose it is, and the verdict.

    Args:
        model: Name of the model.
        monitored: Its window.
        verdict: On that window.
    """
    return f"{model} version {monitored.version}, {monitored.window.name}: {verdict.action}"


def drift_sections(
    verdict: Verdict,
    comparison: Comparison,
    columns: Columns,
    *,
    quality: Sequence[QualityFinding] = (),
) -> list[Section]:
    """Return the sections of a page.

    Args:
        verdict: On the window.
        comparison: What it rests on.
        columns: Columns that were compared.
        quality: What is wrong with the rows.
    """
    sections = [Section("Verdict", [verdict.reason, _rows(comparison)])]
    found = [*(one.text for one in quality), *map(str, comparison.findings)]
    if found:
        sections.append(Section("Values that are wrong or new", found))
    head = (
        *("column", "kind", "distance", "limit", "times its usual distance"),
        *("times as wide", "limits", "drift"),
    )
    table = Table(head, list(_columns(comparison, columns)))
    told = [_limit(comparison), *_pair(comparison)]
    if len(comparison.distances) > MOST_DRAWN:
        told.append(f"The plots are of the first {MOST_DRAWN} columns.")
    return [*sections, Section("Distance of each column", told, table)]


def furthest_columns(comparison: Comparison) -> list[str]:
    """Return the columns by how far they are from their limits, the furthest first."""
    loudness = comparison.loudness
    return sorted(
        comparison.distances, key=lambda name: (-loudness.get(name, 0), -comparison.distances[name])
    )


def _rows(comparison: Comparison) -> str:
    return (
        f"{comparison.rows:,} predictions against {comparison.reference_rows:,} rows of the "
        "version's reference."
    )


def _limit(comparison: Comparison) -> str:
    calibration = comparison.calibration
    if calibration is None:
        return (
            f"The reference has {comparison.blocks} blocks, too few for a limit: distances are "
            "only observed."
        )
    return (
        f"A window drifts where a column is above its limit, from {calibration.blocks} blocks of "
        f"the reference; without a change {calibration.alarm_rate:.1%} of the windows have such a "
        "column."
    )


def _pair(comparison: Comparison) -> Iterator[str]:
    """A sentence on the pair of columns whose dependence changed most."""
    if comparison.pair is not None and comparison.calibration is not None:
        told = "drifts" if comparison.pair_loudness > 1 else "is ordinary"
        phrase = format_pair(comparison.pair, comparison.calibration)
        yield f"Of the pairs of numeric columns the one that changed most {told}: {phrase}."


def _columns(comparison: Comparison, columns: Columns) -> Iterator[tuple[str, ...]]:
    calibration = comparison.calibration
    limits, loudness = comparison.limits, comparison.loudness
    spread_limits = comparison.spread_limits
    for name in furthest_columns(comparison):
        distance, limit = comparison.distances[name], limits.get(name)
        kind = "prediction" if name in columns.answers else "feature"
        if calibration is None or limit is None:
            yield name, kind, f"{distance:.4f}", "none", "", "", "", "only observed"
            continue
        times = distance / calibration.usual[name].distance
        told = "drifting" if loudness[name] > 1 else "ordinary"
        width = _width(comparison.spreads.get(name), spread_limits.get(name))
        yield name, kind, f"{distance:.4f}", f"{limit:.4f}", f"{times:.2f}", *width, told


def _width(spread: float | None, limit: float | None) -> tuple[str, str]:
    """How many times as wide a column is, and its limits; empty of one that has no width."""
    if spread is None or limit is None:
        return "", ""
    most = math.exp(limit)
    return f"{math.exp(spread):.2f}", f"{1 / most:.2f} to {most:.2f}"
