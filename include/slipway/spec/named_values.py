"""Check the values and classes that a model's spec names against those that its dataset allows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from slipway.spec.behaviour_problems import behaviour_classes, behaviour_values
from slipway.spec.dataset import DatasetSpec
from slipway.spec.known_values import is_listed, known_classes, known_values
from slipway.spec.labels import Label, spelled
from slipway.spec.metrics import has_classes
from slipway.spec.model import ModelSpec
from slipway.spec.problem_at import unknown_name
from slipway.spec.problems import Problem
from slipway.spec.slices import SliceRange
from slipway.spec.yaml_reader import Document, Where

Value = Label | float

_MOST_SHOWN = 20
"""Allowed values that a problem lists."""


def values_against_dataset(
    spec: ModelSpec, dataset: DatasetSpec, document: Document
) -> Iterator[Problem]:
    """Yield the named values and classes that no row can have, by the dataset's expectations.

    Args:
        spec: Spec of the model.
        dataset: Its dataset, with its expectations.
        document: Its `model.yaml`.
    """
    for where, column, value in _values(spec):
        known = known_values(dataset, column)
        if known is not None and not is_listed(value, known):
            summary = f"which the expectations do not let {column!r} be"
            yield _unknown(document, where, value, known, summary=summary)
    if not has_classes(spec.task):
        return
    classes = known_classes(spec, dataset)
    for where, label in _classes(spec):
        if classes is not None and not is_listed(label, classes):
            summary = f"which is no class of {spec.target!r}"
            yield _unknown(document, where, label, classes, summary=summary)


def _unknown(
    document: Document, where: Where, value: Value, known: set[Any], *, summary: str
) -> Problem:
    allowed = sorted(spelled(one) for one in known)[:_MOST_SHOWN]
    return unknown_name(document, where, spelled(value), summary=summary, allowed=allowed)


def _values(spec: ModelSpec) -> Iterator[tuple[Where, str, Value]]:
    """Values that slices and tests of behaviour name, with their columns."""
    slices, behaviour = spec.gates.slices, spec.gates.behaviour
    for title, conditions in ({} if slices is None else slices.named).items():
        for column, condition in conditions.items():
            where: Where = ("gates", "slices", "named", title, column)
            if isinstance(condition, list):
                yield from (((*where, place), column, one) for place, one in enumerate(condition))
            elif not isinstance(condition, SliceRange):
                yield where, column, condition
    if behaviour is not None:
        yield from behaviour_values(behaviour)


def _classes(spec: ModelSpec) -> Iterator[tuple[Where, Value]]:
    """Classes that weights and tests of behaviour name."""
    weights, behaviour = spec.training.class_weights, spec.gates.behaviour
    if isinstance(weights, dict):
        for name in weights:
            yield ("training", "class_weights", name), name
    # Of declared classes the tests are compared with them inside the model's own spec.
    if behaviour is not None and spec.classes is None and spec.task == "multiclass":
        for where, label in behaviour_classes(behaviour):
            if label is not None:
                yield where, label
