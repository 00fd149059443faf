"""Charts of a model card: how often scores came true, and which columns move the answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from slipway.stages.model.reliability import ReliabilityBin
from slipway.stages.report.charts import AgainstDiagonal, Bars, Chart


def reliability_chart(bins: Sequence[ReliabilityBin]) -> Chart | None:
    """Return mean score against the share that was so; None without a bin.

    Args:
        bins: Bins of scores.
    """
    if not bins:
        return None
    total = sum(one.rows for one in bins)
    far = max(bins, key=lambda one: abs(one.score - one.share))
    return AgainstDiagonal(
        name="reliability",
        alt=(
            f"Mean score against the share that was so, in {len(bins)} intervals of the score; "
            f"furthest from the diagonal at {far.score:.3f}, where the share was {far.share:.3f}."
        ),
        x_label="mean score",
        y_label="share that was so",
        points=[(one.score, one.share) for one in bins],
        weights=[one.rows / total for one in bins],
    )


def explanation_chart(table: Sequence[Sequence[Any]]) -> Chart | None:
    """Return the columns that move the answers most; None without one.

    Args:
        table: Column, share and the champion's share (or None), the largest share first.
    """
    if not table:
        return None
    series: dict[str, Sequence[float]] = {"this version": [share for _, share, _ in table]}
    if all(other is not None for *_, other in table):
        series["champion"] = [other for *_, other in table]
    name, share, _ = table[0]
    return Bars(
        name="explanations",
        alt=(
            f"Share of what moves the answers, of the {len(table)} columns that move them most; "
            f"{name} has the largest, {share:.1%}."
        ),
        x_label="share of what moves the answers",
        labels=[column for column, *_ in table],
        series=series,
    )
