"""Decide from what a candidate answered in the real server whether it may serve; pure."""

from __future__ import annotations

from slipway.records.verdicts import Verdict
from slipway.spec.deployment import Verify
from slipway.stages.model.agreement import ChampionComparison
from slipway.stages.rollout.replay import ReplayResult
from slipway.stages.rollout.version_outcome import REFUSED, VERIFIED


def judge_candidate(
    measured: ReplayResult,
    comparison: ChampionComparison | None,
    bars: Verify,
    *,
    version: int,
    is_urgent: bool,
) -> Verdict:
    """Decide whether a candidate may serve; pure.

    Args:
        measured: Its measurements.
        comparison: Its answers beside the champion's scores; None without a champion, and in a
            roll-back, which turns away from the champion.
        bars: Limits of the spec.
        version: Its number.
        is_urgent: Whether latency is recorded without a limit: a busy machine does not stop a
            return to a known version.
    """
    numbers = measured.numbers() | {"version": version}
    difference, wrong = measured.max_difference, _wrong_answers(measured, bars)
    if comparison is not None:
        numbers |= comparison.numbers(bars)
        wrong += comparison.objections(bars)
    if measured.accepted:
        wrong.append(f"it accepted bad inputs: {', '.join(measured.accepted)}")
    if measured.p99_ms > bars.max_p99_ms and not is_urgent:
        wrong.append(f"its p99 is {measured.p99_ms:.0f} ms ({bars.max_p99_ms:.0f} are allowed)")
    if wrong:
        return Verdict(REFUSED, f"Version {version} may not serve: {'; '.join(wrong)}.", numbers)
    beside = ""
    if comparison is not None and comparison.recent is not None and comparison.holdout is not None:
        beside = (
            f" It differs from version {comparison.champion} by "
            f"{comparison.recent.disagreement:.2g} on average, and by "
            f"{comparison.holdout.disagreement:.2g} on its holdout."
        )
    reason = (
        f"Version {version} answered {measured.rows} real rows as it predicts offline "
        f"(difference {difference or 0:.1g}, p99 {measured.p99_ms:.0f} ms), "
        f"and refused every bad input.{beside}"
    )
    return Verdict(VERIFIED, reason, numbers)


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
