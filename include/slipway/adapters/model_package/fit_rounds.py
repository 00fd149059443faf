"""Follow the rounds of a boosted fit while it runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

    from slipway.stages.ports.package import Rounds


@contextmanager
def followed(estimator: BaseEstimator, rounds: Rounds) -> Iterator[None]:
    """Count the rounds of the fit inside; other estimators than boosted ones have none.

    Args:
        estimator: Estimator to be fitted; its parameters are afterwards what they were.
        rounds: Is filled in.
    """
    if isinstance(estimator, HistGradientBoostingClassifier | HistGradientBoostingRegressor):
        # It has no callbacks, but its trees can be counted from the first one on.
        rounds.planned = estimator.max_iter
        rounds.ended = lambda: getattr(estimator, "n_iter_", 0)
        yield
    elif any(kind.__module__.startswith("xgboost.") for kind in type(estimator).__mro__):
        with _counted(estimator, rounds):
            yield
    else:
        yield


@contextmanager
def _counted(estimator: Any, rounds: Rounds) -> Iterator[None]:
    from xgboost import XGBModel, XGBRFClassifier, XGBRFRegressor
    from xgboost.callback import TrainingCallback

    # A random forest is one round, and refuses callbacks.
    if not isinstance(estimator, XGBModel) or isinstance(
        estimator, XGBRFClassifier | XGBRFRegressor
    ):
        yield
        return
    counted = 0

    class Count(TrainingCallback):  # type: ignore[misc,unused-ignore]
        """Counts rounds, and ends none early."""

        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            """Take the number of a round that has ended."""
            del model, evals_log
            nonlocal counted
            counted = epoch + 1
            return False

    given = estimator.callbacks
    rounds.planned = estimator.get_num_boosting_rounds()
    rounds.ended = lambda: counted
    estimator.set_params(callbacks=[*(given or []), Count()])
    try:
        yield
    finally:
        estimator.set_params(callbacks=given)
