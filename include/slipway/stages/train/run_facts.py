"""Numbers and parameters of a training, as its verdict and its MLflow run have them."""

from __future__ import annotations

from typing import Any

from slipway.spec import ModelSpec
from slipway.spec.model import Training
from slipway.stages.train.splitting import Split


def numbers_of(parts: Split) -> dict[str, Any]:
    """Return the numbers of rows of both parts, and their first and last event times."""
    training_start, training_end = parts.span("training")
    holdout_start, holdout_end = parts.span("holdout")
    return {
        "training_rows": len(parts.training),
        "training_start": training_start,
        "training_end": training_end,
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
        "features": ", ".join(spec.features.names),
    } | {f"estimator.{name}": str(value) for name, value in spec.estimator.params.items()}
