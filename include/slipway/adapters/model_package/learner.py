"""Fit one scikit-learn pipeline from a spec, and save it as an MLflow model folder."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pkgutil import resolve_name
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from slipway.adapters.model_package.calibrated import calibrate
from slipway.adapters.model_package.class_weights import fit_arguments, weights_by_class
from slipway.adapters.model_package.columns import ranges_of
from slipway.adapters.model_package.encoders import category_parts, name_categories, wide_columns
from slipway.adapters.model_package.fit_errors import explained
from slipway.adapters.model_package.fit_memory import FitMemory, available_mib, require_memory
from slipway.adapters.model_package.fit_requirements import (
    require_fitting_constraints,
    require_fitting_target,
)
from slipway.adapters.model_package.fit_rounds import followed
from slipway.adapters.model_package.hashed_columns import HashedColumns, hashed_by_spec
from slipway.adapters.model_package.learned_model import LearnedModel
from slipway.adapters.model_package.package import Package, use_one_thread
from slipway.adapters.model_package.pipeline_py import import_pipeline_py
from slipway.adapters.model_package.preparation import (
    cast_for_training,
    fit_preparation,
    prepared_matrix,
)
from slipway.adapters.model_package.scored_classes import ScoredClasses
from slipway.errors import SpecError
from slipway.spec import DatasetSpec, ModelSpec
from slipway.spec.estimators import ESTIMATORS, EstimatorClass
from slipway.spec.labels import Label
from slipway.spec.model import Estimator
from slipway.spec.monotonic_constraints import constraints_of
from slipway.stages.model.manifest import (
    FITTED_CLASSES,
)
from slipway.stages.model.personal_keys import NO_KEYS, PersonalKeys
from slipway.stages.ports.package import Rounds
from slipway.stages.ports.raw_column import signature_of


@dataclass(frozen=True)
class SklearnLearner:
    """Learns one model from one spec.

    Attributes:
        spec: The model's spec.
        dataset: The spec of its dataset.
        pipeline_py: Text of the model's `pipeline.py`, if it has one.
        keys: Keys of personal columns.
    """

    spec: ModelSpec
    dataset: DatasetSpec
    pipeline_py: str | None
    keys: PersonalKeys = NO_KEYS

    def with_estimator(self, estimator: Estimator) -> SklearnLearner:
        """Return the learner of the same model with another estimator."""
        return replace(self, spec=self.spec.with_estimator(estimator))

    def with_key(self, key: str) -> SklearnLearner:
        """Return the learner that hashes personal columns by an older key."""
        return replace(self, keys=self.keys.until(key))

    def holdout_start(self, rows: pd.DataFrame) -> Any | None:
        """Return the holdout's start (event time) that `pipeline.py` sets, or None."""
        split = getattr(self._own(), "split", None)
        return None if split is None else split(rows)

    def learn(
        self,
        rows: pd.DataFrame,
        *,
        classes: Sequence[Label] | None = None,
        calibrate_on: pd.DataFrame | None = None,
        rounds: Rounds | None = None,
    ) -> LearnedModel:
        """Fit a pipeline to rows that hold the raw feature columns and the target.

        Args:
            rows: Training rows; of a classification the target has the codes of its classes.
            classes: Classes by their codes; None for a regression.
            calibrate_on: Further rows, by which the scores of the fitted model are corrected.
            rounds: Filled in while the fit runs.

        Raises:
            BadParameter: A feature is personal, and there is no key to hash it.
            BadRequest: A column cannot be cast to the type in the spec.
            NotComputable: Too few rows of a class are kept for a calibration.
            SpecError: The estimator or `pipeline.py` does not work on these rows.
        """
        columns = signature_of(self.spec, self.dataset)
        hashed = hashed_by_spec(self.spec, self.dataset, self.keys)
        features = hashed.of(cast_for_training(rows, columns))
        target, scored = rows[self.spec.target].to_numpy(), None
        facts: dict[str, Any] = {} if classes is None else {"classes": list(classes)}
        weights = weights_by_class(target, classes, spec=self.spec)
        if weights is not None:
            facts["class_weights"] = weights
        row_weights = None if weights is None else np.array(list(weights.values()))[target]
        if self.spec.task == "multiclass" and classes is not None:
            # Estimators of XGBoost take codes without a gap only.
            present, target = np.unique(target, return_inverse=True)
            scored = ScoredClasses(len(classes), tuple(present.tolist()))
            if len(present) < len(classes):
                facts[FITTED_CLASSES] = list(scored.fitted)
        pipeline = self._fitted(features, target, row_weights, rounds or Rounds())
        if calibrate_on is not None:
            self._calibrate(pipeline, calibrate_on, scored, hashed)
        use_one_thread(pipeline)
        if wide := wide_columns(pipeline[-2]):
            facts["wide_columns"] = wide
        package = Package(
            pipeline, self.spec.task, columns, manifest={}, scored=scored, hashed=hashed
        )
        declared = self.dataset.streams.features.columns
        pii = {name: declared[name].pii for name in self.spec.features.names if declared[name].pii}
        facts |= {
            "ranges": ranges_of(features.drop(columns=list(pii)), columns),
            "pii": pii,
            **hashed.facts,
            "key_type": self.dataset.identity.key.type,
        }
        return LearnedModel(self.spec, package, self._own(), self.pipeline_py, facts)

    def _fitted(
        self,
        features: pd.DataFrame,
        target: np.ndarray[Any, Any],
        row_weights: np.ndarray[Any, Any] | None,
        rounds: Rounds,
    ) -> Pipeline:
        """Fit step by step, so that an error tells which of them raised it."""
        name, model = self.spec.estimator.name, self.spec.model
        own = f"pipeline.py of {model}" if self.pipeline_py else f"model.yaml of {model}: features"
        with explained(
            f"the features of {model} cannot be prepared", spec=self.spec, rows=features, where=own
        ):
            pipeline = self._pipeline(features, target)
            estimator = pipeline[-1]
            require_fitting_target(estimator, target, spec=self.spec)
            if len(pipeline) > len(("prepare", "estimator")):
                features = pipeline[:-2].fit_transform(features, target)
            width = fit_preparation(pipeline[-2], features, target)
            name_categories(estimator, pipeline[-2])
        require_fitting_constraints(estimator, width, spec=self.spec)
        row = next((row for row in ESTIMATORS.values() if row.builds(estimator)), None)
        self._require_memory(features, width, row, wide=wide_columns(pipeline[-2]))
        with explained(
            f"{name} cannot learn {model}",
            spec=self.spec,
            rows=features,
            where=f"model.yaml of {model}: estimator.params",
            known=(estimator.get_params(deep=False), len(features), width),
        ):
            in_floats = row is not None and row.in_floats
            prepared = prepared_matrix(pipeline[-2], features, target, in_floats=in_floats)
            weighted = fit_arguments(estimator, row_weights, spec=self.spec)
            with followed(estimator, rounds):
                estimator.fit(prepared, target, **weighted)
        return pipeline

    def _calibrate(
        self,
        pipeline: Pipeline,
        rows: pd.DataFrame,
        scored: ScoredClasses | None,
        hashed: HashedColumns,
    ) -> None:
        target = rows[self.spec.target].to_numpy()
        if scored is not None:
            # The estimator knows no other classes, and has its own codes of them.
            rows = rows[np.isin(target, scored.fitted)]
            target = np.searchsorted(scored.fitted, rows[self.spec.target].to_numpy())
        features = cast_for_training(rows, signature_of(self.spec, self.dataset))
        calibrate(pipeline, hashed.of(features), target, spec=self.spec)

    def _require_memory(
        self,
        features: pd.DataFrame,
        width: int,
        row: EstimatorClass | None,
        *,
        wide: Mapping[str, int],
    ) -> None:
        known = row or ESTIMATORS[self.spec.estimator.name]
        fit = FitMemory(
            rows=len(features),
            features=features.shape[1],
            width=width,
            cell_bytes=4 if known.in_floats else 8,
            fit_bytes=known.fit_bytes,
            wide=wide,
        )
        require_memory(fit, model=self.spec.model, available_mib=available_mib())

    def _own(self) -> ModuleType | None:
        if self.pipeline_py is None:
            return None
        return import_pipeline_py(self.spec.model, self.pipeline_py)

    def _pipeline(self, features: pd.DataFrame, target: np.ndarray[Any, Any]) -> Pipeline:
        steps: list[tuple[str, Any]] = []
        own = getattr(self._own(), "features", None)
        if own is not None:
            steps.append(("features", FunctionTransformer(own)))
            features = own(features)
        fitted = getattr(self._own(), "transformer", None)
        if fitted is not None:
            steps.append(("transformer", fitted()))
            # Fitted a second time in the pipeline: the columns are known only after this one.
            features = fitted().fit(features, target).transform(features)
        names = [str(name) for name in features.columns]
        numeric = [name for name in names if pd.api.types.is_numeric_dtype(features[name])]
        categorical = [name for name in names if name not in numeric]
        steps.append(("prepare", self._prepare(numeric, categorical)))
        steps.append(("estimator", self._estimator()))
        return Pipeline(steps)

    def _prepare(self, numeric: list[str], categorical: list[str]) -> ColumnTransformer:
        # Keep an all-null column: a revised delivery may fill it, and the shape must not change.
        impute = SimpleImputer(strategy="median", keep_empty_features=True)
        scaled = ESTIMATORS[self.spec.estimator.name].scaled
        numbers = Pipeline([("impute", impute), ("scale", StandardScaler())]) if scaled else impute
        return ColumnTransformer(
            [("numeric", numbers, numeric), *category_parts(self.spec, categorical)]
        )

    def _estimator(self) -> BaseEstimator:
        own = getattr(self._own(), "estimator", None)
        row = ESTIMATORS[self.spec.estimator.name]
        params: dict[str, Any] = {}
        if row.seed is not None:
            params[row.seed] = self.spec.training.seed
        if row.threads is not None:
            params[row.threads] = _training_threads()
        params |= self.spec.estimator.params
        if row.path.startswith("xgboost.") and (given := params.get(str(row.monotonic))):
            # XGBoost takes a tuple or a text, and a spec has lists.
            params[str(row.monotonic)] = constraints_of(given) or given
        if own is not None:
            estimator: BaseEstimator = own(params)
            return estimator
        kind = resolve_name(row.path)
        try:
            return kind(**params)
        except TypeError as error:
            raise SpecError(
                f"{kind.__name__} does not take these params",
                found=str(error),
                where=f"model.yaml of {self.spec.model}: estimator.params",
            ) from error


def _training_threads() -> int:
    """Return half of the cores, since a machine also schedules and serves.

    XGBoost's threads spin while they wait: on two busy cores, two of them took three times
    the processor time of one, and longer by the clock.
    """
    return max(1, len(os.sched_getaffinity(0)) // 2)
