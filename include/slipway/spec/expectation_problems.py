"""Check expectations against the columns of their stream: names, and values in arguments."""

from __future__ import annotations

from collections.abc import Iterator

from slipway.spec.dataset import DatasetSpec, Expectation
from slipway.spec.expectation_types import not_computable
from slipway.spec.expectation_values import cast_arguments
from slipway.spec.problem_at import problem_at, unknown_column
from slipway.spec.problems import Problem, format_value
from slipway.spec.yaml_reader import Document, Where
from slipway.values.value_types import ColumnType

_COLUMN_ARGUMENTS = ("column", "column_A", "column_B", "column_list", "column_set")


def expectation_problems(spec: DatasetSpec, document: Document) -> Iterator[Problem]:
    """Yield the problems of a dataset's expectations.

    Args:
        spec: Spec of the dataset.
        document: Its `expectations.yaml`.
    """
    for stream, expectations in spec.expectations.items():
        types = spec.streams.file_types(stream)
        for index, expectation in enumerate(expectations):
            where = (stream, index, "kwargs")
            for argument, name in _named_columns(expectation):
                if name not in types:
                    yield unknown_column(document, (*where, argument), name, types, stream)
            fault = not_computable(expectation.expect, expectation.kwargs, types)
            if fault is None:
                yield from _refused_values(expectation, types, document, where)
            else:
                yield problem_at(
                    document, (stream, index, "expect"), f"{expectation.expect} {fault}"
                )


def _named_columns(expectation: Expectation) -> Iterator[tuple[str, str]]:
    for argument in _COLUMN_ARGUMENTS:
        given = expectation.kwargs.get(argument)
        for name in given if isinstance(given, list) else [given]:
            if isinstance(name, str):
                yield argument, name


def _refused_values(
    expectation: Expectation, types: dict[str, ColumnType], document: Document, where: Where
) -> Iterator[Problem]:
    _, refused = cast_arguments(expectation.expect, expectation.kwargs, types)
    for one in refused:
        about = f"{one.column!r} is of type {one.kind}"
        summary = f"given {format_value(one.given)}, which {one.reason}; {about}"
        yield problem_at(document, (*where, *one.where), summary, hint=one.hint)
