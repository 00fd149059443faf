"""Models trained on the made-up crossings, and their ONNX forms."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from slipway.adapters.model_package.learned_model import LearnedModel
from slipway.adapters.model_package.learner import SklearnLearner
from slipway.adapters.model_package.onnx_form import OnnxForm, write_onnx
from slipway.adapters.onnx_model import OnnxModel
from tests.support import packages


def learned(estimator: str, *, source: str | None = None, **params: Any) -> LearnedModel:
    """A model trained on the crossings, with few trees."""
    if source is None and ("XGB" in estimator or "Forest" in estimator):
        params = {"n_estimators": 20} | params
    spec = packages.spec(estimator, **params)
    return SklearnLearner(spec, packages.dataset(), source).learn(packages.labelled(spec))


def form_of(model: LearnedModel) -> OnnxForm:
    """The ONNX form of a model."""
    return write_onnx(model.package.pipeline, model.package.columns)


def asked(model: LearnedModel) -> OnnxModel:
    """The ONNX form of a model, loaded as a server loads it."""
    features = [asdict(column) for column in model.package.columns]
    return OnnxModel(form_of(model).data, {"features": features})


def difference(model: LearnedModel, rows: pd.DataFrame) -> float:
    """Largest difference of both engines' scores, absolute below 1 and relative above."""
    expected = model.predict(rows)
    found = asked(model).score(packages.values(model.package, rows))
    return float((np.abs(found - expected) / np.maximum(1, np.abs(expected))).max())
