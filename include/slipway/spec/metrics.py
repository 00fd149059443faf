"""The metrics that gates and monitoring can use, one row each.

Adding a metric means adding a row to `METRICS`: specs then accept it for its task, evaluation
computes it, and gates and monitoring compare it in its direction. Imports no scikit-learn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Any, Literal

Task = Literal["classification", "multiclass", "regression"]


def has_classes(task: Task) -> bool:
    """Return whether a task predicts classes: two, or more."""
    return task != "regression"


@dataclass(frozen=True)
class Metric:
    """A metric: how it is computed and compared.

    Attributes:
        name: As specs, run records and MLflow name it.
        task: Kind of prediction that it measures.
        greater_is_better: Its direction: True for scores, False for errors and losses.
        function: Import path of a function of (labels, scores): labels of shape (n_rows,), scores
            of shape (n_rows,), or (n_rows, n_classes) of more than two classes.
        arguments: Further keyword arguments of the function.
        takes: What the function takes in place of scores, if `classes`: the predicted ones, of
            shape (n_rows,); of two the second one from a score of one half.
        multiclass: Whether a metric of a classification measures more than two classes as well.
        by_block: Import path of a function that prepares it for many resamples of blocks of rows;
            empty: it is computed anew on the rows of each resample, which is slower.
        needs_both_classes: Whether it is undefined on rows of a single class.
        min_rows: With fewer rows it is undefined.
        has_floor: Whether a model that learnt something is better than a constant by it. By the
            error of a calibration it is not: a constant's is nearly 0.
        lowest: Least value that it can have.
        highest: Greatest value that it can have.
    """

    name: str
    task: Task
    greater_is_better: bool
    function: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    needs_both_classes: bool = False
    min_rows: int = 1
    takes: Literal["scores", "classes"] = "scores"
    multiclass: bool = False
    by_block: str = ""
    has_floor: bool = True
    lowest: float = 0.0
    highest: float = 1.0

    def measures(self, task: Task) -> bool:
        """Return whether it measures a kind of prediction."""
        return self.task == task or (self.multiclass and task == "multiclass")

    @property
    def perfect(self) -> float:
        """Value of perfect answers."""
        return self.highest if self.greater_is_better else self.lowest


_SKLEARN = "sklearn.metrics."
_BY_BLOCK = "slipway.adapters.metrics.by_block."
_OWN = "slipway.adapters.metrics.class_metrics."
METRICS: Mapping[str, Metric] = {
    row.name: row
    for row in (
        Metric(
            "roc_auc",
            "classification",
            greater_is_better=True,
            function=f"{_SKLEARN}roc_auc_score",
            needs_both_classes=True,
            by_block=f"{_BY_BLOCK}ranked.roc_auc",
        ),
        Metric(
            "average_precision",
            "classification",
            greater_is_better=True,
            function=f"{_SKLEARN}average_precision_score",
            needs_both_classes=True,
            by_block=f"{_BY_BLOCK}ranked.average_precision",
        ),
        Metric(
            "log_loss",
            "classification",
            greater_is_better=False,
            function=f"{_OWN}log_loss",
            multiclass=True,
            by_block=f"{_BY_BLOCK}sums.log_loss",
            highest=inf,
        ),
        Metric(
            "brier_score",
            "classification",
            greater_is_better=False,
            function=f"{_SKLEARN}brier_score_loss",
            by_block=f"{_BY_BLOCK}sums.brier_score",
        ),
        Metric(
            "expected_calibration_error",
            "classification",
            greater_is_better=False,
            function=f"{_OWN}expected_calibration_error",
            multiclass=True,
            has_floor=False,
            by_block=f"{_BY_BLOCK}sums.expected_calibration_error",
        ),
        Metric(
            "accuracy",
            "classification",
            greater_is_better=True,
            function=f"{_SKLEARN}accuracy_score",
            takes="classes",
            multiclass=True,
            by_block=f"{_BY_BLOCK}sums.accuracy",
        ),
        Metric(
            "balanced_accuracy",
            "classification",
            greater_is_better=True,
            function=f"{_OWN}balanced_accuracy",
            takes="classes",
            multiclass=True,
            by_block=f"{_BY_BLOCK}confusions.balanced_accuracy",
        ),
        Metric(
            "f1_macro",
            "classification",
            greater_is_better=True,
            function=f"{_SKLEARN}f1_score",
            arguments={"average": "macro", "zero_division": 0},
            takes="classes",
            multiclass=True,
            by_block=f"{_BY_BLOCK}confusions.f1_macro",
        ),
        Metric(
            "quadratic_kappa",
            "classification",
            greater_is_better=True,
            function=f"{_OWN}quadratic_kappa",
            needs_both_classes=True,
            takes="classes",
            multiclass=True,
            by_block=f"{_BY_BLOCK}confusions.quadratic_kappa",
            lowest=-1.0,
        ),
        Metric(
            "roc_auc_ovr",
            "multiclass",
            greater_is_better=True,
            function=f"{_OWN}roc_auc_ovr",
            needs_both_classes=True,
            by_block=f"{_BY_BLOCK}ranked.roc_auc_ovr",
        ),
        Metric(
            "mean_absolute_error",
            "regression",
            greater_is_better=False,
            function=f"{_SKLEARN}mean_absolute_error",
            by_block=f"{_BY_BLOCK}sums.mean_absolute_error",
            highest=inf,
        ),
        Metric(
            "root_mean_squared_error",
            "regression",
            greater_is_better=False,
            function=f"{_SKLEARN}root_mean_squared_error",
            by_block=f"{_BY_BLOCK}sums.root_mean_squared_error",
            highest=inf,
        ),
        Metric(
            "r2_score",
            "regression",
            greater_is_better=True,
            function=f"{_SKLEARN}r2_score",
            min_rows=2,
            by_block=f"{_BY_BLOCK}sums.r2_score",
            lowest=-inf,
        ),
    )
}

if TYPE_CHECKING:
    MetricName = str
else:
    MetricName = Literal[tuple(METRICS)]


def metrics_of(task: Task) -> tuple[str, ...]:
    """Return the names of the metrics that measure a kind of prediction."""
    return tuple(name for name, row in METRICS.items() if row.measures(task))
