"""Check the fields of a spec against each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import get_args

from slipway.spec.behaviour_problems import behaviour_columns
from slipway.spec.column_names import column_name_problems
from slipway.spec.dataset import DatasetSpec
from slipway.spec.estimators import ESTIMATORS
from slipway.spec.expectation_problems import expectation_problems
from slipway.spec.gate_thresholds import gate_problems
from slipway.spec.key_type import key_type_problems
from slipway.spec.model import ModelSpec
from slipway.spec.problem_at import problem_at
from slipway.spec.problems import Problem
from slipway.spec.slices import SliceCondition, SliceRange, Slices
from slipway.spec.unused_sections import unused_sections
from slipway.spec.yaml_reader import Document, Where
from slipway.values.text_format import FALSE_WORDS, TRUE_WORDS
from slipway.values.value_types import ColumnType


def dataset_problems(spec: DatasetSpec, documents: Mapping[str, Document]) -> Iterator[Problem]:
    """Yield the problems inside one dataset folder.

    Args:
        spec: Spec of the folder.
        documents: Its files: `dataset`, and `expectations` where there is one.
    """
    features, labels = spec.streams.features.columns, spec.streams.labels.columns
    files = [{"features": features}, {"labels": labels}]
    if spec.streams.in_one_file:
        files = [{"features": features, "labels": labels}]
    for streams in files:
        yield from column_name_problems(documents["dataset"], streams)
    yield from key_type_problems(spec, documents["dataset"])
    yield from _columns_of_both(spec, documents["dataset"])
    yield from _share_of_no_file(spec, documents["dataset"])
    if set(labels) <= set(spec.identity.key.named):
        where: Where = ("streams", "labels", "columns")
        yield problem_at(documents["dataset"], where, "holds nothing but the key")
    yield from _missing_truth_values(spec, documents["dataset"])
    if "expectations" in documents:
        yield from expectation_problems(spec, documents["expectations"])


def _columns_of_both(spec: DatasetSpec, document: Document) -> Iterator[Problem]:
    features, labels = spec.streams.features.columns, spec.streams.labels.columns
    both = features.keys() & labels.keys()
    summary, hint = "is a column of both streams; only the key may be", None
    if spec.streams.in_one_file:
        summary = "is a column of the features, in the same file"
        hint = "list it once: what is known only later belongs to the labels"
    else:
        both -= set(spec.identity.key.named)
    for name in sorted(both):
        yield problem_at(document, ("streams", "labels", "columns", name), summary, hint=hint)


def _share_of_no_file(spec: DatasetSpec, document: Document) -> Iterator[Problem]:
    """Yield the problem of a share of bad rows among labels that have no files of their own."""
    if spec.streams.in_one_file and "quarantine_max_share" in spec.streams.labels.model_fields_set:
        where = ("streams", "labels", "quarantine_max_share")
        summary = "has no effect: the labels stand in the features' files"
        hint = "remove it; the share of the features counts"
        yield problem_at(document, where, summary, hint=hint)


def _missing_truth_values(spec: DatasetSpec, document: Document) -> Iterator[Problem]:
    """Yield the marks of missing values that are truth values of a boolean column."""
    types = {**spec.streams.types("features"), **spec.streams.types("labels")}
    booleans = [name for name, kind in types.items() if kind == "boolean"]
    for index, word in enumerate(spec.csv.missing):
        if booleans and word.lower() in TRUE_WORDS | FALSE_WORDS:
            summary = f"{word!r} is a truth value of {booleans[0]!r}, of type boolean"
            hint = "declare that column `type: integer`, or remove the mark"
            yield problem_at(document, ("csv", "missing", index), summary, hint=hint)


def model_problems(spec: ModelSpec, documents: Mapping[str, Document]) -> Iterator[Problem]:
    """Yield the problems inside one model folder.

    Args:
        spec: Spec of the folder.
        documents: Its file: `model`.
    """
    document = documents["model"]
    yield from gate_problems(spec, document)
    row = ESTIMATORS.get(spec.estimator.name)
    if row is not None and not row.fits(spec.task):
        summary = f"{spec.estimator.name} does not fit task {spec.task}"
        yield problem_at(document, ("estimator", "name"), summary)
    yield from unused_sections(spec, document)


def feature_columns(spec: ModelSpec) -> Iterator[tuple[Where, str]]:
    """Yield the columns of a model's features, with their places in `model.yaml`."""
    for kind in ("numeric", "categorical"):
        for index, name in enumerate(getattr(spec.features, kind)):
            yield ("features", kind, index), name


_TYPES: frozenset[str] = frozenset(get_args(ColumnType))


def gate_columns(spec: ModelSpec) -> Iterator[tuple[Where, str, frozenset[str]]]:
    """Yield the columns that a model's gates name, with their places and the types that fit."""
    gates = spec.gates
    if gates.cluster is not None:
        yield ("gates", "cluster"), gates.cluster, _TYPES
    if gates.slices is not None:
        yield from _slice_columns(gates.slices)
    if gates.fairness is not None:
        for index, name in enumerate(gates.fairness.columns):
            yield ("gates", "fairness", "columns", index), name, _TYPES - {"timestamp"}
    if gates.behaviour is not None:
        # Others are told as no features of the model.
        own = set(spec.features.names)
        yield from (one for one in behaviour_columns(gates.behaviour) if one[1] in own)


def _slice_columns(slices: Slices) -> Iterator[tuple[Where, str, frozenset[str]]]:
    for index, name in enumerate(slices.columns):
        yield ("gates", "slices", "columns", index), name, _TYPES - {"timestamp"}
    for title, conditions in slices.named.items():
        for name, condition in conditions.items():
            yield ("gates", "slices", "named", title, name), name, _fitting(condition)


def _fitting(condition: SliceCondition) -> frozenset[str]:
    """Types of a column that a condition can be compared with."""
    if isinstance(condition, SliceRange):
        return frozenset({"integer", "number"})
    values = condition if isinstance(condition, list) else [condition]
    if any(isinstance(one, str) for one in values):
        return frozenset({"string"})
    is_truth = any(isinstance(one, bool) for one in values)
    return frozenset({"boolean"} if is_truth else {"integer", "number"})
