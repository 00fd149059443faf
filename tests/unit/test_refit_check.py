"""Check of a refit: like the judged model by its first metric, and by the order of its scores."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from slipway.spec.model import ModelSpec
from slipway.spec.warnings import model_warnings
from slipway.stages.model.rank_correlation import rank_correlation
from slipway.stages.train.refit_check import LEAST_RANK_CORRELATION, RefitCheck
from tests.support.training_env import spec

TRAINING = {"holdout_days": 10, "min_rows": 500, "ship": "refit"}


def test_figures_within_the_tolerance_pass_and_others_do_not() -> None:
    """A tenth of the lead on a constant, or a hundredth of the metric; by its direction."""
    like = RefitCheck(100, "roc_auc", 0.8, 0.78, 0.5, None, LEAST_RANK_CORRELATION)
    assert like.tolerance == pytest.approx(0.03)
    assert like.objections() == []
    assert len(replace(like, refit=0.76).objections()) == 1
    error = replace(like, metric="root_mean_squared_error", judged=10.0, constant=10.1, refit=10.05)
    assert error.objections() == []
    assert len(replace(error, refit=10.2).objections()) == 1
    for missing in (replace(like, refit=None), replace(like, judged=float("nan"))):
        assert missing.objections() == ["roc_auc of refit and judged model cannot be computed"]
    assert len(replace(like, rank_correlation=None).objections()) == 1
    assert len(replace(like, rank_correlation=0.29).objections()) == 1


def test_ranks_are_compared_and_not_values() -> None:
    """A monotone change is 1, the other way round -1, a constant 0, other shapes are unknown."""
    scores = np.array([0.1, 0.2, 0.4, 0.9])
    assert rank_correlation(scores**3, scores) == pytest.approx(1.0)
    assert rank_correlation(-scores, scores) == pytest.approx(-1.0)
    assert rank_correlation(np.ones(4), scores) == 0.0
    assert rank_correlation(scores[:3], scores) is None
    assert rank_correlation(np.array([0.1, 0.2, 0.4, np.nan]), scores) is None


def test_a_check_of_the_specs_tells_what_a_refit_costs() -> None:
    """Days of new labels where gates resample days, else rows; nothing for the default."""

    def told(value: ModelSpec) -> list[str]:
        return [one for one in model_warnings(value, None) if one.startswith("training.ship")]

    gates = {"min_blocks": 12, "metrics": {"roc_auc": {"compare": "better"}}}
    [blocks] = told(spec(training={**TRAINING, "holdout_days": 20}, gates=gates))
    assert "before there are 500 rows and 12 blocks (day) of them promotes nothing" in blocks
    [rows] = told(spec(training=TRAINING))
    assert "before there are 100 rows of them promotes nothing" in rows
    assert told(spec()) == []
