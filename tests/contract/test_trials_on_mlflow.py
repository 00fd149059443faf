"""Trials of a search on a real MLflow server: runs below their training's."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
from mlflow import MlflowClient

from slipway.adapters.mlflow_server import MlflowTracking
from tests.support import ferry_dataset
from tests.support.training_env import TrainingEnv, spec


def test_trials_are_nested_runs(mlflow_server: str, tmp_path: Path) -> None:
    """Parameters, the figure of each fold, state and end; the parent has what was found."""
    env = TrainingEnv.in_memory(tmp_path)
    env.tracking = MlflowTracking(mlflow_server)
    env.spec = spec(
        model=f"ferry_{uuid.uuid4().hex[:12]}",
        estimator={"name": "sklearn.linear_model.LogisticRegression", "params": {"C": 1e-6}},
        search={
            "space": {"C": {"low": 0.1, "high": 10.0}},
            "trials": 2,
            "folds": 2,
            "metric": "log_loss",
        },
    )
    env.land(ferry_dataset.crossings(days=60))
    request = env.ask()
    env.snapshot(request)
    verdict = env.train(request).verdict
    client = MlflowClient(mlflow_server)
    parent = client.get_run(verdict.evidence["mlflow_run"])
    assert parent.data.params["found.C"] == str(verdict.numbers["estimator.C"])
    experiment = parent.info.experiment_id
    below = f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'"
    runs = client.search_runs([experiment], below, order_by=["attributes.start_time ASC"])
    assert [run.info.run_name for run in runs] == [
        "000 the spec's own parameters",
        "001 trial 1",
        "002 trial 2",
    ]
    for run in runs:
        assert run.info.status == "FINISHED"
        assert run.data.tags["slipway.run_key"] == parent.data.tags["slipway.run_key"]
        assert run.data.tags["slipway.trial_state"] == "complete"
        history = client.get_metric_history(run.info.run_id, "fold.log_loss")
        assert [one.step for one in history] == [0, 1]
        mean = sum(one.value for one in history) / 2
        assert run.data.metrics["log_loss"] == pytest.approx(mean)
    assert len({run.data.params["estimator.C"] for run in runs}) == 3
