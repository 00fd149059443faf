"""Warn of rules of retraining that stand in each other's way: none fires, or none rests."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from slipway.spec.model import ModelSpec

_WINDOW_DAYS = {"hour": 1 / 24, "day": 1.0, "week": 7.0, "month": 30.4375}
_FIRST_DAY = datetime(2013, 1, 1, tzinfo=UTC)
_MOST_TICKS = 400
_YEAR = 366


def retraining_warnings(spec: ModelSpec) -> Iterator[str]:
    """Yield the rules of a model that hinder each other, each with its field."""
    yield from _restless(spec)
    if spec.retraining.cron is not None:
        yield from _against_cron(spec, spec.retraining.cron)


def _restless(spec: ModelSpec) -> Iterator[str]:
    """Yield that nothing ends a row of trainings which bring nothing."""
    policy, window = spec.retraining, spec.monitoring.window
    is_bounded = policy.breaker is not None or policy.budget is not None
    is_of_windows = policy.on_drift or policy.on_decay
    if policy.mode != "auto" or is_bounded or not is_of_windows:
        return
    horizon = spec.monitoring.label_horizon_days
    if policy.cooldown_days < _WINDOW_DAYS[window]:
        yield (
            f"retraining.cooldown_days: never rests: {policy.cooldown_days} days are shorter than "
            f"a window ({window}), so that each window of a drift that lasts trains again, "
            "refused or not; set a `breaker` or a `budget`"
        )
    elif policy.cooldown_days < horizon:
        yield (
            f"retraining.cooldown_days: never rests: the labels of a window mature after {horizon} "
            f"days (monitoring.label_horizon_days), and after {policy.cooldown_days} the next "
            "training may begin, before it is known what the last one brought; set a longer "
            "cool-down, a `breaker` or a `budget`"
        )


def _against_cron(spec: ModelSpec, cron: str) -> Iterator[str]:
    """Yield what holds up ticks of the event clock, or what they leave no time for."""
    policy, monitoring = spec.retraining, spec.monitoring
    if policy.budget is not None:
        ticks = len(_ticks(cron, days=policy.budget.days))
        if ticks > policy.budget.trainings:
            least = "at least " if ticks == _MOST_TICKS else ""
            yield (
                f"retraining.budget: {policy.budget.trainings} trainings in {policy.budget.days} "
                f"days are fewer than the {least}{ticks} ticks of `retraining.cron` in them: some "
                "come late or never, and nothing is left for the monitor"
            )
    gaps = [(after - before) / timedelta(days=1) for before, after in pairwise(_ticks(cron))]
    if not gaps:
        return
    between = min(gaps)
    if policy.cooldown_days > between:
        yield (
            f"retraining.cooldown_days: {policy.cooldown_days} days are longer than the "
            f"{between:g} between ticks of `retraining.cron`: some come late"
        )
    needed = monitoring.fire.k * _WINDOW_DAYS[monitoring.window]
    if needed > max(gaps) and policy.mode in {"auto", "approve"}:
        yield (
            f"monitoring.fire: can hardly ever fire: {monitoring.fire.k} windows "
            f"({monitoring.window}) of one champion take longer than the {max(gaps):g} days after "
            "which `retraining.cron` brings the next one"
        )


def _ticks(cron: str, *, days: int = _YEAR) -> list[datetime]:
    """Ticks in a span of event time, the first ones of many."""
    # Imported only for models that have such ticks.
    from croniter import croniter

    end = _FIRST_DAY + timedelta(days=days)
    clock = croniter(cron, _FIRST_DAY)
    ticks: list[datetime] = []
    while len(ticks) < _MOST_TICKS:
        tick: datetime = clock.get_next(datetime)
        if tick > end:
            break
        ticks.append(tick)
    return ticks
