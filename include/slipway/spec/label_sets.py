"""Check the labels that expectations let pass against the task of a model."""

from __future__ import annotations

from collections.abc import Iterator

from slipway.spec.dataset import DatasetSpec
from slipway.spec.model import ModelSpec
from slipway.spec.problem_at import problem_at
from slipway.spec.problems import Problem
from slipway.spec.yaml_reader import Document
from slipway.values.bad_value import BadValue
from slipway.values.parse import parse
from slipway.values.value_types import ColumnType

_SETS = frozenset(
    {
        "expect_column_values_to_be_in_set",
        "expect_column_distinct_values_to_be_in_set",
        "expect_column_distinct_values_to_equal_set",
    }
)


def labels_against_task(
    spec: ModelSpec, dataset: DatasetSpec, document: Document
) -> Iterator[Problem]:
    """Yield the problem that a classification's labels may be other than 0 and 1.

    Args:
        spec: Spec of the model.
        dataset: Its dataset, with the sets that its expectations have for the target.
        document: Its `model.yaml`.
    """
    if spec.task != "classification" or spec.target not in dataset.streams.labels.columns:
        return
    kind = dataset.streams.labels.columns[spec.target].type
    for expectation in dataset.expectations.get("labels", ()):
        allowed = expectation.kwargs.get("value_set")
        is_set = expectation.expect in _SETS and isinstance(allowed, list | tuple)
        if not is_set or expectation.kwargs.get("column") != spec.target:
            continue
        if any(_is_other(value, kind) for value in allowed or ()):
            summary = (
                f"the expectations let {spec.target!r} have {len(allowed or ())} values; "
                "`task: classification` learns two, 0 and 1, or false and true"
            )
            hint = "deliver a column of 0 and 1, or declare it `type: boolean`"
            yield problem_at(document, ("target",), summary, hint=hint)


def _is_other(value: object, kind: ColumnType) -> bool:
    """Return whether a value of a set is neither class; one that the type refuses is no value."""
    try:
        # True and False are equal to 1 and 0.
        return parse(value, kind) not in (None, 0, 1)
    except BadValue:
        return False
