"""Recommend a policy: that with the least loss, or the simplest that chance cannot tell from it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from slipway.stages.backtest.compare import Compared, PolicyFigures
from slipway.stages.backtest.policies import SPEC
from slipway.values.figures import in_figures

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

    Args:
        compared: Compared policies.
    """
    best = compared.of(compared.best)
    alike = [one for one in compared.figures if one is best or one.behind.holds_zero]
    chosen = min(alike, key=lambda one: one.policy.rank)
    reasons = [_why(chosen, best)]
    others = [one for one in alike if one is not chosen and one is not best]
    if others:
        names = ", ".join(one.policy.name for one in others)
        reasons.append(f"Nor can chance tell apart: {names}; each is less simple.")
    reasons += [
        f"{one.policy.name} loses {in_figures(one.behind.value)} more per prediction than "
        f"{best.policy.name} ({_interval(one)}), beyond chance."
        for one in compared.figures
        if one not in alike
    ]
    own = next((one for one in compared.figures if one.policy.name == SPEC), None)
    if own is not None and own is not chosen and own in alike:
        reasons.append(
            f"The present rules train {own.trainings} times, the recommended ones "
            f"{chosen.trainings} times, for a loss that is the same within chance."
        )
    if len(compared.windows) < FEW_WINDOWS:
        count = len(compared.windows)
        reasons.append(
            f"The history has {count} {'window' if count == 1 else 'windows'} after the first "
            "model: read this with care."
        )
    return Recommendation(chosen.policy.name, tuple(reasons))


def _why(chosen: PolicyFigures, best: PolicyFigures) -> str:
    name, loss = chosen.policy.name, in_figures(chosen.loss)
    if chosen is best:
        return f"{name} has the least loss, {loss} per prediction."
    return (
        f"{name} is the simplest whose loss, {loss} per prediction, chance cannot tell from the "
        f"least, {in_figures(best.loss)} of {best.policy.name} ({_interval(chosen)})."
    )


def _interval(figures: PolicyFigures) -> str:
    behind = figures.behind
    return f"95 % interval {in_figures(behind.lower)} to {in_figures(behind.upper)}"
