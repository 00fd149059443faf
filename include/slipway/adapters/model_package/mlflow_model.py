"""Save a fitted pipeline as an MLflow model, with its signature and pinned requirements."""

from __future__ import annotations

import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

from slipway.adapters.model_package.package import Package
from slipway.spec.estimators import ESTIMATORS
from slipway.spec.metrics import has_classes

REQUIREMENTS = sorted(
    {"numpy", "pandas", "scikit-learn", "skops", *(row.distribution for row in ESTIMATORS.values())}
)
"""Packages that a saved model needs, pinned to the versions that it was trained with."""


def save_mlflow_model(package: Package, folder: Path, trusted_types: list[str]) -> None:
    """Write a fitted pipeline as an MLflow model: signature, input example, requirements.

    Args:
        package: Pipeline and its columns.
        folder: A folder that does not exist yet.
        trusted_types: Types that skops may load.
    """
    # Imported here: MLflow costs seconds, and only saving needs it.
    with warnings.catch_warnings():
        # MLflow warns about type hints of its own chat agents when it is imported.
        warnings.filterwarnings("ignore", message=".*Any type hint is inferred as AnyType")
        import mlflow.pyfunc
        import mlflow.sklearn
        from mlflow.models import ModelSignature
        from mlflow.types import ColSpec, Schema, TensorSpec

    kinds = {"number": "double", "string": "string"}
    columns = package.pipeline_columns
    inputs = Schema([ColSpec(kinds[one.kind], one.name, required=one.required) for one in columns])
    classes = has_classes(package.task)
    width = len(package.scored.fitted) if package.scored else 2
    outputs = Schema([TensorSpec(np.dtype("float64"), (-1, width) if classes else (-1,))])
    mlflow.sklearn.save_model(
        package.pipeline,
        folder,
        serialization_format="skops",
        skops_trusted_types=trusted_types,
        signature=ModelSignature(inputs=inputs, outputs=outputs),
        input_example=_synthetic_row(package),
        pip_requirements=[f"{name}=={version(name)}" for name in REQUIREMENTS],
        pyfunc_predict_fn="predict_proba" if classes else "predict",
    )


def _synthetic_row(package: Package) -> pd.DataFrame:
    values = {"number": 1.0, "string": "example"}
    return pd.DataFrame({column.name: [values[column.kind]] for column in package.pipeline_columns})
