"""Agreement of a candidate with the champion and with its own offline predictions; pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from statistics import fmean

from slipway.records.verdicts import Number
from slipway.spec.deployment import Verify
from slipway.stages.model.version_tags import COMPARED_WITH, TAG_PREFIX

RowScores = Sequence[float] | Sequence[Sequence[float]]
"""One score per row, or of a multi-class model those of each class."""

DISAGREEMENT = "disagreement"
EVIDENCE = (DISAGREEMENT, f"{DISAGREEMENT}.spread", f"{DISAGREEMENT}.correlation")
"""Names of the agreement among the numbers of evaluation and gate, and in tags."""

# A smaller difference, as a share of the champion's spread, is always allowed.
LEAST_SPREAD_SHARE = 0.1
# Predictions with a smaller spread, as a share of the champion's, are constant.
FLAT_SPREAD_SHARE = 0.01
# Measured on flights: monthly retraining moved the correlation by up to 0.4, a model with inverted
# predictions by at least 1.35.
OPPOSITE_CORRELATION = 1.0


@dataclass(frozen=True)
class Agreement:
    """Agreement of a model's scores with the champion's scores of the same rows.

    Attributes:
        disagreement: Mean absolute difference.
        spread: Standard deviation of the champion's scores, of a multi-class model by class.
        correlation: Pearson's; 0 where the scores of either are constant.
    """

    disagreement: float
    spread: float
    correlation: float

    def numbers(self) -> dict[str, Number]:
        """Return the agreement as the numbers of a verdict."""
        return dict(zip(EVIDENCE, vars(self).values(), strict=True))


@dataclass(frozen=True)
class ChampionComparison:
    """Agreement of a candidate with the champion, on recent rows and on the gates' holdout.

    Attributes:
        champion: The champion's version.
        recent: Agreement on recent rows; None where it cannot be computed.
        holdout: Agreement on the holdout; None when the gates compared with another champion.
        is_flat: Whether the candidate's predictions are constant where the champion's vary.
    """

    champion: int
    recent: Agreement | None
    holdout: Agreement | None
    is_flat: bool

    @property
    def is_opposite(self) -> bool:
        """Whether the two run the other way round than on the holdout."""
        if self.recent is None or self.holdout is None:
            return False
        return abs(self.recent.correlation - self.holdout.correlation) > OPPOSITE_CORRELATION

    def allowed(self, bars: Verify) -> float | None:
        """Return the disagreement that is allowed on recent rows; None without evidence."""
        if self.holdout is None:
            return None
        by_ratio = bars.max_disagreement_ratio * self.holdout.disagreement
        return max(by_ratio, LEAST_SPREAD_SHARE * self.holdout.spread)

    def numbers(self, bars: Verify) -> dict[str, Number]:
        """Return the check as the numbers of a verdict."""
        sides = {"recent": self.recent, "holdout": self.holdout}
        known = {
            f"{side}.{name}": value
            for side, agreement in sides.items()
            if agreement is not None
            for name, value in agreement.numbers().items()
        }
        return {"champion": self.champion, "disagreement.allowed": self.allowed(bars), **known}

    def objections(self, bars: Verify) -> list[str]:
        """Return why the candidate may not serve; empty when it may.

        A retrained model is meant to differ from the champion. It fails only where it differs
        more than it did on the holdout of its gates.
        """
        recent, holdout, allowed = self.recent, self.holdout, self.allowed(bars)
        if holdout is None or allowed is None:
            missing = (
                f"its gates have not compared it with version {self.champion}, so it is not known "
                "how far the two may differ (a new retrain request compares them)"
            )
            return [missing]
        if recent is None:
            return [f"its predictions cannot be compared with version {self.champion}'s"]
        objections = []
        if recent.disagreement > allowed:
            objections.append(
                f"it differs from version {self.champion} by {recent.disagreement:.3g} on average, "
                f"and on its holdout by {holdout.disagreement:.3g} ({allowed:.3g} is allowed)"
            )
        if self.is_opposite:
            objections.append(
                f"its predictions are inverted: they correlate with version {self.champion}'s "
                f"by {recent.correlation:.2f}, and on its holdout by {holdout.correlation:.2f}"
            )
        if self.is_flat:
            objections.append("its predictions are constant")
        return objections


def compare_with_champion(
    answers: RowScores,
    scores: RowScores,
    *,
    champion: int,
    tags: Mapping[str, str],
) -> ChampionComparison:
    """Compare a candidate's predictions with the champion's scores of the same rows.

    Args:
        answers: The candidate's predictions.
        scores: The champion's scores.
        champion: The champion's version.
        tags: The candidate's tags, with the agreement that its gates measured.
    """
    recent = measure_agreement(answers, scores)
    is_flat = recent is not None and _spread(answers) < FLAT_SPREAD_SHARE * recent.spread
    return ChampionComparison(champion, recent, _evidence(tags, champion), is_flat)


def measure_agreement(scores: RowScores, champion: RowScores) -> Agreement | None:
    """Return the agreement of scores with the champion's; None when not comparable.

    Of a multi-class model over all classes: means are of all scores, spread and correlation of
    their differences from the mean of each class.
    """
    cells, others = _cells(scores), _cells(champion)
    comparable = len(scores) == len(champion) > 0 and len(cells) == len(others)
    if not comparable or not all(map(math.isfinite, [*cells, *others])):
        return None
    gaps = [abs(one - other) for one, other in zip(cells, others, strict=True)]
    spread, own = _spread(champion), _spread(scores)
    covariance = fmean(
        one * other for one, other in zip(_centred(scores), _centred(champion), strict=True)
    )
    correlation = covariance / (spread * own) if spread > 0 and own > 0 else 0.0
    return Agreement(fmean(gaps), spread, correlation)


def max_difference(scores: RowScores, expected: RowScores) -> float | None:
    """Return the largest difference, relative above 1; None when not comparable."""
    found, wanted = _cells(scores), _cells(expected)
    if len(scores) != len(expected) or len(found) != len(wanted) or not wanted:
        return None
    gaps = [
        abs(one - other) / max(1.0, abs(other)) for one, other in zip(found, wanted, strict=True)
    ]
    # `max` alone may skip a NaN.
    return max(gaps) if all(map(math.isfinite, gaps)) else None


def _columns(scores: RowScores) -> list[list[float]]:
    """Scores by class: one column, or one of each class."""
    if not scores or isinstance(scores[0], float | int):
        return [list(scores)]  # type: ignore[arg-type]
    return [list(column) for column in zip(*scores, strict=True)]


def _cells(scores: RowScores) -> list[float]:
    return list(chain.from_iterable(_columns(scores)))


def _centred(scores: RowScores) -> list[float]:
    """Differences from the mean of each class."""
    centred: list[float] = []
    for column in _columns(scores):
        middle = fmean(column)
        centred += [score - middle for score in column]
    return centred


def _spread(scores: RowScores) -> float:
    return math.sqrt(fmean(score**2 for score in _centred(scores)))


def _evidence(tags: Mapping[str, str], champion: int) -> Agreement | None:
    """Agreement that a version's tags hold; None unless it was measured with this champion."""
    if tags.get(COMPARED_WITH) != f"version {champion}":
        return None
    try:
        found = [float(tags[f"{TAG_PREFIX}{name}"]) for name in EVIDENCE]
    except (KeyError, ValueError):
        return None
    return Agreement(*found) if all(map(math.isfinite, found)) else None
