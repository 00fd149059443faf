"""Decide from what a candidate answered in the real server whether it may serve; pure."""

from __future__ import annotations

from slipway.records.verdicts import Verdict
from slipway.spec.deployment import Verify
from slipway.spec.operational import Operational
from slipway.stages.model.agreement import ChampionComparison
from slipway.stages.model.score_shape import ScoreShape
from slipway.stages.rollout.operational_limits import over_limits
from slipway.stages.rollout.replay import ReplayResult
from slipway.stages.rollout.version_outcome import REFUSED, VERIFIED


def judge_candidate(
    measured: ReplayResult,
    comparison: ChampionComparison | None,
    bars: Verify,
    *,
    limits: Operational | None = None,
    shape: ScoreShape | None = None,
    version: int,
    is_urgent: bool,
) -> Verdict:
    """Decide whether a candidate may serve; pure.

    Args:
        measured: Its measurements.
        comparison: Its answers beside the champion's scores; None without a champion, and in a
            roll-back, which turns away from the champion.
        bars: Limits of the spec.
        limits: Its operational gates.
        shape: Order, scale and level of its answers beside the champion's; None: not comparable.
        version: Its number.
        is_urgent: Whether latency and the like are recorded without a limit: a busy machine does
            not stop a return to a known version.
    """
    numbers = measured.numbers() | {"version": version}
    difference, wrong = measured.max_difference, _wrong_answers(measured, bars)
    if comparison is not None:
        numbers |= comparison.numbers(bars)
        wrong += comparison.objections(bars)
    if shape is not None:
        numbers |= shape.numbers()
    refused, named = _unlike(shape, comparison, bars)
    wrong += refused
    if measured.accepted:
        wrong.append(f"it accepted bad inputs: {', '.join(measured.accepted)}")
    if not is_urgent:
        wrong += over_limits(measured, bars, limits)
    if wrong:
        why = "; ".join([*wrong, *named])
        return Verdict(REFUSED, f"Version {version} may not serve: {why}.", numbers)
    reason = (
        f"Version {version} answered {measured.rows} real rows as it predicts offline "
        f"(difference {difference or 0:.1g}, p99 {measured.p99_ms:.0f} ms"
        f"{_within(measured, limits)}), "
        f"and refused every bad input.{_beside(comparison)}{_also(named)}"
    )
    return Verdict(VERIFIED, reason, numbers)


def _unlike(
    shape: ScoreShape | None, comparison: ChampionComparison | None, bars: Verify
) -> tuple[list[str], list[str]]:
    """What refuses a candidate whose scores are unlike the champion's, and what is only named."""
    if shape is None:
        return [], []
    order, named = list(shape.order()), list(shape.named())
    if comparison is not None and comparison.is_opposite:
        return [], named
    if not shape.is_refused(bars):
        return [], [*order, *named]
    allowed = f"{bars.min_rank_correlation:g} is allowed"
    return [f"{one} ({allowed})" for one in order], named


def _beside(comparison: ChampionComparison | None) -> str:
    """How far a candidate differs from the champion, where both figures are known."""
    if comparison is None or comparison.recent is None or comparison.holdout is None:
        return ""
    return (
        f" It differs from version {comparison.champion} by "
        f"{comparison.recent.disagreement:.2g} on average, and by "
        f"{comparison.holdout.disagreement:.2g} on its holdout."
    )


def _also(named: list[str]) -> str:
    return f" To be known: {'; '.join(named)}." if named else ""


def _within(measured: ReplayResult, limits: Operational | None) -> str:
    """What was measured beside the latency, where a spec limits it."""
    if limits is None:
        return ""
    return (
        f", {measured.rows_per_second:,.0f} rows per second, {measured.resident_mib:.0f} MiB of "
        f"memory, {measured.size_mib:.1f} MiB of files, ready after {measured.cold_start_s:.1f} s"
    )


def _wrong_answers(measured: ReplayResult, bars: Verify) -> list[str]:
    wrong = []
    difference, allowed = measured.max_difference, bars.max_difference
    if difference is None:
        wrong.append("its answers cannot be compared with its offline predictions")
    elif difference > allowed:
        wrong.append(
            f"its answers differ from its offline predictions by up to {difference:.3g} "
            f"({allowed:.3g} is allowed)"
        )
    if measured.wrong_labels:
        wrong.append(f"{measured.wrong_labels:,} of its labels are not of the largest score")
    return wrong
