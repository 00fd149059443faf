"""Classes of a target that a model's spec declares, and whether they fit the label column."""

from __future__ import annotations

from collections.abc import Iterator

from slipway.spec.labels import Label
from slipway.spec.model import ModelSpec
from slipway.spec.problem_at import problem_at
from slipway.spec.problems import Problem
from slipway.spec.yaml_reader import Document
from slipway.values.value_types import ColumnType

_TYPES: dict[ColumnType, type] = {"string": str, "integer": int, "boolean": bool}


def declared_classes(spec: ModelSpec) -> tuple[Label, ...]:
    """Return the classes that a spec names, which messages may name too."""
    return tuple(spec.classes or ()) if spec.positive is None else (spec.positive,)


def classes_against_column(
    spec: ModelSpec, kind: ColumnType, document: Document
) -> Iterator[Problem]:
    """Yield the problem that declared classes are of another type than the target.

    Args:
        spec: Spec of the model.
        kind: Declared type of its target.
        document: Its `model.yaml`.
    """
    if spec.task == "classification" and kind == "string" and spec.positive is None:
        summary = f"{spec.target!r} is of type string; which of its two values is class 1?"
        hint = "name it, as in `positive: UP`; more than two are `task: multiclass`"
        yield problem_at(document, ("target",), summary, hint=hint)
    expected = _TYPES.get(kind)
    if expected and any(type(one) is not expected for one in declared_classes(spec)):
        summary = f"is not of type {kind}, as {spec.target!r} is"
        quoted = "put a text in quotes that would be a number" if kind == "string" else None
        where = ("classes",) if spec.positive is None else ("positive",)
        yield problem_at(document, where, summary, hint=quoted)
