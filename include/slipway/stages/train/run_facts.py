"""Numbers and parameters of a training, as its verdict and its MLflow run have them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from slipway.spec import ModelSpec
from slipway.spec.training import Training
from slipway.stages.ports.tracking import LoggedTrial
from slipway.stages.search.trials import Trial
from slipway.stages.train.splitting import Split


def numbers_of(parts: Split) -> dict[str, Any]:
    """Return the numbers of rows of the parts that there are, and their first and last times."""
    training_start, training_end = parts.span("training")
    numbers = {
        "training_rows": len(parts.training),
        "training_start": training_start,
        "training_end": training_end,
    }
    if not len(parts.holdout):
        return numbers
    holdout_start, holdout_end = parts.span("holdout")
    return numbers | {
        "holdout_rows": len(parts.holdout),
        "holdout_start": holdout_start,
        "holdout_end": holdout_end,
    }


def _holdout_params(training: Training) -> dict[str, str]:
    if training.split == "random":
        return {"split": "random", "holdout_share": str(training.holdout_share)}
    return {"split": "time", "holdout_days": str(training.holdout_days)}


def params_of(spec: ModelSpec) -> dict[str, str]:
    """Return the parameters of a training's MLflow run."""
    return {
        "estimator": spec.estimator.name,
        **_holdout_params(spec.training),
        "window_days": str(spec.training.window_days or "expanding"),
        "seed": str(spec.training.seed),
        "class_weights": str(spec.training.class_weights or "none"),
        "calibration": getattr(spec.training.calibration, "method", "none"),
        "features": ", ".join(spec.features.names),
    } | {f"estimator.{name}": str(value) for name, value in spec.estimator.params.items()}


def found_params(estimator: Mapping[str, Any]) -> dict[str, str]:
    """Return the estimator that a search has found, as parameters of its training's MLflow run."""
    params = {f"found.{name}": str(value) for name, value in estimator["params"].items()}
    return {"found": str(estimator["name"])} | params


def logged_trial(trial: Trial, spec: ModelSpec) -> LoggedTrial:
    """Return a trial as a run below its training's."""
    estimator = trial.candidate.estimator
    params = {"estimator": "constant" if estimator is None else estimator.name}
    if estimator is not None:
        params |= {f"estimator.{name}": str(one) for name, one in estimator.params.items()}
    metrics = {"fit_seconds": trial.seconds}
    if trial.state == "complete":
        metrics |= {spec.search_metric: trial.mean, f"{spec.search_metric}_error": trial.error}
    return LoggedTrial(
        name=f"{trial.number:03d} {trial.candidate.name}",
        params=params,
        metrics=metrics,
        by_fold={f"fold.{spec.search_metric}": trial.scores},
        tags={
            "slipway.trial": str(trial.number),
            "slipway.trial_state": trial.state,
            **({"slipway.trial_reason": trial.reason} if trial.reason else {}),
        },
        status="FAILED" if trial.state == "failed" else "FINISHED",
    )
