"""Values that a dataset lets a column have, as far as its expectations tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from slipway.spec.dataset import DatasetSpec, Expectation
from slipway.spec.dataset_column import Column
from slipway.spec.labels import Label, spelled
from slipway.spec.model import ModelSpec
from slipway.values.bad_value import BadValue
from slipway.values.parse import parse
from slipway.values.value_types import ColumnType

SETS = frozenset(
    {
        "expect_column_values_to_be_in_set",
        "expect_column_distinct_values_to_be_in_set",
        "expect_column_distinct_values_to_equal_set",
    }
)
"""Expectations that list all values of a column."""


def values_of(listed: Iterable[object], kind: ColumnType) -> set[Any]:
    """Return the values of a set; one that the type refuses is no value.

    Args:
        listed: Values of an expectation.
        kind: Declared type of the column.
    """
    values: set[Any] = set()
    for value in listed:
        with suppress(BadValue):
            values.add(parse(value, kind))
    return values - {None}


def known_values(dataset: DatasetSpec, name: str) -> set[Any] | None:
    """Return the values that rows of a feature may have; None: the expectations do not tell.

    Args:
        dataset: Dataset.
        name: Column of its features.
    """
    return _known(dataset.streams.features.columns, dataset.expectations.get("features", ()), name)


def known_classes(spec: ModelSpec, dataset: DatasetSpec) -> set[Label] | None:
    """Return the classes that labels of a model may be of; None: the specs do not tell.

    Args:
        spec: Model of classes.
        dataset: Its dataset.
    """
    if spec.classes is not None:
        return set(spec.classes)
    columns = dataset.streams.labels.columns
    if spec.task == "classification" and spec.positive is None and spec.target in columns:
        return {False, True} if columns[spec.target].type == "boolean" else {0, 1}
    return _known(columns, dataset.expectations.get("labels", ()), spec.target)


def is_listed(value: Label | float, known: set[Any]) -> bool:
    """Return whether a value is one of those that are known, as specs spell them."""
    return spelled(value) in {spelled(one) for one in known if isinstance(one, Label | float)}


def _known(
    columns: Mapping[str, Column], expectations: Iterable[Expectation], name: str
) -> set[Any] | None:
    if name not in columns:
        return None
    found: set[Any] | None = None
    for one in expectations:
        listed = one.kwargs.get("value_set")
        is_set = one.expect in SETS and isinstance(listed, list | tuple)
        if not is_set or one.kwargs.get("column") != name or not _is_strict(one):
            continue
        values = values_of(listed or (), columns[name].type)
        found = values if found is None else found & values
    return found


def _is_strict(one: Expectation) -> bool:
    """Whether no row that breaks an expectation is taken."""
    every_row = one.kwargs.get("mostly") in {None, 1} and "row_condition" not in one.kwargs
    return one.severity == "critical" and every_row
