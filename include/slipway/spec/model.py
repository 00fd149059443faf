"""Spec of a model: features, estimator, gates, deployment, monitoring and retraining."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from slipway.spec.base import Name, Spec, SpecConflict
from slipway.spec.deployment import Deployment
from slipway.spec.encodings import Encoding, check_encodings
from slipway.spec.estimators import EstimatorName
from slipway.spec.fairness import fairness_metrics_of
from slipway.spec.gates import Gates
from slipway.spec.labels import MOST_CLASSES, GivenLabel, check_classes
from slipway.spec.metrics import Task, has_classes, metrics_of
from slipway.spec.monitoring import Monitoring
from slipway.spec.pods import Pods, Runtime, check_runtime
from slipway.spec.retraining import Retraining
from slipway.spec.search import AUTO, Search, check_search
from slipway.spec.training import Training


class Features(Spec):
    """Raw input columns, by kind of preprocessing."""

    numeric: list[str] = Field(default_factory=list, description="Imputed by the median.")
    categorical: list[str] = Field(
        default_factory=list, description="Encoded; an unseen one-hot category is all zeros."
    )
    encoding: Encoding = Field(
        default_factory=Encoding, description="Encoding of the categorical columns."
    )
    encodings: dict[str, Encoding] = Field(
        default_factory=dict, description="Encoding of single columns, by name."
    )

    @property
    def names(self) -> list[str]:
        """All columns, numeric first; the order of the model's signature."""
        return [*self.numeric, *self.categorical]


class Estimator(Spec):
    """The scikit-learn or XGBoost estimator."""

    name: EstimatorName = Field(
        description="Import path; `auto`: training judges a handful of recipes on folds of its "
        "rows, and keeps the simplest within one standard error of the best."
    )
    params: dict[str, Any] = Field(default_factory=dict, description="Its own parameters.")


class ModelSpec(Spec):
    """`include/models/<name>/model.yaml`; `pipeline.py` beside it is optional."""

    model: Name = Field(description="Name; also the folder's name.")
    description: str = Field(default="", description="Shown in Airflow's UI.")
    owner: str = Field(default="slipway", description="Owner, shown in Airflow's UI.")
    dataset: Name = Field(description="Dataset it learns from.")
    task: Task = Field(
        description="Kind of prediction: of one of two classes (`classification`), of one of more "
        "(`multiclass`), or of a number (`regression`)."
    )
    target: str = Field(description="Label column.")
    positive: GivenLabel | None = Field(
        default=None,
        description="Of a classification: the value of the target that is class 1. Needed where "
        "the target is a string; else true, or 1.",
    )
    classes: list[GivenLabel] | None = Field(
        default=None,
        min_length=2,
        max_length=MOST_CLASSES,
        description="Of `task: multiclass`: the values of the target, in the order of the scores; "
        "none: those of the training rows, sorted.",
    )
    features: Features = Field(description="Feature columns.")
    estimator: Estimator = Field(description="Estimator.")
    search: Search | None = Field(
        default=None,
        description="Search for its parameters at each training; none: those of `estimator`.",
    )
    training: Training = Field(default_factory=Training, description="Rows and seed.")
    gates: Gates = Field(description="Gates of a challenger.")
    deployment: Deployment = Field(default_factory=Deployment, description="Serving or scoring.")
    monitoring: Monitoring = Field(description="Monitoring.")
    retraining: Retraining = Field(default_factory=Retraining, description="Retraining.")
    runtime: Runtime = Field(
        default="local", description="Where stages run: in the Airflow task, or in pods."
    )
    pods: Pods | None = Field(default=None, description="Needed by `runtime: kubernetes`.")

    @model_validator(mode="after")
    def _parts_agree(self) -> ModelSpec:
        names = self.features.names
        if not names:
            raise SpecConflict("features must name at least one column", field=("features",))
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise SpecConflict(f"features name {', '.join(twice)} twice", field=("features",))
        others = sorted(self.features.encodings.keys() - set(self.features.categorical))
        if others:
            raise SpecConflict(
                f"encodings name {', '.join(others)}, which is not categorical",
                field=("features", "encodings"),
            )
        check_encodings(
            self.features.encoding, self.features.encodings, estimator=self.estimator.name
        )
        check_search(
            self.search,
            estimator=self.estimator.name,
            has_params=bool(self.estimator.params),
        )
        check_runtime(self.runtime, self.pods)
        if self.training.class_weights is not None and not has_classes(self.task):
            raise SpecConflict(
                "class_weights are of classes, given task regression",
                field=("training", "class_weights"),
            )
        check_classes(self.task, positive=self.positive, classes=self.classes)
        on_cluster = self.deployment.capabilities.needs_cluster_rights
        if (on_cluster or self.runtime == "kubernetes") and self.model.endswith("_"):
            raise SpecConflict("no label of Kubernetes ends in `_`", field=("model",))
        return self

    @model_validator(mode="after")
    def _corrected_scores_are_of_classes(self) -> ModelSpec:
        calibration, decision = self.training.calibration, self.training.decision
        if calibration is not None and not has_classes(self.task):
            raise SpecConflict(
                "calibration is of classes, given task regression",
                field=("training", "calibration"),
            )
        where = ("training", "decision")
        if decision is not None and self.task != "classification":
            raise SpecConflict(f"decision is of two classes, given task {self.task}", field=where)
        if decision is not None and calibration is None:
            raise SpecConflict(
                "decision needs rows that the estimator does not see",
                field=where,
                hint="set `training.calibration`, too",
            )
        return self

    @model_validator(mode="after")
    def _metrics_fit_the_task(self) -> ModelSpec:
        fitting = metrics_of(self.task)
        watched = self.monitoring.performance.metric
        used: dict[tuple[str, ...], str] = {
            **{("gates", "metrics", metric): metric for metric in self.gates.metrics},
            ("monitoring", "performance", "metric"): watched,
        }
        if self.search is not None and self.search.metric is not None:
            used["search", "metric"] = self.search.metric
        for field, metric in used.items():
            if metric not in fitting:
                hint = f"for {self.task}: {', '.join(fitting)}"
                raise SpecConflict(
                    f"{metric} does not fit task {self.task}", field=field, hint=hint
                )
        fair = fairness_metrics_of(self.task)
        for metric in () if self.gates.fairness is None else self.gates.fairness.metrics:
            if metric not in fair:
                raise SpecConflict(
                    f"{metric} does not fit task {self.task}",
                    field=("gates", "fairness", "metrics", metric),
                    hint=f"for {self.task}: {', '.join(fair)}",
                )
        return self

    @property
    def searching(self) -> Search | None:
        """Search of each training; None: it fits the estimator as it is given."""
        if self.search is None and self.estimator.name == AUTO:
            return Search()
        return self.search

    @property
    def search_metric(self) -> str:
        """Metric by which a search compares its trials."""
        given = None if self.search is None else self.search.metric
        return given or next(iter(self.gates.metrics))

    def with_estimator(self, estimator: Estimator) -> ModelSpec:
        """Return the spec with another estimator, as a search has found it."""
        return self.model_copy(update={"estimator": estimator})
