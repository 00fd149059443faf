"""Tell which share of a window's rows are outliers by the score that was logged with them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from slipway.records.verdicts import Verdict
from slipway.spec.logged_columns import OUTLIER_SCORE

if TYPE_CHECKING:
    import pandas as pd

LIMIT = 0.99
"""Score above which a row is counted; of rows like those of the training it is one in a hundred."""

OUTLIERS = "outliers"


def with_outlier_share(verdict: Verdict, rows: pd.DataFrame) -> Verdict:
    """Return a verdict with the share of outliers; as it is where the log has no score.

    Args:
        verdict: Verdict on the drift of a window.
        rows: Logged predictions.
    """
    if OUTLIER_SCORE not in rows or (scores := rows[OUTLIER_SCORE].dropna()).empty:
        return verdict
    share = float((scores > LIMIT).mean())
    told = (
        f" {share:.1%} of the rows are more unusual than {LIMIT:.0%} of the training rows; "
        f"{1 - LIMIT:.0%} is usual."
    )
    return replace(
        verdict,
        reason=f"{verdict.reason}{told}",
        numbers={**verdict.numbers, OUTLIERS: round(share, 4)},
    )
