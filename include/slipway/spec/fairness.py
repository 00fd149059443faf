"""Spec of fairness: metrics that compare groups of the holdout, and how unequal they may be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from slipway.spec.base import Spec, SpecConflict
from slipway.spec.metrics import Task

RateName = Literal[
    "selection_rate",
    "true_positive_rate",
    "false_positive_rate",
    "accuracy",
    "mean_prediction",
    "mean_absolute_error",
]


@dataclass(frozen=True)
class FairnessMetric:
    """A metric that compares groups, as fairlearn names it.

    Attributes:
        name: As specs and records name it.
        tasks: Kinds of prediction that it measures.
        rates: What is compared, by group; of several the most unequal one counts.
        is_ratio: Whether it is the least rate divided by the greatest one; else the greatest
            minus the least.
        function: Import path of fairlearn's function; empty: it is the difference of `rates`.
    """

    name: str
    tasks: tuple[Task, ...]
    rates: tuple[RateName, ...]
    is_ratio: bool = False
    function: str = ""


_OF = "fairlearn.metrics."
_TWO: tuple[Task, ...] = ("classification",)
_ODDS: tuple[RateName, ...] = ("true_positive_rate", "false_positive_rate")
FAIRNESS_METRICS: Mapping[str, FairnessMetric] = {
    row.name: row
    for row in (
        FairnessMetric(
            "demographic_parity_difference",
            _TWO,
            ("selection_rate",),
            function=f"{_OF}demographic_parity_difference",
        ),
        FairnessMetric(
            "demographic_parity_ratio",
            _TWO,
            ("selection_rate",),
            is_ratio=True,
            function=f"{_OF}demographic_parity_ratio",
        ),
        FairnessMetric(
            "equal_opportunity_difference",
            _TWO,
            ("true_positive_rate",),
            function=f"{_OF}equal_opportunity_difference",
        ),
        FairnessMetric(
            "equal_opportunity_ratio",
            _TWO,
            ("true_positive_rate",),
            is_ratio=True,
            function=f"{_OF}equal_opportunity_ratio",
        ),
        FairnessMetric(
            "equalized_odds_difference",
            _TWO,
            _ODDS,
            function=f"{_OF}equalized_odds_difference",
        ),
        FairnessMetric(
            "equalized_odds_ratio",
            _TWO,
            _ODDS,
            is_ratio=True,
            function=f"{_OF}equalized_odds_ratio",
        ),
        FairnessMetric(
            "accuracy_score_difference",
            ("classification", "multiclass"),
            ("accuracy",),
            function=f"{_OF}accuracy_score_difference",
        ),
        FairnessMetric("mean_prediction_difference", ("regression",), ("mean_prediction",)),
        FairnessMetric("mean_absolute_error_difference", ("regression",), ("mean_absolute_error",)),
    )
}

if TYPE_CHECKING:
    FairnessMetricName = str
else:
    FairnessMetricName = Literal[tuple(FAIRNESS_METRICS)]


def fairness_metrics_of(task: Task) -> tuple[str, ...]:
    """Return the names of the fairness metrics that measure a kind of prediction."""
    return tuple(name for name, row in FAIRNESS_METRICS.items() if task in row.tasks)


class Fairness(Spec):
    """Groups of the holdout, and how unequally a challenger may treat them."""

    columns: list[str] = Field(
        min_length=1,
        max_length=10,
        description="Columns each of whose values is a group, or each of whose bins, of a number. "
        "They need not be features. Rows without a value are in no group.",
    )
    intersections: bool | list[list[str]] = Field(
        default=False,
        description="Groups of several columns at once: `true`: of each pair; or lists of columns.",
    )
    metrics: dict[FairnessMetricName, float | None] = Field(
        min_length=1,
        description="Limits by metric: the greatest difference, or the least ratio, between any "
        "two groups; none: compared with the champion alone. A challenger is refused where it is "
        "shown to be beyond one.",
    )
    max_increase: float | None = Field(
        default=0.0,
        ge=0,
        description="A challenger is refused where a metric is shown to be worse than the "
        "champion's by more than this; none: it is not compared.",
    )
    bins: int = Field(
        default=4, ge=2, le=20, description="Bins of a number, each of as many holdout rows."
    )
    min_rows: int = Field(
        default=100,
        ge=20,
        description="Least number of rows that count for a group, of a rate among positives the "
        "positive ones; smaller groups are counted, and not compared.",
    )

    @property
    def partitions(self) -> tuple[tuple[str, ...], ...]:
        """Columns that divide the rows into groups, each alone, then several at once."""
        several = self.intersections
        if isinstance(several, bool):
            several = [[*pair] for pair in combinations(self.columns, 2)] if several else []
        return tuple(tuple(names) for names in ([[one] for one in self.columns] + several))

    @model_validator(mode="after")
    def _limits_can_be_met(self) -> Fairness:
        for name, limit in self.metrics.items():
            row = FAIRNESS_METRICS[name]
            if limit is None and self.max_increase is None:
                summary = "has neither a limit nor a comparison with the champion"
                raise SpecConflict(f"{name} {summary}", field=("metrics", name))
            if limit is None:
                continue
            is_share = row.is_ratio or "regression" not in row.tasks
            if limit < 0 or (is_share and limit > 1):
                bounds = "between 0 and 1" if is_share else "0 or more"
                raise SpecConflict(f"{name} is {bounds}", field=("metrics", name))
        return self

    @model_validator(mode="after")
    def _intersections_of_columns(self) -> Fairness:
        if len(set(self.columns)) < len(self.columns):
            raise SpecConflict("a column is named twice", field=("columns",))
        if self.intersections is True and len(self.columns) == 1:
            raise SpecConflict("one column has no intersection", field=("intersections",))
        if isinstance(self.intersections, bool):
            return self
        for names in self.intersections:
            others = [one for one in names if one not in self.columns]
            if others:
                summary = f"{', '.join(others)} is none of `columns`"
                raise SpecConflict(summary, field=("intersections",))
            if len(set(names)) < 2 or len(set(names)) < len(names):  # noqa: PLR2004
                summary = "an intersection is of two or more different columns"
                raise SpecConflict(summary, field=("intersections",))
        return self
