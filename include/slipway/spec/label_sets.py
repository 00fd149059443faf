"""Check the labels that expectations let pass against the task of a model."""

from __future__ import annotations

from collections.abc import Iterator

from slipway.spec.dataset import DatasetSpec
from slipway.spec.known_values import SETS, values_of
from slipway.spec.metrics import has_classes
from slipway.spec.model import ModelSpec
from slipway.spec.problem_at import problem_at
from slipway.spec.problems import Problem
from slipway.spec.yaml_reader import Document

BINARY = 2
"""Classes of a binary classification."""


def labels_against_task(
    spec: ModelSpec, dataset: DatasetSpec, document: Document
) -> Iterator[Problem]:
    """Yield the problem that a classification's labels may be of classes that it does not learn.

    Args:
        spec: Spec of the model.
        dataset: Its dataset, with the sets that its expectations have for the target.
        document: Its `model.yaml`.
    """
    if not has_classes(spec.task) or spec.target not in dataset.streams.labels.columns:
        return
    kind, positive = dataset.streams.labels.columns[spec.target].type, spec.positive
    for expectation in dataset.expectations.get("labels", ()):
        allowed = expectation.kwargs.get("value_set")
        is_set = expectation.expect in SETS and isinstance(allowed, list | tuple)
        if not is_set or expectation.kwargs.get("column") != spec.target:
            continue
        classes = values_of(allowed or (), kind)
        if spec.task == "multiclass":
            yield from _undeclared(spec, classes, document)
        elif positive is None and kind != "string" and not classes <= {0, 1}:
            summary = (
                f"the expectations let {spec.target!r} have {len(allowed or ())} values; "
                "`task: classification` learns two, 0 and 1, or false and true"
            )
            hint = "name class 1 of two others with `positive`, such as `positive: 2`"
            yield problem_at(document, ("target",), summary, hint=hint)
        elif positive is not None and positive not in classes:
            summary = f"is no value that the expectations let {spec.target!r} have"
            yield problem_at(document, ("positive",), summary)
        elif positive is not None and len(classes) > BINARY:
            summary = (
                f"the expectations let {spec.target!r} have {len(classes)} values; "
                "`task: classification` learns two"
            )
            yield problem_at(document, ("target",), summary)


def _undeclared(spec: ModelSpec, allowed: set[object], document: Document) -> Iterator[Problem]:
    others = allowed - set(spec.classes or allowed)
    if others:
        summary = f"lack {len(others)} of the values that the expectations let {spec.target!r} have"
        yield problem_at(document, ("classes",), summary)
