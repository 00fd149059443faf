"""The model whose windows the tables of drift judge, and how the product judges one."""

from __future__ import annotations

from typing import Any

import pandas as pd

from monitoring_tables.history import CATEGORICAL, NUMERIC
from slipway.adapters.drift_report import DriftReports
from slipway.records.verdicts import Verdict
from slipway.spec import ModelSpec
from slipway.stages.monitor.columns import Columns, tidy
from slipway.stages.monitor.distances import compare
from slipway.stages.monitor.judge_drift import judge_drift

WINDOW_DAYS = 7


def watched_model(**drift: Any) -> ModelSpec:
    """A model with weekly windows and, but for `monitoring.drift`, the defaults."""
    performance = {"metric": "roc_auc", "max_absolute_drop": 0.05}
    return ModelSpec.model_validate(
        {
            "model": "watched",
            "dataset": "made_up",
            "task": "classification",
            "target": "late",
            "features": {"numeric": list(NUMERIC), "categorical": list(CATEGORICAL)},
            "estimator": {"name": "sklearn.linear_model.LogisticRegression"},
            "gates": {"metrics": {"roc_auc": {}}},
            "monitoring": {"window": "week", "performance": performance, "drift": drift},
        }
    )


def judge_window(
    spec: ModelSpec, window: pd.DataFrame, reference: pd.DataFrame, *, reference_days: int
) -> Verdict:
    """Judge a window as the stage `drift` does once it has read the rows."""
    drift = spec.monitoring.drift
    columns = Columns(
        (*NUMERIC, "score"), CATEGORICAL, drift.numeric_method, drift.categorical_method
    )
    comparison, _ = compare(
        tidy(window, columns),
        tidy(reference, columns),
        columns=columns,
        span_windows=reference_days / WINDOW_DAYS,
        spec=spec,
        reports=DriftReports(),
    )
    return judge_drift(comparison, spec.monitoring)
