"""Recommend a policy: the best, or one that trains less for what is the same within chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from slipway.stages.backtest.compare import Compared, PolicyFigures
from slipway.stages.backtest.policies import SPEC
from slipway.values.figures import in_figures

WORSE_THAN_CONSTANT = 0.25
"""Share of windows worse than a constant from which a recommendation says so."""

FEW_WINDOWS = 6
"""With fewer windows a recommendation says that they are few."""


@dataclass(frozen=True)
class Recommendation:
    """A recommended policy.

    Attributes:
        name: Its name.
        reasons: Why, a sentence each.
    """

    name: str
    reasons: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the same value as plain JSON."""
        return asdict(self)


def recommend(compared: Compared) -> Recommendation:
    """Recommend a policy; pure.

    Of those that chance cannot tell from the best it is the one that trains least often, and of
    these the simplest.

    Args:
        compared: Compared policies.
    """
    best = compared.of(compared.best)
    alike = [one for one in compared.figures if one is best or one.behind.holds_zero]
    chosen = min(alike, key=lambda one: (one.trainings, one.policy.rank))
    reasons = [_why(chosen, best)]
    others = [one for one in alike if one is not chosen and one is not best]
    if others:
        names = ", ".join(one.policy.name for one in others)
        reasons.append(
            f"Nor can chance tell apart: {names}; each trains as often and is less simple, or more "
            "often."
        )
    reasons += _worse([one for one in compared.figures if one not in alike], best)
    own = next((one for one in compared.figures if one.policy.name == SPEC), None)
    trains_otherwise = own is not None and own.trainings != chosen.trainings
    if own is not None and trains_otherwise and own in alike:
        reasons.append(
            f"The present rules train {_times(own.trainings)}, the recommended ones "
            f"{_times(chosen.trainings)}, for a loss that is the same within chance."
        )
    worse = _windows_worse_than_a_constant(compared, chosen)
    if worse >= WORSE_THAN_CONSTANT * len(compared.windows):
        reasons.append(
            f"In {worse} of {len(compared.windows)} windows {chosen.policy.name} is worse than a "
            "constant: there no cadence helps of those that were played; look at the features, and "
            "at training.window_days where old rows mislead."
        )
    if len(compared.windows) < FEW_WINDOWS:
        count = len(compared.windows)
        reasons.append(
            f"The history has {count} {'window' if count == 1 else 'windows'} after the first "
            "model: read this with care."
        )
    return Recommendation(chosen.policy.name, tuple(reasons))


def _windows_worse_than_a_constant(compared: Compared, figures: PolicyFigures) -> int:
    return sum(
        window.constant is not None and loss > window.constant
        for window, loss in zip(compared.windows, figures.losses, strict=True)
    )


def _why(chosen: PolicyFigures, best: PolicyFigures) -> str:
    name, loss = chosen.policy.name, in_figures(chosen.loss)
    if chosen is best:
        return f"{name} has the least loss, {loss} per prediction."
    if chosen.trainings:
        often = _times(chosen.trainings)
        why = f"{name} trains {often}, least of those whose loss chance cannot tell from the least"
    else:
        why = f"{name} trains no further model, and chance cannot tell its loss from the least"
    return (
        f"{why}: {loss} per prediction beside {in_figures(best.loss)} of {best.policy.name}, which "
        f"trains {_times(best.trainings)} ({_interval(chosen)})."
    )


def _worse(figures: Sequence[PolicyFigures], best: PolicyFigures) -> list[str]:
    """A sentence for each loss that is beyond chance; policies of the same loss share one."""
    names: dict[str, list[str]] = {}
    for one in figures:
        told = f"{in_figures(one.behind.value)} more per prediction than {best.policy.name}"
        names.setdefault(f"{told} ({_interval(one)}), beyond chance.", []).append(one.policy.name)
    return [
        f"{', '.join(alike)} {'lose' if len(alike) > 1 else 'loses'} {told}"
        for told, alike in names.items()
    ]


def _times(count: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(count, f"{count} times")


def _interval(figures: PolicyFigures) -> str:
    behind = figures.behind
    return f"95 % interval {in_figures(behind.lower)} to {in_figures(behind.upper)}"
