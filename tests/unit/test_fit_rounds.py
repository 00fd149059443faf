"""A boosted fit is followed by its rounds while it runs."""

from __future__ import annotations

from typing import Any

import pytest

from slipway.adapters.model_package.fit_rounds import followed
from slipway.adapters.model_package.learner import SklearnLearner
from slipway.stages.ports.package import Rounds
from slipway.stages.train.told_while import told_while
from tests.support import packages

XGB, HIST = "xgboost.XGBRegressor", "sklearn.ensemble.HistGradientBoostingRegressor"


@pytest.mark.parametrize(
    ("estimator", "params"), [(XGB, {"n_estimators": 30}), (HIST, {"max_iter": 30})]
)
def test_rounds_are_counted_and_the_parameters_stay(estimator: str, params: Any) -> None:
    """Up to those that the spec plans; what is saved holds no callback."""
    rounds = Rounds()
    assert str(rounds) == ""
    spec = packages.spec(estimator, **params)
    rows = packages.rows(300).assign(late=range(300))
    learned = SklearnLearner(spec, packages.dataset(), None).learn(rows, rounds=rounds)
    assert str(rounds) == "round 30 of 30"
    fitted = learned.package.pipeline[-1]
    assert fitted.get_params().get("callbacks") is None


def test_rounds_are_told_while_a_fit_runs() -> None:
    """Beside the time so far; each callback of the estimator's own is called as well."""
    from xgboost import XGBRegressor
    from xgboost.callback import TrainingCallback

    told: list[str] = []
    rounds = Rounds()

    class Own(TrainingCallback):
        """Reads the rounds as the teller does, before it counts the present one."""

        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            """Read."""
            del model, epoch, evals_log
            told.append(str(rounds))
            return False

    own = [Own()]
    estimator = XGBRegressor(n_estimators=3, callbacks=own)
    with followed(estimator, rounds):
        estimator.fit([[1.0], [2.0]], [1.0, 2.0])
    assert told == ["round 0 of 3", "round 1 of 3", "round 2 of 3"]
    assert estimator.callbacks is own
    with told_while(told.append, "fitting", each_seconds=0.001, how_far=lambda: str(rounds)):
        while len(told) == 3:
            pass
    assert told[3] == "fitting: 0 s so far, round 3 of 3"


def test_other_estimators_have_no_rounds() -> None:
    """No line has them."""
    from sklearn.linear_model import LinearRegression
    from xgboost import XGBRFRegressor

    for estimator in (LinearRegression(), XGBRFRegressor(n_estimators=3)):
        rounds = Rounds()
        with followed(estimator, rounds):
            estimator.fit([[1.0], [2.0]], [1.0, 2.0])
        assert str(rounds) == ""
