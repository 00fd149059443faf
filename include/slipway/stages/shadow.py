"""How far a candidate's answers are from its own predictions and from the champion's; pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev

from slipway.records.runs import Number
from slipway.spec.deployment import Verify

DISAGREEMENT, SPREAD = "disagreement", "disagreement.spread"
"""Names of the evidence among an evaluation's and a gate's numbers."""
TAG_PREFIX = "slipway."
COMPARED_WITH = "slipway.compared_with"
# What differs from the champion by less than this share of its own spread is the same model.
LEAST_SPREAD_SHARE = 0.1
# Answers that vary so little beside the champion's say nothing about a row.
FLAT_SPREAD_SHARE = 0.01


@dataclass(frozen=True)
class Evidence:
    """What the gates saw of a challenger and the champion, on the same holdout rows.

    Attributes:
        disagreement: Mean absolute difference of their scores.
        spread: Standard deviation of the champion's scores.
    """

    disagreement: float
    spread: float

    def allowed(self, bars: Verify) -> float:
        """The disagreement that recent requests may show."""
        by_ratio = bars.max_disagreement_ratio * self.disagreement
        return max(by_ratio, LEAST_SPREAD_SHARE * self.spread)


@dataclass(frozen=True)
class Shadow:
    """What a candidate answered to recent rows, beside the champion's scores of the same rows.

    Attributes:
        champion: The champion's version.
        disagreement: Mean absolute difference; None where it cannot be computed.
        spread: Standard deviation of the candidate's answers; None likewise.
        champion_spread: Standard deviation of the champion's scores; None likewise.
        evidence: What the gates saw of the same two versions; None when they did not.
    """

    champion: int
    disagreement: float | None
    spread: float | None
    champion_spread: float | None
    evidence: Evidence | None

    def numbers(self, bars: Verify) -> dict[str, Number]:
        """The same facts as the verdict stores them."""
        seen = self.evidence
        return {
            "champion": self.champion,
            "disagreement": self.disagreement,
            "disagreement.holdout": seen.disagreement if seen else None,
            "disagreement.allowed": seen.allowed(bars) if seen else None,
            "spread": self.spread,
            "spread.champion": self.champion_spread,
        }

    def objections(self, bars: Verify) -> list[str]:
        """Why the candidate may not serve, in words; none when it may.

        To differ from the champion is the point of training again. What counts is whether the
        candidate differs from it as its gates saw that it does.
        """
        if self.evidence is None:
            missing = (
                f"its gates have not compared it with version {self.champion}, so nothing says "
                "how far it may differ from that (a new retrain request compares them)"
            )
            return [missing]
        if self.disagreement is None or self.spread is None or self.champion_spread is None:
            return [f"its answers cannot be compared with version {self.champion}'s"]
        objections = []
        allowed = self.evidence.allowed(bars)
        if self.disagreement > allowed:
            objections.append(
                f"it differs from version {self.champion} by {self.disagreement:.3g} on average, "
                f"and on its holdout by {self.evidence.disagreement:.3g} ({allowed:.3g} is allowed)"
            )
        if self.spread < FLAT_SPREAD_SHARE * self.champion_spread:
            objections.append("it answers every row alike")
        return objections


def compare(
    answers: Sequence[float],
    scores: Sequence[float],
    *,
    champion: int,
    tags: Mapping[str, str],
) -> Shadow:
    """A candidate's answers beside the champion's scores of the same rows.

    Args:
        answers: The candidate's.
        scores: The champion's.
        champion: Its version.
        tags: The candidate's, with the evidence of its gates.
    """
    evidence = _evidence(tags, champion)
    finite = all(map(math.isfinite, [*answers, *scores]))
    if len(answers) != len(scores) or not scores or not finite:
        return Shadow(champion, None, None, None, evidence)
    gaps = [abs(one - other) for one, other in zip(answers, scores, strict=True)]
    return Shadow(champion, fmean(gaps), pstdev(answers), pstdev(scores), evidence)


def max_difference(scores: Sequence[float], expected: Sequence[float]) -> float | None:
    """Largest difference, relative where the expected score is above 1; None: not comparable."""
    if len(scores) != len(expected) or not expected:
        return None
    gaps = [
        abs(one - other) / max(1.0, abs(other)) for one, other in zip(scores, expected, strict=True)
    ]
    # Not `max` alone: it may pass over what is not a number.
    return max(gaps) if all(map(math.isfinite, gaps)) else None


def _evidence(tags: Mapping[str, str], champion: int) -> Evidence | None:
    """What a version's tags say of its comparison with a champion, None unless it was this one."""
    if tags.get(COMPARED_WITH) != f"version {champion}":
        return None
    try:
        found = [float(tags[f"{TAG_PREFIX}{name}"]) for name in (DISAGREEMENT, SPREAD)]
    except (KeyError, ValueError):
        return None
    return Evidence(*found) if all(map(math.isfinite, found)) else None
