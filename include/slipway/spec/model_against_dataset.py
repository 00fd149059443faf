"""Check a model against its dataset: that it exists, and has the columns, in fitting types."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from slipway.spec.behaviour_problems import behaviour_against_dataset
from slipway.spec.consistency import feature_columns, gate_columns
from slipway.spec.dataset import DatasetSpec
from slipway.spec.dataset_column import Column
from slipway.spec.estimator_params import objective_against_expectations
from slipway.spec.folders import Folder
from slipway.spec.label_sets import labels_against_task
from slipway.spec.model import ModelSpec
from slipway.spec.named_values import values_against_dataset
from slipway.spec.problem_at import problem_at, unknown_column, unknown_name
from slipway.spec.problems import Problem
from slipway.spec.robustness_problems import robustness_against_dataset
from slipway.spec.target_classes import classes_against_column
from slipway.spec.yaml_reader import Document, Where

_OF_VALUES = frozenset({"named", "with_values", "row"})
"""Fields of gates that hold values of a column, not its name."""

_NUMERIC = frozenset({"integer", "number", "boolean"})
_CATEGORICAL = frozenset({"string", "integer", "boolean"})
_TARGETS = {
    "classification": frozenset({"boolean", "integer", "string"}),
    "multiclass": frozenset({"integer", "string"}),
    "regression": frozenset({"integer", "number"}),
}
_NO_FEATURE = (
    "remove it; if it is known at prediction time, declare it among the features in dataset.yaml"
)
_COARSER = "deliver a coarser column that is not personal, such as ten years of age"
_HASHED = f"list it under `categorical`, where the model gets keyed hashes, or {_COARSER}"


def model_against_dataset(
    model: Folder[ModelSpec],
    name: str,
    datasets: Mapping[str, Folder[DatasetSpec]],
    known: Collection[str],
) -> Iterator[Problem]:
    """Yield the problems of a model with the datasets.

    Args:
        model: The model's folder.
        name: Its name.
        datasets: Folders that were read, by name; the model's dataset is one of them, if it exists.
        known: Names of all datasets of the project.
    """
    if name in datasets:
        summary = f"a dataset is called {name!r} too; runs and ledgers are kept by name"
        yield problem_at(model.main, ("model",), summary, hint="rename one of the two folders")
    if model.spec is None:
        return
    given = model.spec.dataset
    dataset = datasets.get(given)
    if dataset is None:
        summary = "which has no folder in include/datasets"
        hint = f"there are no datasets yet: make include/datasets/{given}/dataset.yaml first"
        yield unknown_name(
            model.main, ("dataset",), given, summary=summary, allowed=known, hint_without=hint
        )
    elif dataset.spec is not None:
        yield from _columns(model.spec, dataset.spec, model.main)
        yield from behaviour_against_dataset(model.spec, dataset.spec, model.main)
        yield from objective_against_expectations(model.spec, dataset.spec, model.main)
        yield from labels_against_task(model.spec, dataset.spec, model.main)
        yield from values_against_dataset(model.spec, dataset.spec, model.main)
        yield from robustness_against_dataset(model.spec, dataset.spec, model.main)


def _columns(spec: ModelSpec, dataset: DatasetSpec, document: Document) -> Iterator[Problem]:
    features, labels = dataset.streams.features.columns, dataset.streams.labels.columns
    identity, key = dataset.identity.of_no_model, dataset.identity.key.named
    for where, name in feature_columns(spec):
        if name in labels and name not in features:
            summary = f"{name!r} is a label, which is not known yet when a model is asked"
            yield problem_at(document, where, summary, hint=_NO_FEATURE)
        elif name not in features:
            yield unknown_column(document, where, name, features, "features")
        elif name in identity:
            summary = f"{name!r} is the dataset's {identity[name]}, which is never given to a model"
            yield problem_at(document, where, summary)
        else:
            yield from _feature(document, where, name, features[name])
    for where, name, fitting in gate_columns(spec):
        if name not in features:
            yield unknown_column(document, where, name, features, "features")
        else:
            yield from _wrong_type(document, where, name, features[name], fitting)
    if spec.target not in labels or spec.target in key:
        others = [name for name in labels if name not in key]
        yield unknown_column(document, ("target",), spec.target, others, "labels")
    else:
        yield from _target(spec, labels[spec.target], document)


def _feature(document: Document, where: Where, name: str, column: Column) -> Iterator[Problem]:
    numeric = where[1] == "numeric"
    yield from _wrong_type(document, where, name, column, _NUMERIC if numeric else _CATEGORICAL)
    if numeric and column.pii is not None:
        summary = f"{name!r} is personal, and the thresholds of a model would hold its numbers"
        yield problem_at(
            document, where, summary, hint=_HASHED if column.type in _CATEGORICAL else _COARSER
        )


def _target(spec: ModelSpec, column: Column, document: Document) -> Iterator[Problem]:
    yield from _wrong_type(document, ("target",), spec.target, column, _TARGETS[spec.task])
    yield from classes_against_column(spec, column.type, document)
    if column.pii is not None:
        summary = f"{spec.target!r} is personal, and a version's folder holds labels of its holdout"
        yield problem_at(document, ("target",), summary, hint="deliver a label that is not")


def _wrong_type(
    document: Document,
    where: Where,
    name: str,
    column: Column,
    fitting: frozenset[str],
) -> Iterator[Problem]:
    if column.type in fitting:
        return
    expected = " or ".join(sorted(fitting))
    if _OF_VALUES.isdisjoint(where):
        summary = f"{name!r} is of type {column.type}; expected {expected}"
    else:
        # The column is as it is; what stands here is the mistake.
        summary = f"is for a column of type {expected}; {name!r} is of type {column.type}"
    yield problem_at(document, where, summary)
