"""Fit an estimator on one fold of the training rows, and measure it on the others."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from slipway.errors import NotComputable, SpecError
from slipway.spec import ModelSpec
from slipway.spec.estimators import ESTIMATORS
from slipway.spec.labels import Label
from slipway.spec.metrics import METRICS, has_classes
from slipway.spec.model import Estimator
from slipway.stages.model.class_scores import class_shares
from slipway.stages.ports.metrics import Measure
from slipway.stages.ports.package import Learner
from slipway.stages.ports.tuning import FoldScore, Workers
from slipway.stages.search.folds import Fold

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@dataclass(frozen=True)
class FoldFits:
    """Fits on folds; can be sent to another process.

    Attributes:
        spec: Model.
        learner: Its learner, for any estimator.
        rows: Training rows; of a classification the target has the codes of its classes.
        folds: Folds of the rows.
        classes: Classes by their codes; None for a regression.
        measure: Computes the metric.
        threads: Threads of a fit; None: as of any training.
    """

    spec: ModelSpec
    learner: Learner
    rows: pd.DataFrame
    folds: Sequence[Fold]
    classes: Sequence[Label] | None
    measure: Measure
    threads: int | None = None

    def score(self, estimator: Estimator | None, fold: int) -> FoldScore:
        """Return what an estimator, or a constant, scores on the measured rows of a fold."""
        started = time.perf_counter()
        learning = self.rows.iloc[self.folds[fold].learning]
        measured = self.rows.iloc[self.folds[fold].measured]
        target, metric = self.spec.target, self.spec.search_metric
        try:
            if estimator is None:
                scores = self._constant(learning[target], len(measured))
            else:
                learner = self.learner.with_estimator(self._with_threads(estimator))
                scores = learner.learn(learning, classes=self.classes).predict(measured)
        except SpecError as error:
            return FoldScore(None, time.perf_counter() - started, error)
        value = self.measure([metric], actual=measured[target], scores=scores)[metric]
        seconds = time.perf_counter() - started
        if value is not None:
            return FoldScore(value, seconds)
        failure = SpecError(
            f"{metric} cannot be computed",
            expected="finite predictions",
            where=f"fold {fold + 1} of {len(self.folds)}",
        )
        return FoldScore(None, seconds, failure)

    def _with_threads(self, estimator: Estimator) -> Estimator:
        row = ESTIMATORS[estimator.name]
        if self.threads is None or row.threads is None:
            return estimator
        params = {row.threads: self.threads, **estimator.params}
        return Estimator(name=estimator.name, params=params)

    def _constant(self, target: pd.Series[Any], count: int) -> np.ndarray[Any, Any]:
        import numpy as np

        if self.spec.task == "multiclass":
            return np.tile(class_shares(target, self.classes), (count, 1))
        return np.full(count, float(target.mean()))


OpenWorkers = Callable[[FoldFits, int], AbstractContextManager[Workers]]
"""Opens so many workers, which end with the block."""


def require_measurable(fits: FoldFits) -> None:
    """Raise unless each fold can be learnt from and measured, before any fit.

    Raises:
        NotComputable: A fold has labels of one class, or too few rows.
    """
    metric = METRICS[fits.spec.search_metric]
    for place, fold in enumerate(fits.folds):
        labels = fits.rows[fits.spec.target]
        learnt = labels.iloc[fold.learning].nunique()
        measured = labels.iloc[fold.measured].nunique()
        one_class = (has_classes(fits.spec.task) and learnt == 1) or (
            metric.needs_both_classes and measured == 1
        )
        if one_class or len(fold.measured) < metric.min_rows:
            raise NotComputable(
                f"{metric.name} cannot be computed on fold {place + 1} of {len(fits.folds)}",
                expected="labels of two or more classes in both of its parts"
                if one_class
                else f"{metric.min_rows} rows",
                found="labels of one class" if one_class else f"{len(fold.measured)}",
                where=f"column {fits.spec.target}",
                hint="lower `search.folds` in model.yaml, or wait for labels of the other class",
            )


class OneAfterAnother:
    """Fulfils the `Workers` port in this process: each fit ends before the next one begins.

    Args:
        fits: Fits on folds.
    """

    def __init__(self, fits: FoldFits) -> None:
        self._fits = fits

    def submit(self, estimator: Estimator | None, fold: int) -> Future[FoldScore]:
        """Fit an estimator, or a constant, to one fold."""
        future = Future[FoldScore]()
        future.set_result(self._fits.score(estimator, fold))
        return future


@contextmanager
def one_after_another(fits: FoldFits) -> Iterator[OneAfterAnother]:
    """Give workers that fit in this process."""
    yield OneAfterAnother(fits)
