"""Compare order, scale and level of a candidate's scores with the champion's; pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from slipway.records.verdicts import Number
from slipway.spec.deployment import Verify
from slipway.stages.model.agreement import RowScores, measure_agreement
from slipway.stages.model.rank_correlation import highest_rank_correlation, rank_correlation

# Of logistic regressions and boosted trees that were fitted again to other rows, at a base rate
# that had moved by a fifth, the spreads were 0.8 to 1.5 times as wide, and the means up to 0.6
# spreads apart; the weakest, of 500 rows at an AUC near 0.55, went beyond.
SCALES = (0.5, 2.0)
LEVEL = 1.0


@dataclass(frozen=True)
class ScoreShape:
    """Order, scale and level of a candidate's scores of some rows beside the champion's.

    Attributes:
        champion: The champion's version.
        rows: Number of rows.
        rank_correlation: Spearman's; 0 where the scores of either are constant.
        spread_ratio: Its standard deviation over the champion's.
        level: Its mean less the champion's, in standard deviations of the champion's.
    """

    champion: int
    rows: int
    rank_correlation: float
    spread_ratio: float
    level: float

    def numbers(self) -> dict[str, Number]:
        """Return it as numbers of a verdict."""
        names = ("rank_correlation", "spread_ratio", "level")
        return {f"recent.{name}": getattr(self, name) for name in names}

    @property
    def _highest(self) -> float:
        return highest_rank_correlation(self.rank_correlation, rows=self.rows)

    def is_refused(self, bars: Verify) -> bool:
        """Whether the order of its scores is shown to be further reversed than allowed."""
        return self._highest < bars.min_rank_correlation

    def order(self) -> Iterator[str]:
        """Name an order that is shown to be against the champion's."""
        if self._highest < 0:
            yield (
                f"its scores are in reverse order of version {self.champion}'s (rank correlation "
                f"{self.rank_correlation:.2f}), as if labels had been delivered the other way round"
            )

    def named(self) -> Iterator[str]:
        """Name differences of scale and level, which a person should know and which refuse none."""
        low, high = SCALES
        if not low <= self.spread_ratio <= high:
            yield (
                f"its scores spread {self.spread_ratio:.2g} times as wide as version "
                f"{self.champion}'s (rank correlation {self.rank_correlation:.2f})"
            )
        if abs(self.level) > LEVEL:
            side = "higher" if self.level > 0 else "lower"
            yield (
                f"its mean score is {side} by {abs(self.level):.2g} times the spread of version "
                f"{self.champion}'s: the two are calibrated unlike"
            )


def measure_shape(answers: RowScores, scores: RowScores, *, champion: int) -> ScoreShape | None:
    """Compare a candidate's answers with the champion's scores; None when not comparable.

    Args:
        answers: The candidate's answers.
        scores: The champion's scores of the same rows.
        champion: The champion's version.
    """
    import numpy as np

    beside, own = measure_agreement(answers, scores), measure_agreement(answers, answers)
    if beside is None or own is None or not beside.spread:
        return None
    ranks = rank_correlation(np.asarray(answers), np.asarray(scores))
    if ranks is None:
        return None
    # Of several classes the means are those of one share each, which says nothing.
    level = 0.0 if np.ndim(answers) > 1 else float(np.mean(answers) - np.mean(scores))
    ratio = own.spread / beside.spread
    return ScoreShape(champion, len(answers), ranks, ratio, level / beside.spread)
