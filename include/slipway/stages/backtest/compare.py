"""Compare played policies: losses by window and in sum, alarms, days of a worse model, and cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from slipway.stages.backtest.differences import Interval, WindowDifference, mean_difference
from slipway.stages.backtest.results import PlayedPolicy, PlayedRequest


@dataclass(frozen=True)
class Window:
    """A period that every policy served.

    Attributes:
        step: Its number.
        name: Its name.
        days: Its length.
        rows: Predicted rows that have labels.
        constant: Loss of the best constant in hindsight; None: it is not known.
    """

    step: int
    name: str
    days: float
    rows: int
    constant: float | None = None


class Measured(Protocol):
    """Measures models on the rows of periods, by labels that are known at the end."""

    def value(self, fit: str, step: int) -> float | None:
        """Metric of a model on a period; None where it cannot be computed."""

    def loss(self, fit: str, step: int) -> float | None:
        """The same as a loss: the metric where less is better, else what it lacks to 1."""

    def difference(self, fit: str, other: str, step: int) -> WindowDifference | None:
        """Loss of a model less that of another on a period; None where it cannot be computed."""


@dataclass(frozen=True)
class PolicyFigures:
    """Figures of one policy.

    Attributes:
        policy: What was played.
        values: Metric in each window.
        losses: Loss in each window.
        loss: Mean loss per row over the windows.
        total: Sum of the windows' losses.
        behind: Loss less that of the policy with the least loss.
        saved: Loss less that of never retraining; None where that was not played.
        days_worse: Days served by a model that was worse than the best policy's, beyond chance.
        false_alarms: Trainings after the first whose challenger was not better on what followed.
        judged: Trainings of which that is known.
    """

    policy: PlayedPolicy
    values: Sequence[float]
    losses: Sequence[float]
    loss: float
    total: float
    behind: Interval
    saved: Interval | None
    days_worse: float
    false_alarms: int
    judged: int

    @property
    def trainings(self) -> int:
        """Trainings after the first model."""
        return len(self.policy.trainings)

    @property
    def rejections(self) -> int:
        """Those whose challenger the gates refused, or that failed."""
        return sum(one.outcome in {"refused", "failed"} for one in self.policy.trainings)

    @property
    def suppressed(self) -> int:
        """Requests that the policy suppressed."""
        return sum(not one.accepted for one in self.policy.requests)

    def to_json(self) -> dict[str, Any]:
        """Return the same value as plain JSON."""
        policy = self.policy
        return {
            "name": policy.name,
            "about": policy.about,
            "loss": self.loss,
            "total_loss": self.total,
            "losses": list(self.losses),
            "values": list(self.values),
            "behind_best": asdict(self.behind),
            "against_never": None if self.saved is None else asdict(self.saved),
            "trainings": self.trainings,
            "rejections": self.rejections,
            "suppressed": self.suppressed,
            "false_alarms": self.false_alarms,
            "judged_alarms": self.judged,
            "days_worse": self.days_worse,
            "fit_seconds": round(policy.fit_seconds, 3),
            "requests": [asdict(one) for one in policy.requests],
        }


@dataclass(frozen=True)
class Compared:
    """Policies on the windows that all of them served.

    Attributes:
        windows: Windows.
        figures: Figures of each policy, in the order in which they were played.
        best: Name of the policy with the least loss.
    """

    windows: Sequence[Window]
    figures: Sequence[PolicyFigures]
    best: str

    def of(self, name: str) -> PolicyFigures:
        """Return the figures of a policy."""
        return next(one for one in self.figures if one.policy.name == name)


def compare(
    played: Sequence[PlayedPolicy], windows: Sequence[Window], measured: Measured
) -> Compared | None:
    """Compare policies on the same windows; None where there is no window with a metric; pure.

    Args:
        played: Policies.
        windows: Periods that have labelled rows.
        measured: Measures models on them.
    """
    common = [
        window
        for window in windows
        if all(
            (fit := policy.served.get(window.step)) is not None
            and measured.loss(fit, window.step) is not None
            for policy in played
        )
    ]
    if not common:
        return None
    comparing = _Comparing(common, measured)
    means = {one.name: comparing.mean_loss(one) for one in played}
    best = min(played, key=lambda one: (means[one.name], one.rank))
    never = next((one for one in played if one.rank == 0), None)
    figures = [comparing.figures(one, best=best, never=never, every=played) for one in played]
    return Compared(common, figures, best.name)


@dataclass(frozen=True)
class _Comparing:
    windows: Sequence[Window]
    measured: Measured

    def losses(self, policy: PlayedPolicy) -> list[float]:
        found = [self.measured.loss(policy.served[one.step], one.step) for one in self.windows]
        return [float("nan") if one is None else one for one in found]

    def values(self, policy: PlayedPolicy) -> list[float]:
        found = [self.measured.value(policy.served[one.step], one.step) for one in self.windows]
        return [float("nan") if one is None else one for one in found]

    def mean_loss(self, policy: PlayedPolicy) -> float:
        rows = [one.rows for one in self.windows]
        weighed = zip(rows, self.losses(policy), strict=True)
        return sum(count * loss for count, loss in weighed) / sum(rows)

    def figures(
        self,
        policy: PlayedPolicy,
        *,
        best: PlayedPolicy,
        never: PlayedPolicy | None,
        every: Sequence[PlayedPolicy],
    ) -> PolicyFigures:
        losses = self.losses(policy)
        alarms = [self._is_false(one) for one in policy.trainings]
        known = [one for one in alarms if one is not None]
        return PolicyFigures(
            policy,
            values=self.values(policy),
            losses=losses,
            loss=self.mean_loss(policy),
            total=sum(losses),
            behind=self._mean(policy, best),
            saved=None if never is None else self._mean(policy, never),
            days_worse=self._days_worse(policy, every),
            false_alarms=sum(known),
            judged=len(known),
        )

    def _mean(self, policy: PlayedPolicy, other: PlayedPolicy) -> Interval:
        found = [self._difference(policy, other, one) for one in self.windows]
        return mean_difference([one for one in found if one is not None])

    def _difference(
        self, policy: PlayedPolicy, other: PlayedPolicy, window: Window
    ) -> WindowDifference | None:
        fits = policy.served[window.step], other.served[window.step]
        if fits[0] == fits[1]:
            return WindowDifference(0.0, window.rows, error=0.0)
        return self.measured.difference(*fits, window.step)

    def _days_worse(self, policy: PlayedPolicy, every: Sequence[PlayedPolicy]) -> float:
        days = 0.0
        for window in self.windows:

            def loss_of(one: PlayedPolicy, step: int = window.step) -> float:
                found = self.measured.loss(one.served[step], step)
                return float("inf") if found is None else found

            found = self._difference(policy, min(every, key=loss_of), window)
            if found is not None and found.is_worse:
                days += window.days
        return days

    def _is_false(self, request: PlayedRequest) -> bool | None:
        """Whether a challenger was no better on the next window; None: it is not known."""
        if request.challenger is None or request.champion is None:
            return None
        if request.step + 1 not in {one.step for one in self.windows}:
            return None
        found = self.measured.difference(request.challenger, request.champion, request.step + 1)
        return None if found is None else found.value >= 0
