"""Ranges of a target that an estimator's objective can learn."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class TargetRange:
    """Range that every value of a target must lie in.

    Attributes:
        least: Smallest value.
        most: Largest value.
        excludes_least: Whether values must be greater than the smallest.
    """

    least: float = -math.inf
    most: float = math.inf
    excludes_least: bool = False

    def holds(self, value: float) -> bool:
        """Return whether a value lies in the range."""
        above = value > self.least if self.excludes_least else value >= self.least
        return above and value <= self.most

    def __str__(self) -> str:
        if self.most < math.inf:
            return f"from {self.least:g} to {self.most:g}"
        return f"greater than {self.least:g}" if self.excludes_least else f"{self.least:g} or more"


ANY = TargetRange()
POSITIVE = TargetRange(0.0, excludes_least=True)
NOT_NEGATIVE = TargetRange(0.0)
SHARE = TargetRange(0.0, 1.0)


@dataclass(frozen=True)
class Objectives:
    """Objectives that an estimator has for its task.

    Attributes:
        param: The parameter that names one.
        ranges: Range of the target by objective.
        multiclass: Objectives for more than two classes; None: the same.
    """

    param: str
    ranges: Mapping[str, TargetRange]
    multiclass: tuple[str, ...] | None = None

    def of_task(self, *, multiclass: bool) -> Collection[str]:
        """Return the objectives for two classes or numbers, or for more than two classes."""
        return self.multiclass if multiclass and self.multiclass else self.ranges.keys()

    def range_of(self, params: Mapping[str, object]) -> TargetRange:
        """Return the range that these parameters need; any number for the default objective."""
        given = params.get(self.param)
        return self.ranges.get(given, ANY) if isinstance(given, str) else ANY


XGBOOST_REGRESSION = Objectives(
    "objective",
    {
        "reg:squarederror": ANY,
        "reg:absoluteerror": ANY,
        "reg:pseudohubererror": ANY,
        "reg:quantileerror": ANY,
        "reg:linear": ANY,
        "survival:cox": ANY,
        "reg:squaredlogerror": TargetRange(-1.0, excludes_least=True),
        "reg:gamma": POSITIVE,
        "reg:tweedie": NOT_NEGATIVE,
        "count:poisson": NOT_NEGATIVE,
        "reg:logistic": SHARE,
        "binary:logistic": SHARE,
        "binary:logitraw": SHARE,
    },
)
XGBOOST_CLASSIFICATION = Objectives(
    "objective",
    dict.fromkeys(("binary:logistic", "binary:logitraw", "binary:hinge"), ANY),
    multiclass=("multi:softprob",),
)
HISTOGRAM_REGRESSION = Objectives(
    "loss",
    {
        "squared_error": ANY,
        "absolute_error": ANY,
        "quantile": ANY,
        "gamma": POSITIVE,
        "poisson": NOT_NEGATIVE,
    },
)
HISTOGRAM_CLASSIFICATION = Objectives("loss", {"log_loss": ANY})
FOREST_REGRESSION = Objectives(
    "criterion", {"squared_error": ANY, "absolute_error": ANY, "poisson": NOT_NEGATIVE}
)
FOREST_CLASSIFICATION = Objectives("criterion", dict.fromkeys(("gini", "entropy", "log_loss"), ANY))
