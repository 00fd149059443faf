"""The model whose windows the tables of drift judge, and how the product judges one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pandas as pd

from monitoring_tables.history import CATEGORICAL, NUMERIC, ROWS_A_DAY, History
from slipway.records.verdicts import Verdict
from slipway.spec import ModelSpec
from slipway.stages.monitor.drift.distances import CalibratedReference, calibrate_reference, compare
from slipway.stages.monitor.drift.judge_drift import judge_drift
from slipway.stages.monitor.reference.columns import Columns, tidy

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


def watched_columns(spec: ModelSpec) -> Columns:
    """Its columns, with their distances."""
    drift = spec.monitoring.drift
    return Columns((*NUMERIC, "score"), CATEGORICAL, drift.numeric_method, drift.categorical_method)


def learn_reference(spec: ModelSpec, history: History, *, days: int) -> CalibratedReference:
    """Calibrate limits on the first days of a history, as the stage `drift` does."""
    columns = watched_columns(spec)
    return calibrate_reference(
        tidy(history.part(0, days), columns),
        history.times(0, days),
        columns=columns,
        window=timedelta(days=WINDOW_DAYS),
        window_rows=WINDOW_DAYS * ROWS_A_DAY,
        spec=spec,
    )


def judge_window(spec: ModelSpec, rows: pd.DataFrame, known: CalibratedReference) -> Verdict:
    """Judge a window as the stage `drift` does once it has read the rows."""
    comparison = compare(tidy(rows, known.columns), known, seed=spec.training.seed)
    return judge_drift(comparison, spec.monitoring)
