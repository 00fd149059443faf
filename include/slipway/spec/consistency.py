"""Check the fields of a spec against each other, and a model against its dataset."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from slipway.spec.dataset import Column, DatasetSpec, Expectation
from slipway.spec.estimators import ESTIMATORS
from slipway.spec.metrics import METRICS
from slipway.spec.model import ModelSpec
from slipway.spec.problems import Problem, nearest
from slipway.spec.pydantic_errors import dotted
from slipway.spec.unused_sections import unused_sections
from slipway.spec.yaml_reader import Document, Where

LOGGED_COLUMNS = frozenset(
    {"request_id", "row", "key", "event_time", "received_at", "version", "score"}
)
"""The prediction log's own columns, beside the raw features."""

SCORED_COLUMNS = LOGGED_COLUMNS | {"scored_at"}
"""The score table's own columns, under the names that monitoring reads."""

_NUMERIC = frozenset({"integer", "number", "boolean"})
_CATEGORICAL = frozenset({"string", "integer", "boolean"})
_TARGETS = {
    "classification": frozenset({"boolean", "integer"}),
    "regression": frozenset({"integer", "number"}),
}
_COLUMN_ARGUMENTS = ("column", "column_A", "column_B", "column_list", "column_set")


def dataset_problems(spec: DatasetSpec, documents: Mapping[str, Document]) -> Iterator[Problem]:
    """Yield the problems inside one dataset folder.

    Args:
        spec: Spec of the folder.
        documents: Its files: `dataset`, and `expectations` where there is one.
    """
    features, labels = spec.streams.features.columns, spec.streams.labels.columns
    for stream, columns in (("features", features), ("labels", labels)):
        for name in columns:
            if name.startswith("_"):
                where: Where = ("streams", stream, "columns", name)
                summary = "column names that begin with `_` belong to Slipway"
                yield _problem(documents["dataset"], where, summary)
    for name in sorted((features.keys() & labels.keys()) - {spec.key}):
        where = ("streams", "labels", "columns", name)
        summary = "is a column of both streams; only the key may be"
        yield _problem(documents["dataset"], where, summary)
    if set(labels) == {spec.key}:
        where = ("streams", "labels", "columns")
        yield _problem(documents["dataset"], where, "holds nothing but the key")
    if "expectations" in documents:
        yield from _expectation_problems(spec, documents["expectations"])


def _expectation_problems(spec: DatasetSpec, document: Document) -> Iterator[Problem]:
    columns = {"features": spec.streams.features.columns, "labels": spec.streams.labels.columns}
    for stream, expectations in spec.expectations.items():
        for index, expectation in enumerate(expectations):
            for argument, name in _named_columns(expectation):
                if name not in columns[stream]:
                    where: Where = (stream, index, "kwargs", argument)
                    yield _unknown_column(document, where, name, columns[stream], stream)


def _named_columns(expectation: Expectation) -> Iterator[tuple[str, str]]:
    for argument in _COLUMN_ARGUMENTS:
        given = expectation.kwargs.get(argument)
        for name in given if isinstance(given, list) else [given]:
            if isinstance(name, str):
                yield argument, name


def model_problems(spec: ModelSpec, documents: Mapping[str, Document]) -> Iterator[Problem]:
    """Yield the problems inside one model folder.

    Args:
        spec: Spec of the folder.
        documents: Its file: `model`.
    """
    document = documents["model"]
    for metric, gate in spec.gates.metrics.items():
        where: Where = ("gates", "metrics", metric)
        better = METRICS[metric].greater_is_better
        if gate.greater_is_better not in {None, better}:
            summary = f"{metric} is better when it is {'greater' if better else 'smaller'}"
            hint = "remove greater_is_better; the direction follows from the metric"
            yield _problem(document, (*where, "greater_is_better"), summary, hint=hint)
        if gate.threshold is gate.min_absolute_change is gate.min_relative_change is None:
            hint = "set threshold, min_absolute_change or min_relative_change"
            yield _problem(document, where, "sets no bar, so every challenger passes", hint=hint)
    if ESTIMATORS[spec.estimator.name].task != spec.task:
        summary = f"{spec.estimator.name} does not fit task {spec.task}"
        yield _problem(document, ("estimator", "name"), summary)
    yield from unused_sections(spec, document)
    yield from _reserved_names(spec, document)


def _reserved_names(spec: ModelSpec, document: Document) -> Iterator[Problem]:
    target = spec.deployment.capabilities
    own, table = LOGGED_COLUMNS, "prediction log"
    if target.scores_in_batches:
        own, table = SCORED_COLUMNS, "score table"
    for where, name in _features(spec):
        if name in own:
            summary = f"{name!r} is a column of the {table} itself"
            yield _problem(document, where, summary, hint="rename the column in the dataset")


def model_and_dataset_problems(
    spec: ModelSpec, dataset: DatasetSpec, document: Document
) -> Iterator[Problem]:
    """Yield the problems of a model with its dataset.

    Args:
        spec: Model.
        dataset: Its dataset.
        document: `model.yaml`.
    """
    features, labels = dataset.streams.features.columns, dataset.streams.labels.columns
    identity = {dataset.key: "key", dataset.event_time: "event time"}
    for where, name in _features(spec):
        if name not in features:
            yield _unknown_column(document, where, name, features, "features")
        elif name in identity:
            summary = f"{name!r} is the dataset's {identity[name]}, which is never given to a model"
            yield _problem(document, where, summary)
        else:
            kinds = _NUMERIC if where[1] == "numeric" else _CATEGORICAL
            yield from _wrong_type(document, where, name, features[name], kinds)
    if spec.target not in labels or spec.target == dataset.key:
        others = [name for name in labels if name != dataset.key]
        yield _unknown_column(document, ("target",), spec.target, others, "labels")
    else:
        target = labels[spec.target]
        yield from _wrong_type(document, ("target",), spec.target, target, _TARGETS[spec.task])


def _features(spec: ModelSpec) -> Iterator[tuple[Where, str]]:
    for kind in ("numeric", "categorical"):
        for index, name in enumerate(getattr(spec.features, kind)):
            yield ("features", kind, index), name


def _wrong_type(
    document: Document, where: Where, name: str, column: Column, fitting: frozenset[str]
) -> Iterator[Problem]:
    if column.type not in fitting:
        summary = f"{name!r} is of type {column.type}; expected {' or '.join(sorted(fitting))}"
        yield _problem(document, where, summary)


def _unknown_column(
    document: Document, where: Where, name: str, columns: Iterable[str], stream: str
) -> Problem:
    allowed = tuple(columns)
    return Problem(
        document.file,
        document.line(where),
        dotted(where),
        f"given {name!r}, which is no column of the {stream} stream",
        allowed=allowed,
        nearest=nearest(name, allowed),
    )


def _problem(document: Document, where: Where, summary: str, *, hint: str | None = None) -> Problem:
    return Problem(document.file, document.line(where), dotted(where), summary, hint=hint)
