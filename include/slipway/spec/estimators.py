"""The estimators that a model can name, one row each.

Adding an estimator means adding a row to `ESTIMATORS`: specs then accept it for its task, and
training, saving, loading and the conversion to ONNX read the row. Imports no scikit-learn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from slipway.spec import target_ranges as ranges
from slipway.spec.metrics import Task, has_classes
from slipway.spec.search import AUTO


@dataclass(frozen=True)
class EstimatorClass:
    """An estimator: its class, and how it is built, saved and converted.

    Attributes:
        path: Import path of its class; its name in specs.
        task: Kind of prediction; one of a classification takes more than two classes as well.
        seed: Its parameter for the seed; None where it has none.
        threads: Its parameter for the number of threads; None where it has none.
        scaled: Whether numbers are standardized for it: penalties need columns of one scale,
            trees do not.
        trusted_types: Types that skops may build for it, beside its safe ones.
        onnx: Its writer in `adapters/model_package/onnx_form/estimators.py`; None: the version
            is served by its pipeline.
        distribution: Package on PyPI that provides the class.
        objectives: Its objectives, with the range of the target that each needs; None where it
            has one only.
        monotonic: Its parameter for monotonic constraints by feature; None where it has none.
        in_floats: Whether it rounds features to single precision before it looks at them.
        fit_bytes: Bytes that a fit takes for each prepared feature of a row, beside that feature:
            the growth of the process, measured on 300,000 rows of 76 numbers.
    """

    path: str
    task: Task
    seed: str | None = "random_state"
    threads: str | None = None
    scaled: bool = False
    trusted_types: tuple[str, ...] = ()
    onnx: str | None = None
    distribution: str = "scikit-learn"
    objectives: ranges.Objectives | None = None
    monotonic: str | None = None
    in_floats: bool = False
    fit_bytes: int = 8

    def fits(self, task: Task) -> bool:
        """Return whether it can learn a kind of prediction."""
        return has_classes(self.task) == has_classes(task)

    def builds(self, estimator: object) -> bool:
        """Return whether an object is of exactly this class, by the names of package and class."""
        kind = type(estimator)
        package, name = kind.__module__.partition(".")[0], kind.__name__
        return self.path.startswith(f"{package}.") and self.path.endswith(f".{name}")


_TREE = ("sklearn.tree._tree.Tree",)
_HISTOGRAM_TREE = ("sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",)
_BOOSTER = "xgboost.core.Booster"

ESTIMATORS: Mapping[str, EstimatorClass] = {
    row.path: row
    for row in (
        EstimatorClass(
            "xgboost.XGBClassifier",
            "classification",
            threads="n_jobs",
            trusted_types=(_BOOSTER, "xgboost.sklearn.XGBClassifier"),
            onnx="xgboost",
            distribution="xgboost-cpu",
            objectives=ranges.XGBOOST_CLASSIFICATION,
            monotonic="monotone_constraints",
            in_floats=True,
            fit_bytes=6,
        ),
        EstimatorClass(
            "xgboost.XGBRegressor",
            "regression",
            threads="n_jobs",
            trusted_types=(_BOOSTER, "xgboost.sklearn.XGBRegressor"),
            onnx="xgboost",
            distribution="xgboost-cpu",
            objectives=ranges.XGBOOST_REGRESSION,
            monotonic="monotone_constraints",
            in_floats=True,
            fit_bytes=6,
        ),
        EstimatorClass(
            "sklearn.linear_model.LogisticRegression",
            "classification",
            scaled=True,
            onnx="logistic",
            fit_bytes=1,
        ),
        EstimatorClass(
            "sklearn.linear_model.Ridge",
            "regression",
            scaled=True,
            onnx="linear",
        ),
        EstimatorClass(
            "sklearn.ensemble.HistGradientBoostingClassifier",
            "classification",
            trusted_types=_HISTOGRAM_TREE,
            onnx="hist_gradient_boosting",
            objectives=ranges.HISTOGRAM_CLASSIFICATION,
            monotonic="monotonic_cst",
            fit_bytes=14,
        ),
        EstimatorClass(
            "sklearn.ensemble.HistGradientBoostingRegressor",
            "regression",
            trusted_types=_HISTOGRAM_TREE,
            onnx="hist_gradient_boosting",
            objectives=ranges.HISTOGRAM_REGRESSION,
            monotonic="monotonic_cst",
            fit_bytes=14,
        ),
        EstimatorClass(
            "sklearn.ensemble.RandomForestClassifier",
            "classification",
            threads="n_jobs",
            trusted_types=_TREE,
            onnx="random_forest",
            objectives=ranges.FOREST_CLASSIFICATION,
            monotonic="monotonic_cst",
            in_floats=True,
            fit_bytes=1,
        ),
        EstimatorClass(
            "sklearn.ensemble.RandomForestRegressor",
            "regression",
            threads="n_jobs",
            trusted_types=_TREE,
            onnx="random_forest",
            objectives=ranges.FOREST_REGRESSION,
            monotonic="monotonic_cst",
            in_floats=True,
            fit_bytes=1,
        ),
    )
}

if TYPE_CHECKING:
    EstimatorName = str
else:
    EstimatorName = Literal[(*ESTIMATORS, AUTO)]
