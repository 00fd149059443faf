"""Decide whether consecutive windows of one version show a decay together; pure.

A loss that no window shows alone adds up. The evidence is looked at with each window, and its limit
is such that windows without a loss beyond the margin exceed it in a share of years only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from slipway.records.verdicts import Number
from slipway.stages.monitor.performance.cusum import evidence_limit, suffix_sums
from slipway.stages.monitor.performance.loss import Error
from slipway.stages.monitor.performance.loss_stretches import Stretches, WindowLoss
from slipway.stages.monitor.severity import Severity, severity_of
from slipway.stages.monitor.windows.windows import Unit
from slipway.values.figures import in_figures

if TYPE_CHECKING:
    from slipway.spec.monitoring import Monitoring, Performance

STRETCH: Mapping[Unit, int] = {"month": 1, "week": 4}
"""Windows of a stretch of four weeks or a month, which count as one look. Shorter windows are too
many a year, and their neighbours too alike, to be added up."""

STRETCHES_A_YEAR = 12
FEWEST_STRETCHES = 2


@dataclass(frozen=True)
class LossTogether:
    """Loss of the consecutive windows that speak most for a decay.

    Attributes:
        windows: Number of windows up to the newest.
        value: Their loss, weighed by what each can tell.
        lower: Lower bound, which holds at every look of a year.
        upper: Upper bound, likewise.
        allowed: Allowed loss.
        is_beyond: Whether the evidence for a loss beyond it has reached its limit.
        newest_adds: Whether the newest of the windows add to it.
    """

    windows: int
    value: float
    lower: float
    upper: float
    allowed: float
    is_beyond: bool
    newest_adds: bool

    @property
    def is_decay(self) -> bool:
        """Whether the windows are decayed together, the newest among them."""
        return self.is_beyond and self.newest_adds

    @property
    def severity(self) -> Severity:
        """How severe the decay is."""
        return severity_of("decayed", {"drop": self.value, "max_absolute_drop": self.allowed})

    def __str__(self) -> str:
        """The loss in words."""
        loss = (
            f"over the last {self.windows} windows together the champion is worse by "
            f"{in_figures(self.value)} (between {in_figures(self.lower)} and "
            f"{in_figures(self.upper)})"
        )
        allowed = f"the {in_figures(self.allowed)} allowed"
        if self.is_decay:
            return f"{loss}, beyond {allowed} ({self.severity})"
        if self.is_beyond:
            return f"{loss}, beyond {allowed}, but the newest adds nothing to it"
        return f"{loss}, which is not shown to be beyond {allowed}"

    def numbers(self) -> dict[str, Number]:
        """Return the numbers of a verdict."""
        return {
            "windows_together": self.windows,
            "drop_together": round(self.value, 6),
            "drop_together_lower": round(self.lower, 6),
            "drop_together_upper": round(self.upper, 6),
        }


def most_windows(unit: Unit) -> int:
    """Return how many windows are added up at most, those of a year; 0 where none are."""
    return STRETCHES_A_YEAR * STRETCH.get(unit, 0)


def loss_of(numbers: Mapping[str, Number], performance: Performance) -> WindowLoss | None:
    """Return the loss that a window's verdict has; None without one by the present criteria.

    Args:
        numbers: Numbers of the verdict.
        performance: Criteria.
    """
    if performance.metric not in numbers or numbers.get("comparator") != performance.comparator:
        return None
    value, own = numbers.get("drop"), _error(numbers, "own")
    if not isinstance(value, int | float) or own is None:
        return None
    return WindowLoss(float(value), own, _error(numbers, "shared"))


def error_numbers(name: str, error: Error) -> dict[str, Number]:
    """Return an error as numbers of a verdict, from which `loss_of` reads it.

    Args:
        name: `own` or `shared`.
        error: The error.
    """
    return {
        f"{name}_error": float(f"{error.value:.6g}"),
        f"{name}_independent": round(error.independent, 3),
    }


def _error(numbers: Mapping[str, Number], name: str) -> Error | None:
    value, independent = (numbers.get(f"{name}_{one}") for one in ("error", "independent"))
    if not isinstance(value, int | float) or not isinstance(independent, int | float):
        return None
    return Error(float(value), float(independent))


def add_up(losses: Sequence[WindowLoss], monitoring: Monitoring) -> LossTogether | None:
    """Add the losses of consecutive windows up; None where there are too few.

    Each stretch of windows brings how many standard errors its loss is beyond the margin, by
    Student's t, at most so much that fewer than k stretches, or two, can never decide. The bounds
    are the losses at which the same sum would just reach its limit.

    Args:
        losses: Losses of one version's windows, oldest first.
        monitoring: Window, margin, rate of false alarms and k.
    """
    unit, performance = monitoring.window, monitoring.performance
    losses = losses[-most_windows(unit) :] if unit in STRETCH else ()
    if unit not in STRETCH or len(losses) < FEWEST_STRETCHES * STRETCH[unit]:
        return None
    needed = max(FEWEST_STRETCHES, monitoring.fire.k)
    rate = performance.false_alarm_rate
    # One half for the error that is shared, and is one draw for all looks.
    rate = rate / 2 if any(one.shared is not None for one in losses) else rate
    limit = evidence_limit(STRETCHES_A_YEAR, rate)
    sequence = Stretches.of(losses, windows=STRETCH[unit], confidence=1 - rate)
    if len(sequence.values) < needed:
        return None
    # A little more, so that the bounds of as many stretches as are needed are finite.
    allowed, most = performance.max_absolute_drop, limit / needed * (1 + 1e-9)
    sums = suffix_sums(sequence.steps(allowed, most))
    first = max(range(len(sums) - needed + 1), key=sums.__getitem__)
    chosen = sequence.since(first)
    return LossTogether(
        len(chosen.values) * STRETCH[unit],
        value=chosen.bound(0.0),
        lower=chosen.bound(limit, most=most),
        upper=-chosen.mirrored().bound(limit, most=most),
        allowed=allowed,
        is_beyond=sums[first] >= limit,
        newest_adds=sums[-1] > 0,
    )
