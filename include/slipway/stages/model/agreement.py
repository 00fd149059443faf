"""How far a candidate's answers are from its own predictions and from the champion's; pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from slipway.records.verdicts import Number
from slipway.spec.deployment import Verify

DISAGREEMENT = "disagreement"
EVIDENCE = (DISAGREEMENT, f"{DISAGREEMENT}.spread", f"{DISAGREEMENT}.correlation")
"""Names of the evidence among an evaluation's and a gate's numbers, and behind a tag's prefix."""

TAG_PREFIX = "slipway."
COMPARED_WITH = "slipway.compared_with"
# What differs from the champion by less than this share of its own spread is the same model.
LEAST_SPREAD_SHARE = 0.1
# Answers that vary so little beside the champion's say nothing about a row.
FLAT_SPREAD_SHARE = 0.01
# Retrained month by month on flights, models moved by up to 0.4; turned round, by 1.35 at least.
OPPOSITE_CORRELATION = 1.0


@dataclass(frozen=True)
class Agreement:
    """How a model's scores are related to the champion's scores of the same rows.

    Attributes:
        disagreement: Mean absolute difference.
        spread: Standard deviation of the champion's scores.
        correlation: Pearson's; 0 where one of the two scores every row alike.
    """

    disagreement: float
    spread: float
    correlation: float

    def numbers(self) -> dict[str, Number]:
        """The same facts as evaluation and gate hand them on."""
        return dict(zip(EVIDENCE, vars(self).values(), strict=True))


@dataclass(frozen=True)
class ChampionComparison:
    """What a candidate answered to recent rows, beside the champion's scores of the same rows.

    Attributes:
        champion: The champion's version.
        recent: How they are related; None where that cannot be computed.
        holdout: How the gates saw the same two related; None when they did not.
        is_flat: Whether its answers hardly vary where the champion's scores do.
    """

    champion: int
    recent: Agreement | None
    holdout: Agreement | None
    is_flat: bool

    def allowed(self, bars: Verify) -> float | None:
        """The disagreement that recent rows may show; None without evidence."""
        if self.holdout is None:
            return None
        by_ratio = bars.max_disagreement_ratio * self.holdout.disagreement
        return max(by_ratio, LEAST_SPREAD_SHARE * self.holdout.spread)

    def numbers(self, bars: Verify) -> dict[str, Number]:
        """The same facts as the verdict stores them."""
        sides = {"recent": self.recent, "holdout": self.holdout}
        known = {
            f"{side}.{name}": value
            for side, agreement in sides.items()
            if agreement is not None
            for name, value in agreement.numbers().items()
        }
        return {"champion": self.champion, "disagreement.allowed": self.allowed(bars), **known}

    def objections(self, bars: Verify) -> list[str]:
        """Why the candidate may not serve, in words; none when it may.

        To differ from the champion is the point of training again. What counts is whether the
        candidate differs from it as its gates saw that it does.
        """
        recent, holdout, allowed = self.recent, self.holdout, self.allowed(bars)
        if holdout is None or allowed is None:
            missing = (
                f"its gates have not compared it with version {self.champion}, so nothing says "
                "how far it may differ from that (a new retrain request compares them)"
            )
            return [missing]
        if recent is None:
            return [f"its answers cannot be compared with version {self.champion}'s"]
        objections = []
        if recent.disagreement > allowed:
            objections.append(
                f"it differs from version {self.champion} by {recent.disagreement:.3g} on average, "
                f"and on its holdout by {holdout.disagreement:.3g} ({allowed:.3g} is allowed)"
            )
        if abs(recent.correlation - holdout.correlation) > OPPOSITE_CORRELATION:
            objections.append(
                f"its answers run the other way: they correlate with version {self.champion}'s "
                f"by {recent.correlation:.2f}, and on its holdout by {holdout.correlation:.2f}"
            )
        if self.is_flat:
            objections.append("it answers every row alike")
        return objections


def compare_with_champion(
    answers: Sequence[float],
    scores: Sequence[float],
    *,
    champion: int,
    tags: Mapping[str, str],
) -> ChampionComparison:
    """A candidate's answers beside the champion's scores of the same rows.

    Args:
        answers: The candidate's.
        scores: The champion's.
        champion: Its version.
        tags: The candidate's, with the evidence of its gates.
    """
    recent = measure_agreement(answers, scores)
    is_flat = recent is not None and _spread(answers) < FLAT_SPREAD_SHARE * recent.spread
    return ChampionComparison(champion, recent, _evidence(tags, champion), is_flat)


def measure_agreement(scores: Sequence[float], champion: Sequence[float]) -> Agreement | None:
    """How scores are related to the champion's of the same rows; None: not comparable."""
    comparable = len(scores) == len(champion) > 0
    if not comparable or not all(map(math.isfinite, [*scores, *champion])):
        return None
    gaps = [abs(one - other) for one, other in zip(scores, champion, strict=True)]
    spread, own = _spread(champion), _spread(scores)
    middle, own_middle = fmean(champion), fmean(scores)
    together = fmean(
        (one - own_middle) * (other - middle) for one, other in zip(scores, champion, strict=True)
    )
    correlation = together / (spread * own) if spread > 0 and own > 0 else 0.0
    return Agreement(fmean(gaps), spread, correlation)


def max_difference(scores: Sequence[float], expected: Sequence[float]) -> float | None:
    """Largest difference, relative where the expected score is above 1; None: not comparable."""
    if len(scores) != len(expected) or not expected:
        return None
    gaps = [
        abs(one - other) / max(1.0, abs(other)) for one, other in zip(scores, expected, strict=True)
    ]
    # Not `max` alone: it may pass over what is not a number.
    return max(gaps) if all(map(math.isfinite, gaps)) else None


def _spread(scores: Sequence[float]) -> float:
    middle = fmean(scores)
    return math.sqrt(fmean((score - middle) ** 2 for score in scores))


def _evidence(tags: Mapping[str, str], champion: int) -> Agreement | None:
    """What a version's tags say of its comparison with a champion, None unless it was this one."""
    if tags.get(COMPARED_WITH) != f"version {champion}":
        return None
    try:
        found = [float(tags[f"{TAG_PREFIX}{name}"]) for name in EVIDENCE]
    except (KeyError, ValueError):
        return None
    return Agreement(*found) if all(map(math.isfinite, found)) else None
